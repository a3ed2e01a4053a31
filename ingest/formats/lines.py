"""Lines of a source in bounded memory, and the format that takes each line for a passage."""

from collections.abc import Iterator
from functools import partial
from typing import BinaryIO, NamedTuple

from ..documents import Document
from .base import Format, Opened, Record, refuse
from .checks import decode, make_document

_BOM = b"\xef\xbb\xbf"
_PIECE = 2**20


class Line(NamedTuple):
    """A line with its ending."""

    #: From 1.
    number: int
    #: Where in the file it begins.
    offset: int
    data: bytes
    #: False where the line is longer than the limit and ``data`` only its beginning.
    whole: bool


def read_lines(stream: BinaryIO, limit: int) -> Iterator[Line]:
    """Give all lines; only a line break ends one, whatever else Unicode takes for an end."""
    number = offset = 0
    while data := stream.readline(limit + 1):
        number += 1
        size = len(data)
        whole = size <= limit or data.endswith(b"\n")
        if not whole:
            size += _skip_line(stream)
        if number == 1 and data.startswith(_BOM):
            yield Line(1, len(_BOM), data[len(_BOM) :], whole)
        else:
            yield Line(number, offset, data, whole)
        offset += size


def too_long(limit: int) -> str:
    """Say why a row is refused that is larger than the limit."""
    return f"the row has more than {limit:,} bytes"


def _skip_line(stream: BinaryIO) -> int:
    skipped = 0
    while piece := stream.readline(_PIECE):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break
    return skipped


def _read(opened: Opened) -> Iterator[Record]:
    for line in read_lines(opened.stream, opened.limit):
        if not line.whole:
            yield line.number, line.data, partial(refuse, too_long(opened.limit))
        elif line.data.strip():
            yield line.number, line.data, partial(_parse, opened.name, line)


def _parse(name: str, line: Line) -> Document:
    text = decode(line.data, line.offset).rstrip("\r\n")
    return make_document(f"{name}:{line.number}", "", text)


LINES = Format("lines", "text, one passage a line", (), _read, named=True)
