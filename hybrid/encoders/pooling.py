"""From a vector per token to one per text, in each way that sentence-transformers knows.

All ways but one weigh tokens and add them up, so that whoever holds the vectors only has to multiply.
"""

from collections.abc import Callable

import numpy as np

from .layers import Numbers

#: The way that weighs nothing: the largest number in each place.
MAX = "max"


def pool(hidden: Numbers, modes: str) -> Numbers:
    """Give a text's vector from those of its tokens (tokens, numbers); ``modes`` are joined by +."""
    return np.concatenate(
        [hidden.max(axis=0) if mode == MAX else weigh(mode, len(hidden)) @ hidden for mode in modes.split("+")]
    )


def weigh(mode: str, length: int) -> Numbers:
    """Give what each of a text's ``length`` tokens counts."""
    return _WAYS[mode](length)


def _cls(length: int) -> Numbers:
    return _one(length, 0)


def _last_token(length: int) -> Numbers:
    return _one(length, length - 1)


def _mean(length: int) -> Numbers:
    return np.full(length, 1 / length, np.float32)


def _mean_sqrt_len(length: int) -> Numbers:
    return np.full(length, length**-0.5, np.float32)


def _weighted_mean(length: int) -> Numbers:
    places: Numbers = np.arange(1, length + 1, dtype=np.float32)
    places /= places.sum()
    return places


def _one(length: int, place: int) -> Numbers:
    weights = np.zeros(length, np.float32)
    weights[place] = 1
    return weights


_WAYS: dict[str, Callable[[int], Numbers]] = {
    "cls": _cls,
    "mean": _mean,
    "mean_sqrt_len_tokens": _mean_sqrt_len,
    "weightedmean": _weighted_mean,
    "lasttoken": _last_token,
}
