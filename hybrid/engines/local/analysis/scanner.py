"""Any text to the places of its words."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from .grammar import FIRST, TOKEN
from .properties import RANGES
from .words import MAX_UNITS


@dataclass(frozen=True, slots=True)
class Scanned:
    """A text, the class of each of its code points, and where its words begin and end."""

    text: str
    classes: bytes
    spans: list[tuple[int, int]]


def scan(text: str) -> Scanned:
    """Find the words of a text. Two halves of a surrogate pair are one; a half by itself separates words.

    Here alone Lucene differs: it can lose words before a half that ends a text, which no JSON in UTF-8 can hold.
    """
    try:
        encoded = text.encode("utf-32-le")
    except UnicodeEncodeError:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        encoded = text.encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(encoded, dtype="<u4")
    classes = _class_letters()[codes].tobytes()
    spans = [found.span(1) for found in TOKEN.finditer(classes) if found.lastindex]
    if any(end - start > MAX_UNITS // 2 for start, end in spans):
        spans = _scan_bounded(classes, codes)
    return Scanned(text, classes, spans)


def _scan_bounded(classes: bytes, codes: NDArray[np.uint32]) -> list[tuple[int, int]]:
    """Find words as a reader does that never sees more than ``MAX_UNITS`` from where it is."""
    units = np.concatenate([[0], np.cumsum(1 + (codes > 0xFFFF))])
    limits = np.searchsorted(units, units[:-1] + MAX_UNITS, side="right") - 1
    spans = []
    place = 0
    while first := FIRST.search(classes, place):
        place = first.start()
        found = TOKEN.match(classes[place : limits[place]])
        length = found.end() if found and found.lastindex else 0
        if length:
            spans.append((place, place + length))
        place += length or 1
    return spans


@cache
def _class_letters() -> NDArray[np.uint8]:
    """Give the letter of every code point's class, and a full stop for those in none."""
    letters = np.full(0x110000, ord("."), dtype=np.uint8)
    for letter, ranges in RANGES.items():
        for span in ranges.split():
            first, _, last = span.partition("-")
            letters[int(first, 16) : int(last or first, 16) + 1] = ord(letter)
    return letters
