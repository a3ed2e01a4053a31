"""What every format is made of: an opened source goes in, records come out, and each gives a document or refuses.

A record is cheap until it is called, so that rows which are only counted cost next to nothing.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ..documents import Document

_ENDING = re.compile(r"(?<!^)\.[^.]{1,8}(\.(gz|bz2|xz|zst|zstd))?$", re.IGNORECASE)


class Malformed(Exception):  # noqa: N818 - a verdict on a row, not an error of the program
    """A row that cannot become a document; raised between rows, a source that cannot be read any further."""

    def __init__(self, reason: str, line: int = 1):
        super().__init__(reason)
        self.reason = reason
        #: Where a source ceases to be readable.
        self.line = line


class NotUtf8(Malformed):
    """A row that is not text in the encoding that it was read in."""


#: The line where a row begins, what it looks like, and what makes a document of it or raises ``Malformed``.
Record = tuple[int, str | bytes, Callable[[], Document]]


@dataclass(frozen=True, slots=True)
class Opened:
    """A source with its compression taken off, and in UTF-8."""

    #: Its path below what was named, with forward slashes; ids are made of it where rows bring none.
    name: str
    stream: BinaryIO
    #: The most bytes that one row may have.
    limit: int
    #: The beginning of the stream, to look at.
    head: bytes = b""

    @property
    def stem(self) -> str:
        """The file's name without folders and ending."""
        return _ENDING.sub("", self.name.rpartition("/")[2])


@dataclass(frozen=True, slots=True)
class Format:
    """A way to read a source."""

    name: str
    #: For a person who has to choose.
    about: str
    #: Endings that tell this format, compression taken off.
    suffixes: tuple[str, ...]
    read: Callable[[Opened], Iterator[Record]]
    #: Whether a whole file is one document.
    whole: bool = False
    #: Whether ids are made from the name of the file.
    named: bool = False
    #: The module that is needed, and the extra of ours that brings it.
    library: str = ""
    extra: str = ""
    #: Whether the source is text that does not say itself how it is encoded.
    encoded: bool = True
    #: Raises ``Malformed`` where the beginning of a source shows that none of it can be read.
    check: Callable[[bytes], object] | None = None


def refuse(reason: str) -> Document:
    """Stand in for a record that is known to be malformed before it is called."""
    raise Malformed(reason)
