"""How good is each weight λ? Numbers by question and λ go in; a curve with a band, and which λ to take, come out.

The curve of any sample is ragged, and its highest point lies by chance to one side of the true one. So the best λ is
that whose neighbourhood is best. Few questions say little even of that, and a λ that suits them by chance is worse
than none: chosen is the λ that is the most surely better than the index's own.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import UsageError
from .bootstrap import LEVEL, RESAMPLES, SEED, Floats, Interval, draw_means, estimate
from .metrics import Values

#: Weights that are tried: close together where encoders whose sim is a logit have their best, far beyond it coarse.
LAMBDAS = (
    *(round(0.05 * step, 2) for step in range(21)),
    *(round(1 + 0.1 * step, 1) for step in range(1, 11)),
    *(2.25, 2.5, 2.75, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 50.0),
)
#: Names the mean of the accuracies at all ranks that are measured.
MEAN = "mean"

#: How wide a neighbourhood is: the standard deviation of the share λ / (1 + λ).
WIDTH = 0.08
#: How many standard errors are taken off what a λ gains, so that it gains the rest with 90 % confidence. On PolicyQA
#: the best λ of 100 questions loses 1.4 points on all others in the worst of twenty draws, the chosen one 0.1; where
#: λ matters, as on XQuAD, it gains 0.5 of 0.7 points (``python -m benchmarks.choosing``).
SURE = 1.28
#: Means that differ by less are equal.
_ROUNDING = 1e-12

#: Fewer questions than this say nothing of how sure a figure is.
LEAST_QUESTIONS = 30


@dataclass(frozen=True, slots=True)
class Curve:
    """The mean at each λ, and which λ is chosen."""

    lambdas: tuple[float, ...]
    means: tuple[Interval, ...]
    #: The best λ, and where it lies with 95 % confidence: when the questions are drawn anew. All λs that were tried
    #: where questions are too few to tell.
    best: float
    low: float
    high: float
    #: The λ to take.
    chosen: float

    def at(self, lam: float) -> Interval:
        """Give the mean at one of the λs."""
        return self.means[self.lambdas.index(lam)]

    @property
    def on_edge(self) -> bool:
        """Whether a larger λ than those tried may well be better still."""
        return share(self.lambdas[-1]) - share(self.best) < WIDTH


def pick_metric(metrics: Mapping[str, Values], metric: str) -> Values:
    """Give one metric of each question; ``mean`` is over the accuracies at all ranks that were measured."""
    if metric == MEAN:
        accuracies = [values for name, values in metrics.items() if name.startswith("top")]
        mean: Values = np.mean(accuracies, axis=0)
        return mean
    check_metric(metric, metrics)
    return metrics[metric]


def check_metric(metric: str, measured: Collection[str]) -> None:
    """Refuse a metric that is not measured."""
    if metric not in (MEAN, *measured):
        raise UsageError(f"{metric!r} is not measured here; say {MEAN} or one of {', '.join(measured)}.")


def share(lam: float) -> float:
    """Give the share that λ · sim has in a score where both sides are alike: 0 for BM25 alone, towards 1 for sim."""
    return lam / (1 + lam)


def draw_curve(lambdas: Sequence[float], columns: Floats, own: float) -> Curve:
    """Give the curve of a table with a row for each question and a column for each λ, ascending; ``own`` is one."""
    low, high = _bound_best(lambdas, columns) if len(columns) >= LEAST_QUESTIONS else (0, -1)
    return Curve(
        lambdas=tuple(lambdas),
        means=tuple(estimate(list(columns.T))),
        best=lambdas[find_best(lambdas, columns)],
        low=lambdas[low],
        high=lambdas[high],
        chosen=lambdas[choose(lambdas, columns, own)],
    )


def _bound_best(lambdas: Sequence[float], columns: Floats) -> tuple[int, int]:
    """Give the places between which the best λ lies when questions are drawn anew; of equal ones all count."""
    drawn = _smooth(lambdas, draw_means(columns, RESAMPLES, np.random.default_rng(SEED)))
    best = drawn >= drawn.max(axis=1, keepdims=True) - _ROUNDING
    lowest, highest = best.argmax(axis=1), len(lambdas) - 1 - best[:, ::-1].argmax(axis=1)
    low = np.quantile(lowest, (1 - LEVEL) / 2, method="nearest")
    return int(low), int(np.quantile(highest, (1 + LEVEL) / 2, method="nearest"))


def find_best(lambdas: Sequence[float], columns: Floats) -> int:
    """Give the place of the λ whose neighbourhood is best."""
    return int(_smooth(lambdas, columns.mean(axis=0)).argmax())


def choose(lambdas: Sequence[float], columns: Floats, own: float) -> int:
    """Give the place of the λ that is the most surely better than ``own``; that of ``own`` where none is.

    Two questions are imagined, one that gains and one that loses as much as any does, so that a few that happen to
    agree prove nothing.
    """
    smoothed = _smooth(lambdas, columns)
    gains = smoothed - smoothed[:, [lambdas.index(own)]]
    most = np.abs(gains).max(axis=0)
    gains = np.concatenate([gains, [most, -most]])
    sure = gains.mean(axis=0) - SURE * gains.std(axis=0) / np.sqrt(len(gains))
    equal = np.flatnonzero(sure >= sure.max() - _ROUNDING)
    return min(equal.tolist(), key=lambda place: abs(share(lambdas[place]) - share(own)))


def _smooth(lambdas: Sequence[float], means: Floats) -> Floats:
    """Give the mean around each λ; one that stands alone counts for more than one among many."""
    shares = np.array([share(lam) for lam in lambdas])
    gaps = np.gradient(shares) if len(shares) > 1 else np.ones(1)
    weights = gaps * np.exp(-0.5 * np.square((shares[:, np.newaxis] - shares) / WIDTH))
    smoothed: Floats = means @ (weights / weights.sum(axis=1, keepdims=True)).T
    return smoothed
