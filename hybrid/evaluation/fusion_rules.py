"""Ways to make one order of two lists: the true scores and ranks of a question's candidates go in, scores come out.

The product ranks by ``add_true_scores``. The others are what is done elsewhere, for comparison on the same lists, and
the head bonus, an attempt to go further. What a rule may use of a passage that only one list holds is the difference
between most of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError

Scores = NDArray[np.float64]
Ranks = NDArray[np.int64]

#: Reciprocal rank fusion's constant (Cormack, Clarke and Büttcher 2009), everybody's default.
RRF_K = 60
#: What OpenSearch's min-max gives the last of a list, so that it stands above what the list does not hold.
MIN_MAX_FLOOR = 0.001
#: The head bonus that was best for all test sets in one collection: weight of sim, size of the bonus, and the rank at
#: which it has halved. Elsewhere it is no better than the sum (``python -m benchmarks.beyond``).
HEAD_WEIGHT, HEAD_BONUS, HEAD_RANK = 0.75, 4.0, 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """The union of both lists for one question, each passage with both of its true scores."""

    ids: Sequence[str]
    bm25: Scores
    sim: Scores
    #: The rank in each list, from 1; 0 where the passage is not in it.
    rank_bm25: Ranks
    rank_dense: Ranks

    def __post_init__(self) -> None:
        lengths = {len(self.ids), *(len(column) for column in (self.bm25, self.sim, self.rank_bm25, self.rank_dense))}
        if len(lengths) != 1:
            raise UsageError("The columns of candidates differ in length.")
        if not (np.isfinite(self.bm25).all() and np.isfinite(self.sim).all()):
            raise UsageError("A candidate's score is no finite number.")
        if (np.maximum(self.rank_bm25, self.rank_dense) < 1).any():
            raise UsageError("A candidate is in neither list.")


def order(ids: Sequence[str], scores: Scores) -> Ranks:
    """Give the places in the order of the scores, best first, then of the ids."""
    return np.lexsort((np.array(ids, dtype=np.str_), -scores)).astype(np.int64)


def add_true_scores(candidates: Candidates, lam: float) -> Scores:
    """Add true scores: the paper's rule, and the product's."""
    return candidates.bm25 + lam * candidates.sim


def fill_minimum(candidates: Candidates, lam: float) -> Scores:
    """Add scores, a missing one being the lowest of its list, or 0 if that is empty: Pyserini's rule."""
    bm25 = _fill(candidates.bm25, candidates.rank_bm25, _lowest(candidates.bm25, candidates.rank_bm25))
    sim = _fill(candidates.sim, candidates.rank_dense, _lowest(candidates.sim, candidates.rank_dense))
    return bm25 + lam * sim


def fill_zero(candidates: Candidates, lam: float) -> Scores:
    """Add scores, a missing one being 0: the linear rule of Elasticsearch and others."""
    return _fill(candidates.bm25, candidates.rank_bm25, 0.0) + lam * _fill(candidates.sim, candidates.rank_dense, 0.0)


def add_min_max(candidates: Candidates, dense_weight: float = 0.5) -> Scores:
    """Add what min-max makes of each list, a missing one being 0: the default of OpenSearch's hybrid query."""
    bm25 = _fill(_min_max(candidates.bm25, candidates.rank_bm25), candidates.rank_bm25, 0.0)
    sim = _fill(_min_max(candidates.sim, candidates.rank_dense), candidates.rank_dense, 0.0)
    return (1 - dense_weight) * bm25 + dense_weight * sim


def add_z_scores(candidates: Candidates, dense_weight: float = 0.5) -> Scores:
    """Add standard scores within each list, a missing one being the lowest of its list.

    OpenSearch's z_score differs: it gives everything below the mean the same.
    """
    bm25 = _z_score(candidates.bm25, candidates.rank_bm25)
    sim = _z_score(candidates.sim, candidates.rank_dense)
    return (1 - dense_weight) * bm25 + dense_weight * sim


def add_reciprocal_ranks(candidates: Candidates, k: float = RRF_K) -> Scores:
    """Add 1 / (k + rank) over the lists that hold a passage: RRF."""
    return sum(
        (np.where(ranks > 0, 1 / (k + ranks), 0.0) for ranks in (candidates.rank_bm25, candidates.rank_dense)),
        start=np.zeros(len(candidates.ids)),
    )


def add_head_bonus(
    candidates: Candidates, weight: float = HEAD_WEIGHT, bonus: float = HEAD_BONUS, half: float = HEAD_RANK
) -> Scores:
    """Add true scores, and a bonus for standing at the head of either list."""
    ranks = (candidates.rank_bm25, candidates.rank_dense)
    best = np.minimum(*(np.where(rank > 0, rank, np.inf) for rank in ranks))
    return add_true_scores(candidates, weight) + bonus * half / (half + best)


def _fill(values: Scores, ranks: Ranks, missing: float) -> Scores:
    return np.where(ranks > 0, values, missing)


def _lowest(values: Scores, ranks: Ranks) -> float:
    return float(values[ranks > 0].min()) if ranks.any() else 0.0


def _min_max(values: Scores, ranks: Ranks) -> Scores:
    if not ranks.any():
        return values
    listed = values[ranks > 0]
    low, high = listed.min(), listed.max()
    if low == high:
        return np.ones_like(values)
    scaled = (values - low) / (high - low)
    return np.where(scaled == 0, MIN_MAX_FLOOR, scaled)


def _z_score(values: Scores, ranks: Ranks) -> Scores:
    """Give standard scores, of what the list does not hold the lowest; 0 where all of a list are equal."""
    if not ranks.any():
        return np.zeros_like(values)
    listed = values[ranks > 0]
    if listed.min() == listed.max():
        return np.zeros_like(values)
    scores = (values - listed.mean()) / listed.std()
    return _fill(scores, ranks, _lowest(scores, ranks))
