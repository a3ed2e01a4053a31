"""Tab-separated rows of ``id``, ``text`` and ``title``, as DPR's ``psgs_w100.tsv`` has them: quoted as CSV is."""

from collections.abc import Iterator, Mapping, Sequence

from ..documents import Document
from .base import Format, Opened, Record
from .checks import make_document
from .quoted import make_record, split_rows

_COLUMNS = ("id", "text", "title")


def _read(opened: Opened) -> Iterator[Record]:
    rows = split_rows(opened, "\t")
    first = next(rows, None)
    if first is None:
        return
    columns = _read_header(first.fields)
    if columns is None:
        columns = _COLUMNS
        yield make_record(first, columns, _make)
    for row in rows:
        yield make_record(row, columns, _make)


def _make(fields: Mapping[str, str]) -> Document:
    row = dict(fields)
    return make_document(row.pop("id"), row.pop("title", ""), row.pop("text"), row)


def _read_header(fields: Sequence[str]) -> tuple[str, ...] | None:
    names = tuple(field.strip().lower() for field in fields)
    return names if "id" in names and "text" in names else None


DPR = Format("dpr", "tab-separated id, text and title with CSV's quotes, as DPR's psgs_w100.tsv", (".tsv",), _read)
