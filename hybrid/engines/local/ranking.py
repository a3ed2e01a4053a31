"""The formula over a view: both true scores of every passage, the best of each side, their union in order.

All scores are at hand as arrays, so there is no second round: the union's scores are a gather. Sims are float32 sums
at first; those that may reach the top are summed again in float64, so that equal passages have equal scores.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...fusion import SimPrior
from ...passages import Mode, Vector
from . import bm25
from .dense import Dense, exact_sims, top
from .segments import Mask
from .view import Rows, View

Scores = NDArray[np.float64]

#: float32 sums of a dot product stay within this of the true one, relative to the product of the two lengths.
_NOISE = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """What decides a ranking, besides the passages."""

    k: int
    mode: Mode
    lam: float
    depth: int
    prior: SimPrior
    #: No passage vector is longer.
    max_norm: float


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Rows with their scores, best first; those that tie with the k-th come along, so that ids can decide."""

    rows: Rows
    scores: Scores
    bm25: Scores
    #: NaN where a passage has no vector, or the question has none.
    sims: Scores


def score_terms(view: View, terms: Sequence[str], k1: float, b: float) -> Scores:
    """Give the BM25 of every row; a term that is asked twice counts twice."""
    total = np.zeros(len(view))
    factors = bm25.length_factors(view.statistics, k1, b)
    for term, asked in Counter(terms).items():
        found = [(part, held) for part in view.parts if (held := part.postings.find(term)) is not None]
        containing = sum(_count_living(view, part.rows, rows) for part, (rows, _) in found)
        weight = np.float32(asked) * bm25.idf(view.statistics.passages, containing)
        for part, (rows, freqs) in found:
            total[part.rows][rows] += bm25.score_term(weight, freqs, part.postings.norms[rows], factors)
    # Lucene adds in float64 and answers in float32.
    return total.astype(np.float32).astype(np.float64)


def rank(
    view: View, question: Vector | None, lexical: Scores, dense: Dense | None, open_to: Mask, wanted: Wanted
) -> Ranked:
    """Give the best rows among those that are open to the question."""
    rows = _propose(lexical, dense, open_to, wanted)
    if question is None or dense is None:
        best = rows[_reach(lexical[rows], wanted.k, 0.0)]
        return _order(best, lexical[best], lexical[best], np.full(len(best), np.nan), wanted.k)
    near = rows[_find_near(rows, question, lexical[rows], dense, wanted)]
    sims = exact_sims(view, near, question)
    return _order(near, _fuse(lexical[near], sims, wanted), lexical[near], sims, wanted.k)


def _propose(lexical: Scores, dense: Dense | None, open_to: Mask, wanted: Wanted) -> Rows:
    """Give the best ``depth`` rows of each side that the mode asks."""
    if wanted.mode == "lexical":
        # The depth is a limit of k here, so that ids decide between those that tie for the last place.
        return np.flatnonzero(open_to & (lexical > 0))
    proposed = np.zeros(len(lexical), dtype=np.bool_)
    if wanted.mode != "dense":
        proposed[top(lexical, open_to & (lexical > 0), wanted.depth)] = True
    if dense is not None:
        proposed[dense.propose(open_to, wanted.depth)] = True
    return np.flatnonzero(proposed)


def _fuse(lexical: Scores, sims: Scores, wanted: Wanted) -> Scores:
    """Give the score that the mode ranks by."""
    if wanted.mode == "lexical":
        return lexical
    if wanted.mode == "dense":
        return sims
    expected = wanted.prior.a + wanted.prior.b * lexical
    return lexical + wanted.lam * np.where(np.isnan(sims), expected, sims)


def _find_near(rows: Rows, question: Vector, lexical: Scores, dense: Dense, wanted: Wanted) -> Rows:
    """Give the places of all that may be among the best k."""
    if wanted.mode == "lexical":
        return _reach(lexical, wanted.k, 0.0)
    lam = wanted.lam if wanted.mode == "hybrid" else 1.0
    # float32 sums are off by a little, whatever they are sums of.
    margin = lam * _NOISE * float(np.linalg.norm(question)) * wanted.max_norm
    return _reach(_fuse(lexical, dense.rough(rows), wanted), wanted.k, margin)


def _reach(scores: Scores, k: int, margin: float) -> Rows:
    """Give the places of all that may be among the best k."""
    if len(scores) <= k:
        return np.arange(len(scores))
    kth = np.partition(scores, len(scores) - k)[-k]
    return np.flatnonzero(scores >= kth - 2 * margin)


def _order(rows: Rows, scores: Scores, lexical: Scores, sims: Scores, k: int) -> Ranked:
    best = np.argsort(-scores, kind="stable")
    if len(best) > k:
        best = best[scores[best] >= scores[best[k - 1]]]
    return Ranked(rows[best], scores[best], lexical[best], sims[best])


def _count_living(view: View, part: slice, rows: NDArray[np.integer]) -> int:
    return len(rows) if view.all_alive else int(np.count_nonzero(view.alive[part][rows]))
