"""JSON, one object a line: ``id``, ``title``, ``text``, and everything else is metadata.

``_id`` stands for ``id`` where there is none, and ``contents``, as Pyserini calls it, for ``text``. What lies inside
``metadata``, as in BEIR's ``corpus.jsonl``, or inside ``meta``, as ``hybrid`` prints its hits, counts as if it lay
beside it.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import orjson

from ..documents import Document
from .base import Format, Malformed, Opened, Record, refuse
from .checks import decode, make_document
from .lines import Line, read_lines, too_long


def _read(opened: Opened) -> Iterator[Record]:
    for line in read_lines(opened.stream, opened.limit):
        if not line.whole:
            yield line.number, line.data, partial(refuse, too_long(opened.limit))
        elif line.data.strip():
            yield line.number, line.data, partial(_parse, line)


def _parse(line: Line) -> Document:
    try:
        row = orjson.loads(line.data)
    except orjson.JSONDecodeError as error:
        decode(line.data, line.offset)
        raise Malformed(_explain(error)) from None
    if not isinstance(row, dict):
        raise Malformed("the line is no JSON object")
    return make_from_row(row)


def make_from_row(row: dict[str, Any]) -> Document:
    """Make a document of what a row says by name; ``row`` is used up."""
    document_id, text = _take(row, "id", "_id"), _take(row, "text", "contents")
    return make_document(document_id, row.pop("title", None), text, _lift_metadata(row))


def _take(row: dict[str, Any], name: str, other: str) -> Any:
    """Take a part of a row by its name, or by the other one where there is none."""
    found = row.pop(name, None)
    return row.pop(other, None) if found is None else found


def _explain(error: orjson.JSONDecodeError) -> str:
    if "surrogate" in error.msg:
        return f"half of a surrogate pair at column {error.colno}"
    message = error.msg.partition(": line")[0]
    return f"not JSON: {message}" if "end of data" in message else f"not JSON: {message} at column {error.colno}"


def _lift_metadata(row: dict[str, Any]) -> dict[str, Any]:
    """Give everything that a row says besides; what stands beside an object goes before what lies inside it."""
    inside: dict[str, Any] = {}
    for name in ("meta", "metadata"):
        if isinstance(row.get(name), dict):
            inside |= row.pop(name)
    return inside | row


JSONL = Format(
    "jsonl", "JSON, one object a line with id, title and text; BEIR's corpus", (".jsonl", ".ndjson"), _read
)
