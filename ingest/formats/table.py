"""Tables with a header, as spreadsheets and databases write them: commas, semicolons or tabs, and CSV's quotes.

Columns have the names that JSON lines use, ``id`` (or ``_id``), ``title`` and ``text``, in any case. Every other
column is metadata and stays text. An empty cell says nothing; nor does a column without a name, where some programs
save a row's number.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence

from ..documents import Document
from .base import Format, Malformed, Opened, Record
from .jsonl import make_from_row
from .quoted import make_record, split_rows

_SEPARATORS = ",;\t"
_IDS, _TEXT = {"id", "_id"}, "text"
_OURS = {*_IDS, "title", _TEXT}


def find_columns(head: bytes) -> tuple[str, list[str]]:
    """Give what separates the columns, and their names; ``Malformed`` where the first row is no header."""
    found = [(separator, _split_header(head, separator)) for separator in _SEPARATORS]
    separator, names = max(found, key=lambda one: (_is_header(one[1]), len(one[1])))
    if not _is_header(names):
        raise Malformed(
            f"wanted are columns named id (or _id) and text, and found: {', '.join(names)[:200] or 'none'}"
        )
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice is not None:
        raise Malformed(f"two columns are named {twice[:80]}")
    return separator, names


def is_table(head: bytes) -> bool:
    """Tell whether a source begins with the header of a table."""
    try:
        return bool(find_columns(head))
    except Malformed:
        return False


def _read(opened: Opened) -> Iterator[Record]:
    separator, columns = find_columns(opened.head)
    rows = split_rows(opened, separator)
    header = next(rows, None)
    if header and header.fault:
        raise Malformed(header.fault, header.line.number)
    for row in rows:
        yield make_record(row, columns, _make)


def _make(fields: Mapping[str, str]) -> Document:
    return make_from_row({name: cell for name, cell in fields.items() if name and (cell or name == _TEXT)})


def _split_header(head: bytes, separator: str) -> list[str]:
    text = head.decode("utf-8-sig", "surrogateescape").lstrip("\r\n")
    try:
        fields = next(csv.reader(io.StringIO(text, newline="\n"), delimiter=separator), [])
    except csv.Error:  # a carriage return alone
        return []
    names = [field.strip() for field in fields]
    return [name.lower() if name.lower() in _OURS else name for name in names]


def _is_header(names: Sequence[str]) -> bool:
    return _TEXT in names and not _IDS.isdisjoint(names)


CSV = Format(
    "csv",
    "a table with a header that names id and text; commas, semicolons or tabs, with CSV's quotes",
    (".csv",),
    _read,
    check=find_columns,
)
