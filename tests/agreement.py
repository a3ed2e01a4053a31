"""Does a ranking agree with the reference? Scores within 1e-4, and only passages that close may change places."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hybrid import Hit
from tests.reference import Mask, Proposal, Scores, ranked

TOLERANCE = 1e-4
#: True scores that differ by less are equal: nothing but float32's noise, or the ids, decides between them.
EQUAL = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """All that is true of one question: both scores of every passage, and who proposes what."""

    ids: Sequence[str]
    #: Where each id stands in all that follows.
    places: Mapping[str, int]
    bm25: Scores
    #: NaN where a passage has no vector.
    sim: Scores
    score: Scores
    proposals: tuple[Proposal, ...]
    prior: tuple[float, float]


@dataclass(slots=True)
class Tally:
    """What was seen over many questions."""

    #: Take a BM25 for true if the score it was read off is: float32 says no more beside sims in the thousands.
    coarse: bool = False

    searches: int = 0
    hits: int = 0
    #: Places where another passage stands than in the reference.
    swaps: int = 0
    #: Those of them where both have the same true score.
    equal_swaps: int = 0
    #: Largest differences from the truth, relative to 1 or the true value if that is larger.
    score_difference: float = 0.0
    bm25_difference: float = 0.0
    sim_difference: float = 0.0
    recalls: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        figures = (
            f"{self.searches} searches, {self.hits} hits, {self.swaps} swapped ({self.equal_swaps} of equal score); "
            f"largest differences: score {self.score_difference:.1e}, bm25 {self.bm25_difference:.1e}, "
            f"sim {self.sim_difference:.1e}"
        )
        if not self.recalls:
            return figures
        return f"{figures}; recall {np.mean(self.recalls):.4f} on average, {np.min(self.recalls):.4f} at worst"


class Tallies(defaultdict[str, Tally]):
    """Tallies by name; reported as properties of the test suite, and printed (``pytest -rP`` shows it)."""

    def __init__(self) -> None:
        super().__init__(Tally)

    def report(self, record: Callable[[str, object], None]) -> None:
        """Write every tally down."""
        for name, tally in self.items():
            record(name, str(tally))
            print(f"{name}: {tally}")


def check_hits(hits: Sequence[Hit], truth: Truth, k: int, tally: Tally) -> None:
    """Fail unless ``hits`` are the true best k of what is proposed."""
    rows = [truth.places[hit.id] for hit in hits]
    assert len(set(rows)) == len(rows), "a passage was returned twice"
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    assert [hit.id for hit in hits] == [hit.id for hit in sorted(hits, key=lambda h: (-h.score, h.id.encode()))]
    for hit, row in zip(hits, rows, strict=True):
        _check_values(hit, row, truth, tally)
    _check_places(rows, truth, k, tally)
    tally.searches += 1
    tally.hits += len(hits)


def _check_values(hit: Hit, row: int, truth: Truth, tally: Tally) -> None:
    true_bm25, true_sim = float(truth.bm25[row]), float(truth.sim[row])
    tally.score_difference = max(tally.score_difference, _near(hit.score, float(truth.score[row]), "score", hit))
    unit = max(1.0, abs(hit.score)) if tally.coarse else 1.0
    tally.bm25_difference = max(tally.bm25_difference, _near(hit.bm25, true_bm25, "bm25", hit, unit))
    if true_bm25 == 0:
        assert hit.bm25 == 0, f"{hit.id} shares no term with the question, yet its bm25 is {hit.bm25}"
    if np.isnan(true_sim):
        assert hit.sim is None, f"{hit.id} has no vector, yet its sim is {hit.sim}"
    else:
        assert hit.sim is not None, f"{hit.id} has a vector, yet no sim"
        assert hit.sim_expected is None
        tally.sim_difference = max(tally.sim_difference, _near(hit.sim, true_sim, "sim", hit))
    if hit.sim_expected is not None:
        a, b = truth.prior
        _near(hit.sim_expected, a + b * true_bm25, "sim_expected", hit)


def _near(given: float, true: float, what: str, hit: Hit, unit: float = 1.0) -> float:
    difference = abs(given - true) / max(unit, abs(true))
    assert difference <= TOLERANCE, f"{what} of {hit.id} at rank {hit.rank} is {given}, should be {true}"
    return difference


def _check_places(rows: list[int], truth: Truth, k: int, tally: Tally) -> None:
    returned = np.zeros(len(truth.ids), dtype=np.bool_)
    returned[rows] = True
    certain = np.logical_or.reduce([side.certain for side in truth.proposals])
    choice = np.logical_or.reduce([side.open for side in truth.proposals])
    strangers = [truth.ids[row] for row in rows if not (certain | choice)[row]]
    assert not strangers, f"neither side proposes {strangers[:5]}"
    wanted = ranked(truth.score, np.flatnonzero(certain | (choice & returned)), truth.ids, k)
    assert len(rows) == len(wanted), f"{len(rows)} hits instead of {len(wanted)}"
    for place, (got, want) in enumerate(zip(rows, wanted, strict=True), start=1):
        apart = abs(truth.score[got] - truth.score[want])
        close = TOLERANCE * max(1.0, abs(float(truth.score[want])))
        assert apart <= close, f"rank {place} is {_describe(got, truth)}, should be {_describe(want, truth)}"
        tally.swaps += got != want
        tally.equal_swaps += got != want and apart <= EQUAL
    _check_choices(returned, certain, truth, full=len(rows) == k)


def _describe(row: int, truth: Truth) -> str:
    return f"{truth.ids[row]} ({truth.score[row]})"


def _check_choices(returned: Mask, certain: Mask, truth: Truth, *, full: bool) -> None:
    """Of passages tied at rank ``depth`` the engine may choose which, but not how many."""
    lowest = float(truth.score[returned].min()) if full and returned.any() else -np.inf
    worth = truth.score > lowest + TOLERANCE * max(1.0, abs(lowest)) if full else np.ones_like(returned)
    for number, side in enumerate(truth.proposals):
        others = [other.open for place, other in enumerate(truth.proposals) if place != number]
        for level, seats in side.tied:
            only_here = level & ~certain & ~np.logical_or.reduce([np.zeros_like(level), *others])
            assert np.count_nonzero(returned & only_here) <= seats
            left_out = level & ~certain & ~returned & worth
            assert np.count_nonzero(left_out) <= np.count_nonzero(level) - seats
