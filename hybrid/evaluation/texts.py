"""Passages by id, read from the index when they are first wanted; the last ones are kept."""

from collections.abc import Iterable

from ..engines.contract import Index
from ..passages import Passage

#: Passages kept in memory: some tens of megabytes.
KEPT = 50_000
_AT_ONCE = 1000


class Texts:
    """Reads passages of one index."""

    def __init__(self, index: Index, kept: int = KEPT):
        self._index = index
        self._kept = kept
        self._found: dict[str, Passage] = {}

    def get(self, ids: Iterable[str]) -> dict[str, Passage]:
        """Give those passages that are stored."""
        wanted = list(dict.fromkeys(ids))
        missing = [one for one in wanted if one not in self._found]
        fresh: dict[str, Passage] = {}
        for start in range(0, len(missing), _AT_ONCE):
            fresh |= self._index.fetch(missing[start : start + _AT_ONCE])
        found = {one: passage for one in wanted if (passage := self._found.get(one) or fresh.get(one)) is not None}
        self._found |= fresh
        for old in list(self._found)[: max(0, len(self._found) - self._kept)]:
            del self._found[old]
        return found

    def known(self, ids: Iterable[str]) -> set[str]:
        """Give those ids that are stored passages, or documents as ``hybrid ingest`` names their passages."""
        wanted = set(ids)
        stored = self.get(wanted).keys()
        first = self.get(f"{one}#0" for one in wanted - stored)
        return {*stored, *(one.removesuffix("#0") for one in first)}
