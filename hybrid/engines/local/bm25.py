"""Lucene 10's BM25 to the bit: ``idf · tf / (tf + k1 · (1 − b + b · dl / avgdl))``, without a factor k1 + 1.

Lucene keeps a passage's length in one byte and computes each term's score in float32. Both are part of the
ranking, so both are done here, in the same order of operations. Statistics are those of living passages.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]
Bytes = NDArray[np.uint8]

#: Lengths below this have a byte value of their own; longer ones keep their four leading bits.
_EXACT_LENGTHS = 24
_BYTES = 256


def _decode_bytes() -> NDArray[np.int64]:
    """Give the length that each byte stands for."""
    lengths = list(range(_EXACT_LENGTHS))
    for code in range(_BYTES - _EXACT_LENGTHS):
        mantissa, exponent = code & 7, code >> 3
        excess = mantissa if exponent == 0 else (mantissa | 8) << (exponent - 1)
        lengths.append(_EXACT_LENGTHS + excess)
    return np.array(lengths, dtype=np.int64)


#: Byte → length, ascending.
BYTE_LENGTHS = _decode_bytes()


@dataclass(frozen=True, slots=True)
class Statistics:
    """What BM25 knows of the whole index."""

    #: Passages with at least one term.
    passages: int
    #: Terms of all passages together, repeated ones counted.
    terms: int

    @property
    def average_length(self) -> np.float32:
        """Terms of a passage on average."""
        return np.float32(self.terms / self.passages) if self.passages else np.float32(1)


def encode_lengths(lengths: NDArray[np.int64]) -> Bytes:
    """Round numbers of terms down to what one byte can say."""
    return (np.searchsorted(BYTE_LENGTHS, lengths, side="right") - 1).astype(np.uint8)


def idf(passages: int, containing: int) -> np.float32:
    """Weigh a term by how few passages contain it."""
    return np.float32(math.log(1 + (passages - containing + 0.5) / (containing + 0.5)))


def length_factors(statistics: Statistics, k1: float, b: float) -> Scores:
    """Give ``1 / (k1 · (1 − b + b · dl / avgdl))`` for every byte, as Lucene tabulates it."""
    one, slope, start = np.float32(1), np.float32(b), np.float32(k1)
    shares = slope * BYTE_LENGTHS.astype(np.float32) / statistics.average_length
    with np.errstate(divide="ignore"):
        factors: Scores = one / (start * ((one - slope) + shares))
    return factors


def score_term(weight: np.float32, freqs: NDArray[np.unsignedinteger], norms: Bytes, factors: Scores) -> Scores:
    """Give a term's part of the score of each passage that contains it."""
    one = np.float32(1)
    scores: Scores = weight - weight / (one + freqs.astype(np.float32) * factors[norms])
    return scores
