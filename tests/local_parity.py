"""Two engines' rankings side by side: alike, or how far apart."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hybrid import Hit
from tests.agreement import TOLERANCE


@dataclass(slots=True)
class Tally:
    """What was seen when two rankings were laid side by side."""

    questions: int = 0
    hits: int = 0
    #: Places where the other engine has another passage; both scores there are within the tolerance.
    swaps: int = 0
    #: Hits left out because they tie at rank ``depth`` of a side, where each engine may choose its own.
    tied: int = 0
    score_difference: float = 0.0
    bm25_difference: float = 0.0
    sim_difference: float = 0.0

    def compare(self, local: Sequence[Hit], cluster: Sequence[Hit], what: str) -> None:
        """Fail unless both have the same passages in the same order, but for pairs that are nearly equal."""
        others = {hit.id: hit for hit in cluster}
        for here, there in zip(local, cluster, strict=True):
            assert _near(here.score, there.score), f"{what}: rank {here.rank} is {here} and {there}"
            self.swaps += here.id != there.id
            if here.id in others:
                self._compare_parts(here, others[here.id], what)
        self.questions += 1
        self.hits += len(local)

    def _compare_parts(self, here: Hit, there: Hit, what: str) -> None:
        self.score_difference = max(self.score_difference, _relative(here.score, there.score))
        self.bm25_difference = max(self.bm25_difference, _relative(here.bm25, there.bm25))
        assert (here.sim is None, here.sim_expected is None) == (there.sim is None, there.sim_expected is None), what
        if here.sim is not None and there.sim is not None:
            self.sim_difference = max(self.sim_difference, _relative(here.sim, there.sim))
        if here.sim_expected is not None and there.sim_expected is not None:
            self.sim_difference = max(self.sim_difference, _relative(here.sim_expected, there.sim_expected))
        assert max(self.score_difference, self.bm25_difference, self.sim_difference) <= TOLERANCE, what

    def __str__(self) -> str:
        return (
            f"{self.questions} questions, {self.hits} hits, {self.swaps} swapped, {self.tied} left out for ties at "
            f"the end of a side; largest differences: "
            f"score {self.score_difference:.1e}, bm25 {self.bm25_difference:.1e}, sim {self.sim_difference:.1e}"
        )


def _relative(first: float, second: float) -> float:
    return abs(first - second) / max(1.0, abs(second))


def _near(first: float, second: float) -> bool:
    return _relative(first, second) <= TOLERANCE


def are_alike(local: Sequence[Hit], cluster: Sequence[Hit]) -> bool:
    return len(local) == len(cluster) and all(map(_near, _scores(local), _scores(cluster)))


def _scores(hits: Sequence[Hit]) -> list[float]:
    return [hit.score for hit in hits]


@dataclass(frozen=True, slots=True)
class Edge:
    """The scores of the last passage that each side proposes; below everything where a side proposes all it has."""

    bm25: float
    sim: float

    def leaves_out(self, hit: Hit) -> bool:
        """Tell whether an engine may leave a passage out: it ties for the last place, and no side has it anyway."""
        sim = -np.inf if hit.sim is None else hit.sim
        certain = hit.bm25 > self.bm25 and not _near(hit.bm25, self.bm25) and hit.bm25 > 0
        certain |= sim > self.sim and not _near(sim, self.sim)
        return not certain


def without_tied(hits: Sequence[Hit], edge: Edge, tally: Tally) -> list[Hit]:
    kept = [hit for hit in hits if not edge.leaves_out(hit)]
    tally.tied += len(hits) - len(kept)
    return kept
