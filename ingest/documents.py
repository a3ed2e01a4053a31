"""What a source gives: ``Row`` after row, each with a ``Document``, or a ``Reject`` where it cannot become one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: OpenSearch takes no longer id, in UTF-8.
MAX_ID_BYTES = 512
#: Characters of a rejected row that are shown.
EXCERPT = 100


@dataclass(frozen=True, slots=True)
class Document:
    """A text with an id and a title, before it is split."""

    id: str
    title: str
    text: str
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was left out, and why."""

    #: The file as it was named, and the line where the row begins, from 1.
    source: str
    line: int
    #: A phrase in plain words, such as ``the text is empty``.
    reason: str
    #: The beginning of the row, made printable.
    excerpt: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the sources; ``position`` counts rows over all of them, from 0, accepted or not."""

    position: int
    content: Document | Reject
    source: str = ""
    line: int = 0


def excerpt(row: str | bytes) -> str:
    """Give the beginning of a row with everything escaped that could upset a terminal."""
    if isinstance(row, bytes):
        # A character has four bytes at most; one that is cut shows as escapes.
        row = row[: 4 * EXCERPT].decode("utf-8", "backslashreplace")
    return printable(row[: EXCERPT + 1].strip())[:EXCERPT]


def printable(text: str) -> str:
    """Escape line breaks, control characters and whatever else cannot be shown."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
