"""Start and end scores of a passage's tokens in, its best spans out. Pure.

As in the paper (§6.1): the ten best starts are paired with the ten best ends, a span is worth the sum of both, and is
not too long. Only tokens of the passage's text are handed in, so no span lies in the question or the title.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Starts and ends that are paired.
WIDTH = 10
#: Tokens of the longest answer, as in the authors' code.
LONGEST = 10
#: Spans of a passage that are looked at further.
COUNT = 5

Scores = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Span:
    """Tokens from ``first`` to ``last``, both of them in it."""

    first: int
    last: int
    score: float


def find_spans(starts: Scores, ends: Scores, *, longest: int = LONGEST, count: int = COUNT) -> list[Span]:
    """Give the best spans that do not touch each other, best first; of equal ones the first and shortest."""
    firsts, lasts = _best(starts), _best(ends)
    scores = starts[firsts, None].astype(np.float64) + ends[None, lasts]
    lengths = lasts[None, :] - firsts[:, None] + 1
    fits = (lengths >= 1) & (lengths <= longest) & np.isfinite(scores)
    found = [
        Span(int(firsts[row]), int(lasts[column]), float(scores[row, column]))
        for row, column in zip(*np.nonzero(fits), strict=True)
    ]
    found.sort(key=lambda span: (-span.score, span.first, span.last))
    chosen: list[Span] = []
    for span in found:
        if len(chosen) == count:
            break
        if all(span.last < one.first or one.last < span.first for one in chosen):
            chosen.append(span)
    return chosen


def _best(scores: Scores) -> NDArray[np.intp]:
    return np.argsort(-scores, kind="stable")[:WIDTH]
