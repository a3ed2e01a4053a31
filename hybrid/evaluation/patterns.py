"""Answers that are regular expressions, as CuratedTREC's: they may be wrong, match everything, or take for ever.

A pattern is looked for anywhere in a passage's text, in either case; both are brought into normal form D.
"""

import unicodedata
from collections.abc import Iterable
from typing import Any

import regex

from .matching import Unusable

#: Seconds that one pattern may take over one passage; an honest one takes less than a thousandth of that.
PATIENCE = 2.0

_FLAGS = regex.IGNORECASE | regex.UNICODE | regex.MULTILINE


class PatternMatcher:
    """Looks for patterns; one that takes too long is reported and left out from then on."""

    def __init__(self, patterns: Iterable[str], *, patience: float = PATIENCE):
        self._patience = patience
        self._compiled: dict[str, Any] = {}
        self.unusable: tuple[Unusable, ...] = ()
        for pattern in dict.fromkeys(patterns):
            try:
                compiled = regex.compile(unicodedata.normalize("NFD", pattern), _FLAGS)
            except (regex.error, RecursionError) as error:
                self._leave_out(pattern, f"is no pattern: {error}")
                continue
            self._compiled[pattern] = compiled
            if self._search(pattern, "") is not None:
                self._leave_out(pattern, "matches an empty text, and so any")

    def matches(self, text: str) -> bool:
        """Tell whether one of the patterns is found in a text."""
        normal = unicodedata.normalize("NFD", text)
        return any(self._search(pattern, normal) is not None for pattern in list(self._compiled))

    def find(self, text: str) -> list[str]:
        """Give what the patterns find in a text, each pattern's first."""
        normal = unicodedata.normalize("NFD", text)
        found = (self._search(pattern, normal) for pattern in list(self._compiled))
        return [unicodedata.normalize("NFC", one[0]) for one in found if one]

    def _search(self, pattern: str, text: str) -> Any:
        try:
            return self._compiled[pattern].search(text, timeout=self._patience)
        except TimeoutError:
            self._leave_out(pattern, f"takes more than {self._patience:g} s over one passage")
            return None

    def _leave_out(self, pattern: str, reason: str) -> None:
        self._compiled.pop(pattern, None)
        self.unusable += (Unusable(pattern, reason),)
