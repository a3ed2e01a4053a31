"""The inverted index of some passages: which of them hold a term, and how often.

Terms are sorted by their bytes and found by bisection in the mapped file, so opening costs nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from ...errors import StorageError
from .arrays import Array, Arrays
from .bm25 import encode_lengths

Rows = NDArray[np.integer]

_TYPES: dict[str, tuple[type[np.integer], ...]] = {
    "slots": (np.int64,),
    "lengths": (np.int32,),
    "norms": (np.uint8,),
    "terms": (np.uint8,),
    "term_starts": (np.int64,),
    "starts": (np.int64,),
    "rows": (np.int32,),
    "freqs": (np.uint8, np.uint16, np.uint32),
}


@dataclass(frozen=True, slots=True, eq=False)
class Postings:
    """Arrays over the passages of one segment, in the order of their slots."""

    #: Where each passage stands in the store, ascending.
    slots: NDArray[np.int64]
    #: How many terms each has, and the byte that BM25 reads instead.
    lengths: NDArray[np.int32]
    norms: NDArray[np.uint8]
    #: The terms' bytes one after the other, and where each begins.
    terms: NDArray[np.uint8]
    term_starts: NDArray[np.int64]
    #: Where the passages of each term begin in ``rows`` and ``freqs``.
    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    freqs: NDArray[np.unsignedinteger]

    def __len__(self) -> int:
        return len(self.slots)

    def find(self, term: str) -> tuple[Rows, NDArray[np.unsignedinteger]] | None:
        """Give the passages that hold a term, as rows of this segment, with the number of times."""
        wanted = term.encode("utf-8", "surrogatepass")
        low, high = 0, len(self.starts) - 1
        while low < high:
            middle = (low + high) // 2
            if self._term(middle) < wanted:
                low = middle + 1
            else:
                high = middle
        if low == len(self.starts) - 1 or self._term(low) != wanted:
            return None
        part = slice(int(self.starts[low]), int(self.starts[low + 1]))
        rows = self.rows[part]
        # Read as unsigned, negative ones are too large as well.
        if len(rows) and rows.view(np.uint32).max() >= len(self.slots):
            raise StorageError(f"The postings of {term!r} point nowhere: the index is damaged; make it anew.")
        return rows, self.freqs[part]

    def all_terms(self) -> Iterator[bytes]:
        """Give every term's bytes, in order."""
        return (self._term(place) for place in range(len(self.term_starts) - 1))

    def _term(self, place: int) -> bytes:
        return self.terms[self.term_starts[place] : self.term_starts[place + 1]].tobytes()


def build_postings(slots: Sequence[int], bags: Sequence[Sequence[str]]) -> dict[str, Array]:
    """Invert passages that are given as their terms."""
    lengths = np.fromiter(map(len, bags), dtype=np.int32, count=len(bags))
    words = sorted(set(chain.from_iterable(bags)), key=lambda word: word.encode("utf-8", "surrogatepass"))
    places = {word: place for place, word in enumerate(words)}
    total = int(lengths.sum())
    held = np.fromiter((places[word] for word in chain.from_iterable(bags)), dtype=np.int64, count=total)
    rows = np.repeat(np.arange(len(bags), dtype=np.int64), lengths)
    pairs, freqs = np.unique(held * len(bags) + rows, return_counts=True)
    counts = np.bincount(pairs // max(1, len(bags)), minlength=len(words))
    return {
        "slots": np.array(slots, dtype=np.int64),
        "lengths": lengths,
        "norms": encode_lengths(lengths.astype(np.int64)),
        **pack_terms([word.encode("utf-8", "surrogatepass") for word in words]),
        "starts": running_sum(counts),
        "rows": (pairs % max(1, len(bags))).astype(np.int32),
        "freqs": narrow(freqs),
    }


def merge_postings(parts: Sequence[Postings], alive: Sequence[NDArray[np.bool_]]) -> dict[str, Array]:
    """Give the living passages of neighbouring segments as one, in the same order."""
    words = sorted(set(chain.from_iterable(part.all_terms() for part in parts)))
    places = {word: place for place, word in enumerate(words)}
    pieces = []
    first = 0
    for part, living in zip(parts, alive, strict=True):
        held = np.repeat(
            np.fromiter((places[word] for word in part.all_terms()), dtype=np.int64), np.diff(part.starts)
        )
        kept = living[part.rows]
        new_rows = first - 1 + np.cumsum(living, dtype=np.int64)
        pieces.append((held[kept], new_rows[part.rows[kept]], part.freqs[kept]))
        first += int(np.count_nonzero(living))
    held, rows, freqs = (np.concatenate([piece[place] for piece in pieces]) for place in range(3))
    # Each segment's postings are sorted already and segments follow each other, so a stable sort by term is enough.
    order = np.argsort(held, kind="stable")
    counts = np.bincount(held, minlength=len(words))
    used = counts > 0
    return {
        **{name: _keep(parts, alive, name) for name in ("slots", "lengths", "norms")},
        **pack_terms([word for word, wanted in zip(words, used, strict=True) if wanted]),
        "starts": running_sum(counts[used]),
        "rows": rows[order].astype(np.int32),
        "freqs": narrow(freqs[order]),
    }


def read_postings(arrays: Arrays) -> Postings:
    """Take mapped arrays for what they are; StorageError where they do not fit together."""
    if not (_are_typed(arrays) and _fit(postings := Postings(**arrays))):
        raise StorageError("The index is damaged: its postings do not fit together; make it anew.")
    return postings


def _are_typed(arrays: Arrays) -> bool:
    return arrays.keys() == _TYPES.keys() and all(
        array.ndim == 1 and array.dtype in _TYPES[name] for name, array in arrays.items()
    )


def _fit(postings: Postings) -> bool:
    return (
        len(postings.lengths) == len(postings.norms) == len(postings)
        and len(postings.starts) == len(postings.term_starts) >= 1
        and len(postings.rows) == len(postings.freqs) == postings.starts[-1]
        and len(postings.terms) == postings.term_starts[-1]
    )


def pack_terms(words: Sequence[bytes]) -> dict[str, Array]:
    """Lay words end to end."""
    return {
        "terms": np.frombuffer(b"".join(words), dtype=np.uint8),
        "term_starts": running_sum(np.fromiter(map(len, words), dtype=np.int64, count=len(words))),
    }


def running_sum(counts: NDArray[np.integer]) -> NDArray[np.int64]:
    """Give where each of several blocks begins, and where the last ends."""
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])


def narrow(freqs: NDArray[np.integer]) -> NDArray[np.unsignedinteger]:
    """Store counts in as few bytes as hold the largest."""
    return freqs.astype(np.min_scalar_type(int(freqs.max(initial=0))))


def _keep(parts: Sequence[Postings], alive: Sequence[NDArray[np.bool_]], name: str) -> Array:
    return np.concatenate([getattr(part, name)[living] for part, living in zip(parts, alive, strict=True)])
