"""Which λ does an index want? Its questions are asked; a curve, its proof on other questions, and more come out.

Proof: λ is chosen on one half of the questions and checked on the other, and the other way round. The mode ``tuned``
ranks each half with the λ of the other, so its figures are not flattered by the choice.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..encoders import Sample, fit_prior
from ..encoders.scales import SAMPLE_DEPTH
from ..engines.contract import Index
from ..fusion import PAPER_LAMBDA, SimPrior
from ..profile import Profile
from ..requests import Vectors
from .asking import Asked, ask
from .bootstrap import Difference, Floats, compare
from .curves import LAMBDAS, LEAST_QUESTIONS, MEAN, Curve, choose, draw_curve, pick_metric
from .evaluating import OnProgress, count_all
from .halves import Halves, Places, split
from .measuring import Judge, Tally
from .metrics import Values
from .questions import Question
from .report import Evaluation, Measured, summarise
from .rules import DENSE, HYBRID, MODES, Rule, choose_rules, cut_depth, weigh

TUNED = "tuned"
#: Depths that are compared with the index's own.
DEPTHS = (50, 100, 200, 500, 1000, 2000, 5000)
#: A depth is enough if it loses no more than this, with 95 % confidence.
TOLERANCE = 0.002
#: Of the right passages among a question's nearest so many reach the sim that is written down as the least …
REACHED_BY = 0.99
#: … which takes so many of them to tell.
LEAST_RIGHT = 100
#: Questions whose passages are looked at for the sim to expect.
_SAMPLED = 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """What is tried, and what it is chosen by."""

    metric: str = MEAN
    lambdas: Sequence[float] = LAMBDAS
    #: Rules of fusion to compare with.
    fusions: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """A λ chosen on one half of the questions, on the other half, beside the λ that had been best there."""

    chosen: float
    questions: int
    reached: float
    best: float
    best_reached: float

    @property
    def missed(self) -> float:
        """What it costs not to know these questions."""
        return self.best_reached - self.reached


@dataclass(frozen=True, slots=True)
class Shallow:
    """How good the λ that was chosen is with fewer candidates, and by how much better than with all."""

    depth: int
    mean: float
    difference: Difference

    @property
    def enough(self) -> bool:
        """Whether nothing worth telling is lost."""
        return self.difference.low >= -TOLERANCE


@dataclass(frozen=True, slots=True)
class Tuning:
    """What was found out about an index."""

    metric: str
    curve: Curve
    checks: tuple[Check, Check]
    #: Passages or answers that are right in both halves; 0 unless the questions cannot be told apart.
    shared: int
    evaluation: Evaluation
    depths: tuple[Shallow, ...]
    #: The sim to expect of a passage without a vector; None where too few questions saw vectors.
    prior: SimPrior | None
    #: The sim that 99 of 100 right passages reach; None where too few were found to tell.
    min_sim: float | None
    #: BM25's constants that all this was found with.
    k1: float
    b: float

    @property
    def few(self) -> bool:
        """Whether the questions are too few to say how sure the best λ is."""
        return self.evaluation.questions < LEAST_QUESTIONS

    def enough_depth(self, profile: Profile) -> int:
        """Give the smallest depth that loses nothing worth naming; the profile's own if none is."""
        return next((one.depth for one in self.depths if one.enough), profile.depth)

    def change(self, profile: Profile, source: str, *, depth: bool = False, min_sim: bool = False) -> Profile:
        """Give a profile with what was found; ``source`` says where. Depth and least sim change only if wanted."""
        changed = dataclasses.replace(profile, lam=self.curve.chosen, lam_source=source, k1=self.k1, b=self.b)
        if depth:
            changed = dataclasses.replace(changed, depth=self.enough_depth(profile))
        if min_sim:
            changed = dataclasses.replace(changed, min_sim=self.min_sim)
        if self.prior is None:
            return changed
        return dataclasses.replace(changed, sim_prior=self.prior, sim_prior_source="tune")

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        curve, found = self.curve, dataclasses.asdict(self)
        points = [
            {"lambda": lam, "mean": mean.mean, "interval": [mean.low, mean.high]}
            for lam, mean in zip(curve.lambdas, curve.means, strict=True)
        ]
        return {
            **self.evaluation.to_json(),
            "metric": self.metric,
            "lambda": {"chosen": curve.chosen, "best": curve.best, "interval": [curve.low, curve.high]},
            "curve": points,
            "halves": [{**dataclasses.asdict(check), "missed": check.missed} for check in self.checks],
            "shared_between_halves": self.shared,
            "depths": [{**dataclasses.asdict(one), "enough": one.enough} for one in self.depths],
            "sim_prior": found["prior"],
            "min_sim": self.min_sim,
            "k1": self.k1,
            "b": self.b,
        }


def tune(
    index: Index,
    questions: Sequence[Question],
    vectors: Vectors | None,
    judge: Judge,
    plan: Plan,
    on_progress: OnProgress = lambda _: None,
    ask_again: Callable[[], None] = lambda: None,
) -> tuple[Tuning, Tally]:
    """Ask every question and find the best λ; the questions' own numbers come along.

    Where another λ than the index's is chosen they are asked once more, as the depth that is enough depends on it;
    ``ask_again`` is told before.
    """
    lam = index.profile.lam
    metric, weights = plan.metric, sorted({*plan.lambdas, lam, PAPER_LAMBDA})
    compared = choose_rules(MODES, (), plan.fusions, lam)
    rules = [*compared, *map(weigh, weights), *_cut_depths(index, lam).values()]
    samples: list[Sample] = []
    asked = _sample(ask(index, questions, vectors), samples)
    tally = count_all(index, asked, rules, judge, kept=(HYBRID, DENSE), on_progress=on_progress)
    measured = tally.measured()
    columns = np.stack([pick_metric(measured[weigh(one).name], metric) for one in weights], axis=1)
    halves = split(questions)
    checks = _check(weights, columns, halves, lam)
    figures = {rule.name: measured[rule.name] for rule in compared}
    figures[TUNED] = _cross(measured, halves, checks)
    curve = draw_curve(weights, columns, lam)
    if curve.chosen != lam:
        ask_again()
        rules = [weigh(curve.chosen), *_cut_depths(index, curve.chosen).values()]
        measured |= count_all(index, ask(index, questions, vectors), rules, judge, on_progress=on_progress).measured()
    tuning = Tuning(
        metric=metric,
        curve=curve,
        checks=checks,
        shared=halves.shared,
        evaluation=summarise(figures, pairs=[(TUNED, rule.name) for rule in compared]),
        depths=tuple(_compare_depths(measured, index, curve.chosen, metric)),
        prior=fit_prior(samples) if len(samples) >= LEAST_QUESTIONS else None,
        min_sim=_find_least([one.right_score for one in tally.places[DENSE] if one.right is not None]),
        k1=index.profile.k1,
        b=index.profile.b,
    )
    return tuning, tally


def _find_least(sims: Sequence[float]) -> float | None:
    """Give the sim that nearly all right passages reach."""
    return float(np.quantile(sims, 1 - REACHED_BY, method="lower")) if len(sims) >= LEAST_RIGHT else None


def _sample(asked: Iterable[list[Asked]], samples: list[Sample]) -> Iterator[list[Asked]]:
    """Pass on what was asked, and remember the best passages by BM25 of the first questions."""
    for some in asked:
        for one in some[: _SAMPLED - len(samples)]:
            found = one.candidates
            chosen = one.encoded & (found.rank_bm25 > 0) & (found.rank_bm25 <= SAMPLE_DEPTH)
            if chosen.any():
                samples.append(Sample(found.bm25[chosen], found.sim[chosen]))
        yield some


def _check(weights: Sequence[float], columns: Floats, halves: Halves, own: float) -> tuple[Check, Check]:
    def check(known: Places, unknown: Places) -> Check:
        reached = columns[unknown].mean(axis=0)
        chosen, best = choose(weights, columns[known], own), int(reached.argmax())
        return Check(weights[chosen], len(unknown), float(reached[chosen]), weights[best], float(reached[best]))

    return check(halves.second, halves.first), check(halves.first, halves.second)


def _cross(measured: Measured, halves: Halves, checks: tuple[Check, Check]) -> dict[str, Values]:
    """Give the metrics of each half with the λ that was chosen on the other."""
    first, second = (measured[weigh(check.chosen).name] for check in checks)
    metrics = {}
    for metric, values in first.items():
        metrics[metric] = second[metric].copy()
        metrics[metric][halves.first] = values[halves.first]
    return metrics


def _cut_depths(index: Index, lam: float) -> dict[int, Rule]:
    """Give the rules that are compared with the index's own depth."""
    return {depth: cut_depth(depth, lam) for depth in DEPTHS if depth < index.profile.depth}


def _compare_depths(measured: Measured, index: Index, lam: float, metric: str) -> Iterator[Shallow]:
    whole, cuts = pick_metric(measured[weigh(lam).name], metric), _cut_depths(index, lam)
    columns = [pick_metric(measured[rule.name], metric) for rule in cuts.values()]
    differences = compare([(column, whole) for column in columns])
    for depth, column, difference in zip(cuts, columns, differences, strict=True):
        yield Shallow(depth, float(column.mean()), difference)
