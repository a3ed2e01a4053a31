"""Tab-separated rows of ``id``, ``text`` and ``title``, as DPR's ``psgs_w100.tsv`` has them: quoted as CSV is.

A quoted field may hold line breaks. A quotation mark that is never closed would swallow everything behind it; so a
row over several lines is taken only if its quotes are proper, and otherwise its first line is refused and the second
read anew.
"""

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial

from ..documents import Document
from .base import Format, Malformed, Opened, Record, refuse
from .checks import decode, make_document
from .lines import Line, read_lines, too_long

_COLUMNS = ("id", "text", "title")
#: How far to look for the end of a quoted field.
_MAX_LINES = 10_000
_UNCLOSED = "a quotation mark opens a field and is not closed where the row ends"
_RETURN = "a carriage return stands in a field without quotes"


class _OpenQuoteError(Exception):
    """The row at hand goes on further than any row may."""


class _Feed:
    """Hands lines to the csv module, remembers those of the row at hand, and takes back what it had too much."""

    def __init__(self, lines: Iterator[Line], limit: int):
        self._lines = lines
        self._limit = limit
        self._again: deque[Line] = deque()
        self._size = 0
        self.taken: list[Line] = []
        #: True where the source ended inside a row.
        self.cut = False

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        if self.taken and (self._size > self._limit or len(self.taken) >= _MAX_LINES):
            raise _OpenQuoteError
        line = self._again.popleft() if self._again else next(self._lines, None)
        if line is None:
            self.cut = bool(self.taken)
            raise StopIteration
        self.taken.append(line)
        self._size += len(line.data)
        if not line.whole:
            raise _OpenQuoteError
        return _to_text(line)

    def begin(self) -> None:
        """Get ready for the next row."""
        self.taken, self._size, self.cut = [], 0, False

    def give_back(self, lines: Sequence[Line]) -> None:
        """Have lines come once more."""
        self._again.extendleft(reversed(lines))


def _read(opened: Opened) -> Iterator[Record]:
    rows = _split_rows(opened)
    first = next(rows, None)
    if first is None:
        return
    line, fields, fault = first
    columns = _read_header(fields)
    if columns is None:
        columns = _COLUMNS
        yield _record(line, fields, fault, columns)
    for line, fields, fault in rows:
        yield _record(line, fields, fault, columns)


def _split_rows(opened: Opened) -> Iterator[tuple[Line, list[str], str]]:
    """Give for each row its first line, its fields, and what is wrong with it, if that is known already."""
    csv.field_size_limit(max(csv.field_size_limit(), 2 * opened.limit))
    feed = _Feed(read_lines(opened.stream, opened.limit), opened.limit)
    reader = csv.reader(feed, delimiter="\t")
    while True:
        feed.begin()
        fields, fault = _next_fields(reader, feed)
        if not feed.taken:
            return
        first = feed.taken[0]
        if not first.whole:
            yield first, [], too_long(opened.limit)
        elif fault:
            feed.give_back(feed.taken[1:])
            yield first, [], fault
        elif fields:
            yield first, fields, ""


def _next_fields(reader: Iterator[list[str]], feed: _Feed) -> tuple[list[str], str]:
    try:
        fields = next(reader, [])
    except _OpenQuoteError:
        return [], _UNCLOSED
    except csv.Error:
        return [], _RETURN if len(feed.taken) == 1 else _UNCLOSED
    several = len(feed.taken) > 1
    return fields, _UNCLOSED if feed.cut or (several and not _is_proper(feed.taken)) else ""


def _record(line: Line, fields: list[str], fault: str, columns: tuple[str, ...]) -> Record:
    if fault:
        return line.number, line.data, partial(refuse, fault)
    return line.number, line.data, partial(_parse, line, fields, columns)


def _parse(line: Line, fields: list[str], columns: tuple[str, ...]) -> Document:
    if len(fields) != len(columns):
        decode(line.data, line.offset)
        names = ", ".join(columns)
        raise Malformed(f"the number of columns is {len(fields)} instead of {len(columns)} ({names})")
    row = dict(zip(columns, fields, strict=True))
    try:
        return make_document(row.pop("id"), row.pop("title", ""), row.pop("text"), row)
    except Malformed:
        decode(line.data, line.offset)
        raise


def _read_header(fields: list[str]) -> tuple[str, ...] | None:
    names = tuple(field.strip().lower() for field in fields)
    return names if "id" in names and "text" in names else None


def _is_proper(lines: Sequence[Line]) -> bool:
    try:
        return len(list(csv.reader(map(_to_text, lines), delimiter="\t", strict=True))) == 1
    except csv.Error:
        return False


def _to_text(line: Line) -> str:
    return line.data.decode("utf-8", "surrogateescape")


DPR = Format("dpr", "tab-separated id, text and title with CSV's quotes, as DPR's psgs_w100.tsv", (".tsv",), _read)
