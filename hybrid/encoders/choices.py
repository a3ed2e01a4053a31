"""What an encoder's vectors mean, decided from what was asked for, what is known, and what its files say."""

import math
from typing import Literal

from ..errors import ModelError, UsageError
from ..fusion import DEFAULT_PRIOR, SimPrior
from .checkpoints import Checkpoint
from .presets import Card, Measure

Scale = float | Literal["auto"] | None

_DOT, _COSINE, _L2 = ("dot", "dot_score"), ("cosine", "cos_sim"), ("euclidean", "euclidean_sim")


def choose_measure(card: Card, question: Checkpoint, passage: Checkpoint) -> Measure:
    """Give ``dot`` or ``l2`` for a model that compares so and does not normalise, else ``cosine``."""
    if card.similarity:
        return card.similarity
    said = question.similarity or passage.similarity or "cosine"
    if said not in (*_DOT, *_COSINE, *_L2):
        raise ModelError(
            f"The model in {passage.folder} compares by {said}; hybrid ranks by dot product, cosine or L2."
        )
    if said in _COSINE or passage.normalizes:
        return "cosine"
    return "dot" if said in _DOT else "l2"


def choose_scale(wanted: Scale, measure: Measure, card: Card, name: str) -> tuple[float | None, str]:
    """Give the scale and where it comes from; None where it is to be found out."""
    if measure != "cosine":
        if wanted not in (None, 1):
            by = "dot product" if measure == "dot" else "L2"
            raise UsageError(f"{name} compares by {by}, which is used as it is; leave --scale out.")
        return 1.0, "dot"
    if wanted == "auto":
        return None, "auto"
    if wanted is not None:
        return _check(wanted), "given"
    if card.scale is None:
        raise UsageError(
            f"{name} compares by cosine, and its scale (1 / temperature of its training) is not known: say "
            "--scale X, or --scale auto (ingest, copy, reencode) to find it out from a sample."
        )
    return card.scale, "preset"


def choose_prior(card: Card, measure: Measure, scale: float | None) -> tuple[SimPrior, str]:
    """Give the sim to expect from BM25 and where that comes from; it grows with the scale."""
    if card.sim_prior is None:
        return DEFAULT_PRIOR, "default"
    factor = scale / card.scale if measure == "cosine" and scale and card.scale else 1.0
    prior = SimPrior(a=card.sim_prior.a * factor, b=card.sim_prior.b * factor)
    return prior, "preset" if card.measured else "default"


def _check(scale: float) -> float:
    if not isinstance(scale, int | float) or not math.isfinite(scale) or scale <= 0:
        raise UsageError(f"The scale {scale} is not a number above 0.")
    return float(scale)
