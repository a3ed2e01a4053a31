"""The formula: ``score = BM25(q, p) + λ · sim(q, p)`` (Karpukhin et al. 2020, §5.1).

It stands here three times, side by side, because it is evaluated in three places: in Python, inside OpenSearch
(``SHIFTED_SIM``), and backwards, to read a passage's BM25 off its score. A passage without a vector takes the sim
that its BM25 makes likely, ``a + b · BM25``, so that the order of an index without any vector is exactly BM25's.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

#: Weight of the dense side, tuned by the paper on its development questions (§5.1).
PAPER_LAMBDA = 1.1
#: How many passages each side proposes (§5.1).
PAPER_DEPTH = 2000
#: Lucene's BM25 as the paper ran it (§5.1, footnote).
PAPER_K1 = 0.9
PAPER_B = 0.4

#: sim in OpenSearch's Painless. ``_score`` is what k-NN's own script makes of a dot product d: 1 + d for d ≥ 0,
#: 1 / (1 − d) below, 0 without a vector.
_SIM = "double s = _score;double sim = s <= 0 ? params.a : (s >= 1 ? s - 1 : 1 - 1 / s);"
#: 1 + λ · (sim + c). c lifts every sum to 0 or more, which OpenSearch demands of a score; the 1 tells a sum from no
#: sum.
SHIFTED_SIM = f"{_SIM}return 1 + Math.max(0, params.lambda * (sim + params.c));"
#: λ · sim, or 0 if that is more: for scores that are multiplied afterwards, where a shift would not stay one.
CLIPPED_SIM = f"{_SIM}return Math.max(0, params.lambda * sim);"


@dataclass(frozen=True, slots=True)
class SimPrior:
    """The sim to expect of a passage from its BM25: ``a + b · BM25``."""

    a: float
    b: float


#: For all-MiniLM-L6-v2 at scale 20, and a usable start for any encoder whose sims spread alike. A little above the
#: least-squares line of sim on BM25 (a −0.4 to 0.2, b 0.9 to 1.1, by corpus): with half of the vectors missing that
#: found more answers at every k on three corpora, because what is still unknown may be the best.
DEFAULT_PRIOR = SimPrior(a=1.0, b=1.0)


def fuse(bm25: float, sim: float, lam: float) -> float:
    """Give the score of a passage from both of its true scores."""
    return bm25 + lam * sim


def expect_sim(bm25: float, prior: SimPrior) -> float:
    """Give the sim that stands in for a passage without a vector."""
    return prior.a + prior.b * bm25


def split_score(score: float, sim: float | None, lam: float, prior: SimPrior) -> float:
    """Give the BM25 inside a score: the inverse of ``fuse``, with or without a vector."""
    if sim is not None:
        return score - lam * sim
    return (score - lam * prior.a) / (1 + lam * prior.b)


def lift(question_norm: float, max_norm: float, prior: SimPrior) -> float:
    """Give c, so that sim + c ≥ 0 for every passage: |q · p| ≤ ‖q‖ · ‖p‖, give or take float32's rounding."""
    return max(question_norm * max_norm * (1 + ROUNDING), -prior.a, 0.0)


def shift(lam: float, lifted_by: float) -> float:
    """Give what ``SHIFTED_SIM`` adds to λ · sim."""
    return 1 + lam * lifted_by


#: Sums beyond this leave float32 less than 1e-4 to tell BM25 scores apart.
MAX_SHIFT = 1600.0
#: Relative room for sums of float32 in another order.
ROUNDING = 1e-5


class Ranked(Protocol):
    """What can be put in order."""

    @property
    def id(self) -> str:
        """Name of the passage."""

    @property
    def score(self) -> float:
        """What it is ranked by."""


R = TypeVar("R", bound=Ranked)


def order(ranked: Iterable[R]) -> list[R]:
    """Sort by score, best first, then by id (code point order is UTF-8's byte order)."""
    return sorted(ranked, key=lambda item: (-item.score, item.id))


def is_weight(value: float) -> bool:
    """Tell whether ``value`` can be a λ."""
    try:
        return math.isfinite(value) and value >= 0
    except OverflowError:
        return False
