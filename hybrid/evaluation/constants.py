"""Which k1 and b does an index want? Each pair that is tried asks all questions anew, and gets the λ that suits it.

Proof is as for λ: pair and λ are chosen on one half of the questions, and compared on the other with the λ that the
index's own pair gets in the same way. Only which pairs are tried at all depends on the questions of both halves.
"""

import dataclasses
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engines.contract import Index
from ..requests import Vectors
from .asking import ask
from .bootstrap import Difference, Floats, compare
from .curves import LAMBDAS, find_best, pick_metric
from .evaluating import OnProgress, count_all
from .halves import Halves, split
from .measuring import Judge
from .metrics import Values
from .questions import Question
from .rules import weigh

#: What is tried beside the index's own: each b with its k1, then each k1 with the best b.
TRIED_B = (0.2, 0.4, 0.6, 0.8)
TRIED_K1 = (0.6, 0.9, 1.2, 1.6)
#: Every third weight: λ only has to suit, it is tuned afterwards.
_LAMBDAS = LAMBDAS[::3]

Pair = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Tried:
    """A pair of constants with the λ that suits it, and what it reaches."""

    k1: float
    b: float
    lam: float
    mean: float


@dataclass(frozen=True, slots=True)
class Constants:
    """What was tried, the best of it, and by how much it is better on questions that it was not chosen by."""

    tried: tuple[Tried, ...]
    best: Tried
    gain: Difference

    @property
    def better(self) -> bool:
        """Whether the best is better than the index's own, beyond chance."""
        return self.gain.low > 0

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        return {**dataclasses.asdict(self), "better": self.better}


def count_asks(k1: float, b: float) -> int:
    """Give how often all questions are asked at most."""
    return len({b, *TRIED_B}) + len({k1, *TRIED_K1}) - 1


def tune_constants(
    index: Index,
    questions: Sequence[Question],
    vectors: Vectors | None,
    judge: Judge,
    metric: str,
    on_progress: OnProgress = lambda _: None,
) -> Constants:
    """Try pairs of constants one after the other."""
    own = (index.profile.k1, index.profile.b)
    columns: dict[Pair, Floats] = {}

    def try_pair(pair: Pair) -> float:
        if pair not in columns:
            done = len(columns) * len(questions)
            columns[pair] = _measure(
                index, pair, questions, vectors, judge, metric, lambda count: on_progress(done + count)
            )
        return float(columns[pair][:, find_best(_LAMBDAS, columns[pair])].mean())

    best_b = max(dict.fromkeys((own[1], *TRIED_B)), key=lambda b: try_pair((own[0], b)))
    best_k1 = max(dict.fromkeys((own[0], *TRIED_K1)), key=lambda k1: try_pair((k1, best_b)))
    tried = {
        pair: Tried(*pair, _LAMBDAS[find_best(_LAMBDAS, found)], try_pair(pair)) for pair, found in columns.items()
    }
    halves = split(questions)
    (gain,) = compare([(_cross(columns, halves), _cross({own: columns[own]}, halves))])
    return Constants(tuple(tried.values()), tried[best_k1, best_b], gain)


def _measure(
    index: Index,
    pair: Pair,
    questions: Sequence[Question],
    vectors: Vectors | None,
    judge: Judge,
    metric: str,
    on_progress: OnProgress,
) -> Floats:
    """Give a row for each question and a column for each λ."""
    rules = [weigh(lam) for lam in _LAMBDAS]
    with closing(index.under(*pair)) as changed:
        tally = count_all(changed, ask(changed, questions, vectors), rules, judge, on_progress=on_progress)
    measured = tally.measured()
    return np.stack([pick_metric(measured[rule.name], metric) for rule in rules], axis=1)


def _cross(columns: dict[Pair, Floats], halves: Halves) -> Values:
    """Give each half's numbers with the pair and the λ that are best on the other half."""
    values = np.empty(len(next(iter(columns.values()))))
    for known, unknown in ((halves.first, halves.second), (halves.second, halves.first)):
        places = {pair: find_best(_LAMBDAS, found[known]) for pair, found in columns.items()}
        best = max(columns, key=lambda pair: columns[pair][known, places[pair]].mean())
        values[unknown] = columns[best][unknown, places[best]]
    return values
