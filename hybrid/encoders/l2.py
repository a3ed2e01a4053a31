"""L2 as a dot product: passages (p, (‖p‖² − v) / t), questions (2q, −t); their product is ‖q‖² + v − ‖q − p‖².

What is added depends on the question alone, so the order is that of −‖q − p‖². v is the usual ‖p‖², the card's
``level``, and t its root; without a level v is 0 and t is 1. Scores are lifted by ‖question‖ · longest passage, which
grows with the cube of the length in the plain form and with its square in this: all-MiniLM's vectors (6 long) come to
943 without a level and to 143 with it, vectors 10 long to 2,000 and 300, and ``fusion.MAX_SHIFT`` is 1,600.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from ..errors import ModelError
from .checkpoints import Checkpoint
from .layers import Numbers
from .steps import Kind, Step

QUESTION: Final = "l2 question"
PASSAGE: Final = "l2 passage"
#: Digits of the level that are kept; any level gives the same order.
_DIGITS = 3


def find_level(vectors: Numbers) -> float:
    """Give the level for a card from vectors of passages, as the model makes them."""
    level = float(np.mean(np.square(vectors, dtype=np.float64).sum(axis=1)))
    return float(f"{level:.{_DIGITS}g}")


def extend_questions(vectors: Numbers, level: float) -> Numbers:
    """Give (2q, −t)."""
    return np.column_stack([2 * vectors, np.full(len(vectors), -find_root(level), np.float32)])


def extend_passages(vectors: Numbers, level: float) -> Numbers:
    """Give (p, (‖p‖² − v) / t)."""
    squares = np.square(vectors, dtype=np.float64).sum(axis=1)
    return np.column_stack([vectors, ((squares - level) / find_root(level)).astype(np.float32)])


def extend(question: Checkpoint, passage: Checkpoint, level: float | None) -> tuple[Checkpoint, Checkpoint]:
    """Let both towers end with the step that makes L2 a dot product."""
    level = 0.0 if level is None else float(level)
    if not (math.isfinite(level) and level >= 0):
        raise ModelError(f"The level {level} of the encoder in {passage.folder} is no ‖p‖²; it cannot be below 0.")
    return _extend(question, QUESTION, level), _extend(passage, PASSAGE, level)


def read_level(modules: Sequence[str]) -> float | None:
    """Give the level that a tower's modules name; None for a tower that does not end with L2."""
    kind, found, level = modules[-1].rpartition(" ") if modules else ("", "", "")
    return float(level) if found and kind in (QUESTION, PASSAGE) else None


def _extend(checkpoint: Checkpoint, kind: Kind, level: float) -> Checkpoint:
    step = Step(kind, f"{kind} {level!r}", size=checkpoint.dimension + 1, level=level)
    return replace(checkpoint, steps=(*checkpoint.steps, step), dimension=checkpoint.dimension + 1)


def find_root(level: float) -> float:
    """Give t."""
    return math.sqrt(level) if level else 1.0
