"""How sure is a figure? One number a question goes in; an interval of the mean, or a test of a difference, comes out.

Questions are drawn anew with replacement, and of the means that this gives the middle 95 % are the interval. Whether
two modes differ is tested by flipping at random which of the two a question's difference speaks for. All figures of
an evaluation are worked out on the same draws, as one product of matrices.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import UsageError

RESAMPLES = 10_000
LEVEL = 0.95
SEED = 20_201_116
#: Differences that chance gives less often than this are marked.
UNLIKELY = 0.05

#: How many numbers are drawn at a time.
_AT_ONCE = 2**22
#: Sums that differ by less than their rounding, relative to all that was summed, are equal.
_ROUNDING = 1e-12

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and where it lies with 95 % confidence."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much the first of two modes is better than the second, and how likely mere chance gives as much."""

    mean: float
    low: float
    high: float
    p: float


def estimate(measured: Sequence[ArrayLike], *, resamples: int = RESAMPLES, seed: int = SEED) -> list[Interval]:
    """Give the mean and its bootstrap interval for each of several measurements of the same questions."""
    columns = _join(measured)
    means = draw_means(columns, resamples, np.random.default_rng(seed))
    lows, highs = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return list(map(Interval, columns.mean(axis=0).tolist(), lows.tolist(), highs.tolist()))


def compare(
    pairs: Sequence[tuple[ArrayLike, ArrayLike]], *, resamples: int = RESAMPLES, seed: int = SEED
) -> list[Difference]:
    """Test pairs of measurements of the same questions, question by question."""
    if not pairs:
        return []
    columns = _join([first for first, _ in pairs]) - _join([second for _, second in pairs])
    chances = _flip_signs(columns, resamples, np.random.default_rng(seed))
    intervals = estimate(list(columns.T), resamples=resamples, seed=seed)
    return [Difference(one.mean, one.low, one.high, p) for one, p in zip(intervals, chances, strict=True)]


def _join(measured: Sequence[ArrayLike]) -> Floats:
    """Put measurements side by side, a row for each question."""
    columns = [np.asarray(values, dtype=np.float64) for values in measured]
    if len({column.shape for column in columns}) != 1 or columns[0].ndim != 1:
        raise UsageError(
            f"Measured on {[column.size for column in columns]} questions; all must be on the same ones."
        )
    if not columns[0].size:
        raise UsageError("There is nothing to average: no question was evaluated.")
    joined = np.stack(columns, axis=1)
    if not np.isfinite(joined).all():
        raise UsageError("A question's value is no finite number.")
    return joined


def draw_means(columns: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    """Give a row of means for each draw of as many questions as there are."""
    questions = len(columns)
    means = []
    for size in _portions(resamples, questions):
        drawn = rng.integers(0, questions, size=(size, questions)) + questions * np.arange(size)[:, np.newaxis]
        often = np.bincount(drawn.ravel(), minlength=size * questions).reshape(size, questions)
        means.append(often @ columns / questions)
    return np.concatenate(means)


def _flip_signs(columns: Floats, resamples: int, rng: np.random.Generator) -> list[float]:
    """Give the share of random signs that bring a sum as far from 0 as it is, the true signs among them."""
    reached = np.abs(columns.sum(axis=0)) - _ROUNDING * np.abs(columns).sum(axis=0)
    as_far = np.ones(columns.shape[1])
    for size in _portions(resamples, len(columns)):
        signs = 2.0 * rng.integers(0, 2, size=(size, len(columns)), dtype=np.int8) - 1
        as_far += np.count_nonzero(np.abs(signs @ columns) >= reached, axis=0)
    shares: list[float] = (as_far / (resamples + 1)).tolist()
    return shares


def _portions(resamples: int, questions: int) -> Iterator[int]:
    """Cut a number of draws into portions that fit in memory."""
    portion = max(1, _AT_ONCE // questions)
    return (min(portion, resamples - start) for start in range(0, resamples, portion))
