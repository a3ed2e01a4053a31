"""Rows of a table with CSV's quotes (RFC 4180), of any separator, in bounded memory.

A quoted field may hold line breaks. A quotation mark that is never closed would swallow everything behind it; so a
row over several lines is taken only if its quotes are proper, and otherwise its first line is refused and the second
read anew.
"""

import csv
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from ..documents import Document
from .base import Malformed, Opened, Record, refuse
from .checks import decode
from .lines import Line, read_lines, too_long

#: What makes a document of a row's fields, by the names of their columns.
Make = Callable[[Mapping[str, str]], Document]

#: How far to look for the end of a quoted field.
_MAX_LINES = 10_000
_UNCLOSED = "a quotation mark opens a field and is not closed where the row ends"
_RETURN = "a carriage return stands in a field without quotes"


class QuotedRow(NamedTuple):
    """A row of a table."""

    #: The first, where the row has several.
    line: Line
    fields: list[str]
    #: What is wrong with it, if that is known already.
    fault: str


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


def split_rows(opened: Opened, separator: str) -> Iterator[QuotedRow]:
    """Give all rows that are not blank."""
    # No field can be longer than its row, so the module's own limit is never met.
    csv.field_size_limit(max(csv.field_size_limit(), 2 * opened.limit))
    feed = _Feed(read_lines(opened.stream, opened.limit), opened.limit)
    reader = csv.reader(feed, delimiter=separator)
    while True:
        feed.begin()
        fields, fault = _next_fields(reader, feed, separator)
        if not feed.taken:
            return
        first = feed.taken[0]
        if not first.whole:
            yield QuotedRow(first, [], too_long(opened.limit))
        elif fault:
            feed.give_back(feed.taken[1:])
            yield QuotedRow(first, [], fault)
        elif fields:
            yield QuotedRow(first, fields, "")


def make_record(row: QuotedRow, columns: Sequence[str], make: Make) -> Record:
    """Give a row's record; one that has more or fewer fields than there are columns is refused."""
    if row.fault:
        return row.line.number, row.line.data, partial(refuse, row.fault)
    return row.line.number, row.line.data, partial(_parse, row, columns, make)


def _next_fields(reader: Iterator[list[str]], feed: _Feed, separator: str) -> tuple[list[str], str]:
    try:
        fields = next(reader, [])
    except _OpenQuoteError:
        return [], _UNCLOSED
    except csv.Error:
        return [], _RETURN if len(feed.taken) == 1 else _UNCLOSED
    several = len(feed.taken) > 1
    return fields, _UNCLOSED if feed.cut or (several and not _is_proper(feed.taken, separator)) else ""


def _parse(row: QuotedRow, columns: Sequence[str], make: Make) -> Document:
    line, fields = row.line, row.fields
    if len(fields) != len(columns):
        decode(line.data, line.offset)
        names = ", ".join(columns)
        raise Malformed(f"the number of columns is {len(fields)} instead of {len(columns)} ({names})")
    try:
        return make(dict(zip(columns, fields, strict=True)))
    except Malformed:
        decode(line.data, line.offset)
        raise


def _is_proper(lines: Sequence[Line], separator: str) -> bool:
    try:
        return len(list(csv.reader(map(_to_text, lines), delimiter=separator, strict=True))) == 1
    except csv.Error:
        return False


def _to_text(line: Line) -> str:
    return line.data.decode("utf-8", "surrogateescape")
