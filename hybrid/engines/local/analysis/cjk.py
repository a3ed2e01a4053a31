"""Chinese, Japanese and Korean: widths made alike, and neighbouring letters paired."""

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

from .grammar import ONE_SCRIPT
from .scanner import Scanned
from .words import lower

#: Wide ASCII to ASCII, and narrow Katakana to wide.
_WIDTHS = {
    code: unicodedata.normalize("NFKC", chr(code))
    for first, last in ((0xFF01, 0xFF5E), (0xFF65, 0xFF9D))
    for code in range(first, last + 1)
}
#: A narrow voice mark and the letter before it.
_VOICED = re.compile("([^\uff9e\uff9f]?)([\uff9e\uff9f])", re.DOTALL)
_VOICE_MARKS = {"\uff9e": "\u3099", "\uff9f": "\u309a"}
_ODD_WIDTH = re.compile("[\uff01-\uff5e\uff65-\uff9f]")


def pair_up(scanned: Scanned) -> Iterator[str]:
    """Give words as they are, and of each run of Han, Kana and Hangul the pairs of neighbours, or its only letter."""
    small = lower(scanned.text)
    fold = _fold_widths if _ODD_WIDTH.search(small) else str
    run: list[str] = []
    run_end = 0
    for start, end in scanned.spans:
        paired = _is_paired(scanned.classes, start, end)
        if run and not (paired and start == run_end):
            yield from _pair("".join(run))
            run = []
        word = fold(small[start:end])
        if paired:
            run.append(word)
            run_end = end
        else:
            yield word
    yield from _pair("".join(run))


def _is_paired(classes: bytes, start: int, end: int) -> bool:
    first = classes[start : start + 1]
    return first in b"CJ" or (first in b"GK" and ONE_SCRIPT.fullmatch(classes, start, end) is not None)


def _pair(run: str) -> Iterator[str]:
    return map("".join, pairwise(run)) if len(run) > 1 else iter(run)


def _fold_widths(word: str) -> str:
    return _VOICED.sub(lambda found: _voice(found[1], _VOICE_MARKS[found[2]]), word.translate(_WIDTHS))


def _voice(letter: str, mark: str) -> str:
    """Make one letter of Katakana and its voice mark, where there is such a letter."""
    return unicodedata.normalize("NFC", letter + mark) if "\u30a6" <= letter <= "\u30fd" else letter + mark
