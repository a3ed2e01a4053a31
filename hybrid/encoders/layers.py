"""Layers of a network in numpy, fp32: linear, normalising, softmax, activations; these may overwrite their input."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float32]

#: Numbers of an activation that are worked on together; what they need then stays in a processor's caches.
_BLOCK = 32_768
#: The share of x that GELU takes off is x·Φ(−x); for x ≥ 0 it is x·exp(−x²/2)·s·(c₁ + c₂s + …) with s = 1/(1 + 0.4x).
#: The coefficients are those with the least largest error, 6·10⁻⁹ (fitted by iteratively weighted least squares).
_GELU_RATE = 0.4
_GELU = (0.15652129, 0.19004578, 0.00934691, 0.34513901, -0.2584839, 0.05743132)
#: From here on nothing is taken off that fp32 could show.
_GELU_END = 13.0
_TANH_RATE = math.sqrt(2 / math.pi)
_TANH_CUBE = 0.044715


def linear(inputs: Numbers, weight: Numbers, bias: Numbers | None = None) -> Numbers:
    """Give ``inputs`` · ``weight``ᵀ + ``bias``."""
    outputs: Numbers = inputs @ weight.T
    if bias is not None:
        outputs += bias
    return outputs


def layer_norm(inputs: Numbers, weight: Numbers, bias: Numbers, epsilon: float) -> Numbers:
    """Give every row mean 0 and variance 1, then ``weight`` and ``bias``."""
    rows: Numbers = inputs - inputs.mean(axis=-1, keepdims=True)
    variance = np.einsum("nd,nd->n", rows, rows) / rows.shape[1]
    rows *= (1 / np.sqrt(variance + epsilon))[:, None]
    rows *= weight
    rows += bias
    return rows


def softmax(scores: Numbers) -> Numbers:
    """Turn the last axis into shares, in place."""
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return scores


def gelu(inputs: Numbers) -> Numbers:
    """Give x·Φ(x), Φ being the normal distribution: the GELU that is written with erf."""
    flat: Numbers = inputs.reshape(-1)
    for start in range(0, flat.size, _BLOCK):
        block = flat[start : start + _BLOCK]
        size = np.minimum(np.abs(block), _GELU_END)
        share = 1 / (size * _GELU_RATE + 1)
        taken = share * _GELU[-1]
        for factor in _GELU[-2::-1]:
            taken += factor
            taken *= share
        taken *= size
        size *= size
        size *= -0.5
        taken *= np.exp(size, out=size)
        np.maximum(block, 0, out=block)
        block -= taken
    activated: Numbers = flat.reshape(inputs.shape)
    return activated


def gelu_tanh(inputs: Numbers) -> Numbers:
    """Give the GELU that is written with tanh."""
    inner: Numbers = np.tanh(_TANH_RATE * (inputs + _TANH_CUBE * inputs * inputs * inputs))
    inner += 1
    inner *= inputs
    inner *= 0.5
    return inner


def relu(inputs: Numbers) -> Numbers:
    """Give x where it is above 0, else 0."""
    return np.maximum(inputs, 0, out=inputs)


def sigmoid(inputs: Numbers) -> Numbers:
    """Give 1 / (1 + exp(−x)), written so that nothing overflows."""
    halves: Numbers = np.tanh(inputs * 0.5)
    return halves * 0.5 + 0.5


def silu(inputs: Numbers) -> Numbers:
    """Give x · sigmoid(x)."""
    return inputs * sigmoid(inputs)


#: By the names that transformers and sentence-transformers write, in lower case.
ACTIVATIONS: dict[str, Callable[[Numbers], Numbers]] = {
    "gelu": gelu,
    "gelu_new": gelu_tanh,
    "gelu_pytorch_tanh": gelu_tanh,
    "identity": lambda inputs: inputs,
    "relu": relu,
    "sigmoid": sigmoid,
    "silu": silu,
    "swish": silu,
    "tanh": np.tanh,
}
