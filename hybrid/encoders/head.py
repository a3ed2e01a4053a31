"""What follows pooling, in numpy whatever ran the transformer: dense layers, normalisation, fewer dimensions."""

from collections.abc import Mapping, Sequence

import numpy as np

from . import l2
from .layers import ACTIVATIONS, Numbers, layer_norm, linear
from .steps import Step
from .weights import Weights

#: What torch's LayerNorm adds to the variance, and the least length that its normalize divides by.
_EPSILON = 1e-5
_LEAST_LENGTH = 1e-12
#: What sentence-transformers calls the layer inside a module.
_INNER = {"dense": "linear", "layer_norm": "norm"}


class Head:
    """The steps of a tower after pooling, with their weights."""

    def __init__(self, steps: Sequence[Step]):
        self._steps = [(step, _read(step)) for step in steps]

    def apply(self, vectors: Numbers) -> Numbers:
        """Take pooled vectors through every step."""
        for step, weights in self._steps:
            vectors = _apply(step, weights, vectors)
        return vectors


def _read(step: Step) -> Mapping[str, Numbers]:
    if step.weights is None:
        return {}
    weights, inner = Weights([step.weights]), _INNER[step.kind]
    found = {"weight": weights.take(f"{inner}.weight")}
    if f"{inner}.bias" in weights.names:
        found["bias"] = weights.take(f"{inner}.bias")
    return found


def _apply(step: Step, weights: Mapping[str, Numbers], vectors: Numbers) -> Numbers:
    match step.kind:
        case "dense":
            return ACTIVATIONS[step.activation.lower()](linear(vectors, weights["weight"], weights.get("bias")))
        case "layer_norm":
            return layer_norm(vectors, weights["weight"], weights["bias"], _EPSILON)
        case "normalize":
            lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
            unit: Numbers = vectors / np.maximum(lengths, _LEAST_LENGTH)
            return unit
        case l2.QUESTION:
            return l2.extend_questions(vectors, step.level)
        case l2.PASSAGE:
            return l2.extend_passages(vectors, step.level)
        case _:
            return vectors[:, : step.size]
