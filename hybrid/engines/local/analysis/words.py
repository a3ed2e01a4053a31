"""A text to its words in small letters, in order."""

import re

#: The grammar of words for ASCII alone. It finds runs of connectors too, which are no words.
_ASCII_WORD = re.compile(r"[a-z0-9_]+(?:[.:',;](?:(?<=[a-z][.:'])(?=[a-z])|(?<=[0-9][.,;'])(?=[0-9]))[a-z0-9_]+)*")
#: Lucene looks no further than so many UTF-16 units for the end of a word, and goes on behind what it has.
MAX_UNITS = 255


def split(text: str) -> list[str]:
    """Cut a text into words."""
    if text.isascii():
        words = _ASCII_WORD.findall(text.lower())
        if max(map(len, words), default=0) <= MAX_UNITS:
            return [word for word in words if word.strip("_")] if "_" in text else words
    # Only other texts need tables.
    from .scanner import scan

    scanned = scan(text)
    small = lower(scanned.text)
    return [small[start:end] for start, end in scanned.spans]


def lower(text: str) -> str:
    """Give each letter its small one, as Java does: Python makes two of İ, and looks at what is around a Σ."""
    return text.replace("\u0130", "i").replace("\u03a3", "\u03c3").lower()
