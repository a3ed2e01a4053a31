"""Which documents a job has met already: 16 bytes each, so that a source of millions still fits.

Ids and contents are kept as 64-bit hashes in a few sorted arrays that are merged as they grow.
"""

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

#: Entries that wait in a dictionary before they become an array.
BUFFER = 65_536


@dataclass(slots=True)
class Seen:
    """A growing set of documents."""

    _fresh: dict[int, int] = field(default_factory=dict)
    #: Sorted ids with the hash of what each said, the largest run first.
    _runs: list[tuple[Words, Words]] = field(default_factory=list)

    def meet(self, document_id: str, content: str) -> int | None:
        """Note a document; give the content hash it had when it was met before, or None for the first time."""
        key = digest(document_id)
        before = self._find(key)
        if before is None:
            self._fresh[key] = digest(content)
            if len(self._fresh) >= BUFFER:
                self._freeze()
        return before

    def _find(self, key: int) -> int | None:
        if key in self._fresh:
            return self._fresh[key]
        word = np.uint64(key)
        for ids, contents in self._runs:
            place = int(np.searchsorted(ids, word))
            if place < len(ids) and ids[place] == word:
                return int(contents[place])
        return None

    def _freeze(self) -> None:
        """Turn the dictionary into a run, and merge runs of about the same size."""
        run = _sort(
            np.fromiter(self._fresh.keys(), np.uint64, len(self._fresh)),
            np.fromiter(self._fresh.values(), np.uint64, len(self._fresh)),
        )
        self._fresh.clear()
        while self._runs and len(self._runs[-1][0]) <= 2 * len(run[0]):
            ids, contents = self._runs.pop()
            run = _sort(np.concatenate((ids, run[0])), np.concatenate((contents, run[1])))
        self._runs.append(run)


def digest(text: str) -> int:
    """Give 64 bits that name a text."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def _sort(ids: Words, contents: Words) -> tuple[Words, Words]:
    order = np.argsort(ids, kind="stable")
    return ids[order], contents[order]
