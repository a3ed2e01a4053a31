"""Which words of a passage a question matches, and the piece of its text that shows most of them."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from ..engines.local.analysis import Analyze, find_analyzer
from ..errors import UsageError

Span = tuple[int, int]
#: A match, and the term that matches.
Match = tuple[int, int, str]

_WORD = re.compile(r"\w+(?:['\u2019]\w+)*")
#: Letters of scripts that leave no spaces: there a term is one letter, or a pair of them.
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True, slots=True)
class Matcher:
    """Finds a question's terms in texts as BM25 does: by stems, without stop words."""

    analyze: Analyze
    terms: frozenset[str]

    @classmethod
    def of(cls, question: str, analyzer: str) -> "Matcher":
        """Read a question; an analyzer that only the cluster knows is taken for one that does nothing to words."""
        try:
            analyze = find_analyzer(analyzer)
        except UsageError:
            analyze = find_analyzer("standard")
        return cls(analyze, frozenset(analyze(question)))

    def find(self, text: str) -> list[Match]:
        """Give the places of all words that match, in order."""
        return [match for word in _WORD.finditer(text) for match in self._find_in_word(word)]

    def _find_in_word(self, word: re.Match[str]) -> list[Match]:
        terms = self.analyze(word[0])
        if _UNSPACED.search(word[0]):
            return [(*span, term) for span, term in _place(terms, word) if term in self.terms]
        term = next((one for one in terms if one in self.terms), None)
        return [] if term is None else [(*word.span(), term)]


def choose_window(text: str, matches: Sequence[Match], cells: int) -> Span:
    """Give the piece of a text, in whole words and at most so many cells, that holds the most different matches.

    Of equal pieces the one with more matches counts, then the first; a match stands not quite at its beginning.
    """
    if cell_len(text) <= cells:
        return 0, len(text)
    words = [word.span() for word in re.finditer(r"\S+", text)]
    begins = [begin for begin, _, _ in matches]
    best, chosen = (-1, -1), (0, 0)
    for first in _starts(words, matches, cells):
        start, end = words[first][0], _fit(text, words, first, cells)
        near = matches[bisect_left(begins, start) : bisect_left(begins, end)]
        inside = [term for _, stop, term in near if stop <= end]
        value = len(set(inside)), len(inside)
        if value > best:
            best, chosen = value, (start, end)
    return chosen


def _place(terms: Sequence[str], word: re.Match[str]) -> Iterator[tuple[Span, str]]:
    """Give the places of a word's terms, one after the other; they may overlap."""
    letters, place = word[0].lower(), 0
    for term in terms:
        found = letters.find(term, place)
        if found >= 0:
            yield (word.start() + found, word.start() + found + len(term)), term
            place = found + 1


def _starts(words: Sequence[Span], matches: Sequence[Match], cells: int) -> list[int]:
    """Name the words to begin at: the first, and for each match one that leaves a little room before it."""
    room = cells // 5
    begins = [start for start, _ in words]
    return sorted({0, *(bisect_left(begins, begin - room) for begin, _, _ in matches)})


def _fit(text: str, words: Sequence[Span], first: int, cells: int) -> int:
    """Give where the last whole word ends that fits; of one that is too long, a piece."""
    start = words[first][0]
    end = start
    for _, stop in words[first:]:
        if cell_len(text[start:stop]) > cells:
            break
        end = stop
    if end > start:
        return end
    return start + len(set_cell_size(text[start : start + cells], cells).rstrip())
