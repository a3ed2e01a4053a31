"""How sure a figure is that several trainings gave: by the chance of the questions and by that of the training.

Numbers come as seeds by questions. The means of the seeds say how much one training differs from the next, the means
of the questions how much one question differs from the next; both variances are added, and as a few seeds say little
of theirs, the interval is as wide as Student's t with the degrees of freedom that Welch and Satterthwaite give.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from hybrid.evaluation.bootstrap import LEVEL, Interval

Floats = NDArray[np.float64]
#: A variance of a mean, and its degrees of freedom.
_Part = tuple[float, int]


def estimate(measured: Floats) -> Interval:
    """Give the mean of one row, or of a difference on the same questions; one number alone has no interval."""
    return _put_around(float(measured.mean()), _list_parts(measured))


def estimate_apart(ones: Floats, others: Floats) -> Interval:
    """Give the difference of two means that were measured on different questions."""
    return _put_around(float(ones.mean() - others.mean()), [*_list_parts(ones), *_list_parts(others)])


def _list_parts(measured: Floats) -> list[_Part]:
    means = (measured.mean(axis=1), measured.mean(axis=0))
    return [(float(one.var(ddof=1)) / len(one), len(one) - 1) for one in means if len(one) > 1]


def _put_around(mean: float, parts: Sequence[_Part]) -> Interval:
    variance = sum(part for part, _ in parts)
    if not variance:
        return Interval(mean, mean, mean)
    freedom = variance**2 / sum(part**2 / degrees for part, degrees in parts)
    reach = float(student.ppf((1 + LEVEL) / 2, freedom)) * math.sqrt(variance)
    return Interval(mean, mean - reach, mean + reach)
