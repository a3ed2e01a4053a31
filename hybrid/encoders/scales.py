"""How much an encoder's similarity counts beside BM25, found out from a sample: its scale, and the sim to expect.

A sample is made of questions, each with the best passages by BM25: their BM25 and their cosine or sim.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import UsageError
from ..fusion import SimPrior

#: How many of the best passages by BM25 a question contributes.
SAMPLE_DEPTH = 100
#: Spread (p90 − p10, median over questions) of sim over them for all-MiniLM-L6-v2 at scale 20. Measured by
#: ``python -m benchmarks.scale``: 300 questions each of SQuAD sentences (7.82) and XQuAD (7.87) in one index of both,
#: 7,035 passages; 7.75 for the same questions among 19,038 passages.
REFERENCE_SPREAD = 7.85
#: How far above the line a passage without a vector is expected, in standard deviations of sim around it: what is
#: unknown may be the best. MiniLM's line over the best 100 of the same 600 questions is 0.1 + 0.99 · BM25 with a
#: scatter of 3.2; with half of the vectors missing, (1.0, 1.0) found the answer among 5 for 86.3 % of them, the line
#: for 84.9 %.
LIFT = 0.28
#: Passages that a question needs for its spread to mean something.
_ENOUGH = 10


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One question's best passages by BM25."""

    bm25: ArrayLike
    #: Cosines where the scale is sought, sims where it is known.
    sims: ArrayLike


def measure_spread(samples: Sequence[Sample]) -> float:
    """Give the median over questions of p90 − p10 of their sims."""
    sims = [np.asarray(sample.sims, dtype=np.float64) for sample in samples]
    spreads = [_spread(one) for one in sims if one.size >= _ENOUGH]
    if not spreads:
        raise UsageError(f"No question of the sample finds {_ENOUGH} passages by BM25; say --scale X.")
    return float(np.median(spreads))


def find_scale(samples: Sequence[Sample]) -> float:
    """Give the scale at which cosines spread as MiniLM's do at 20, so that λ means the same."""
    spread = measure_spread(samples)
    if not np.isfinite(spread) or spread <= 0:
        raise UsageError("The encoder finds every passage of the sample equally similar; say --scale X.")
    return REFERENCE_SPREAD / spread


def fit_prior(samples: Sequence[Sample], scale: float = 1.0) -> SimPrior:
    """Give (a, b) of the line sim = a + b · BM25 by least squares, lifted a little; b is never below 0."""
    if not any(np.size(sample.bm25) for sample in samples):
        raise UsageError("No question of the sample finds a passage by BM25.")
    bm25 = np.concatenate([np.asarray(sample.bm25, dtype=np.float64) for sample in samples])
    sims = np.concatenate([np.asarray(sample.sims, dtype=np.float64) for sample in samples]) * scale
    centred = bm25 - bm25.mean()
    variance = float(centred @ centred)
    slope = max(0.0, float(centred @ sims) / variance) if variance > 0 else 0.0
    level = float(sims.mean()) - slope * float(bm25.mean())
    scatter = float(np.std(sims - level - slope * bm25))
    return SimPrior(a=level + LIFT * scatter, b=slope)


def _spread(sims: NDArray[np.float64]) -> float:
    low, high = np.percentile(sims, [10, 90])
    return float(high - low)
