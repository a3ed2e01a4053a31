"""From a vector per token to one per text, in each way that sentence-transformers knows; padding is on the right."""

from collections.abc import Callable

import torch
from torch import Tensor


def pool(hidden: Tensor, mask: Tensor, modes: str) -> Tensor:
    """Give one vector a text from ``hidden`` (texts, tokens, numbers); ``modes`` are joined by +."""
    return torch.cat([_WAYS[mode](hidden, mask) for mode in modes.split("+")], dim=-1)


def _cls(hidden: Tensor, _: Tensor) -> Tensor:
    return hidden[:, 0]


def _max(hidden: Tensor, mask: Tensor) -> Tensor:
    return hidden.masked_fill(mask.unsqueeze(-1) == 0, float("-inf")).amax(dim=1)


def _mean(hidden: Tensor, mask: Tensor) -> Tensor:
    return _weighted(hidden, mask.to(hidden.dtype))


def _mean_sqrt_len(hidden: Tensor, mask: Tensor) -> Tensor:
    return _mean(hidden, mask) * mask.sum(dim=1, keepdim=True).to(hidden.dtype).sqrt()


def _weighted_mean(hidden: Tensor, mask: Tensor) -> Tensor:
    places = torch.arange(1, hidden.shape[1] + 1, device=hidden.device, dtype=hidden.dtype)
    return _weighted(hidden, mask.to(hidden.dtype) * places)


def _last_token(hidden: Tensor, mask: Tensor) -> Tensor:
    rows = torch.arange(hidden.shape[0], device=hidden.device)
    return hidden[rows, mask.sum(dim=1) - 1]


def _weighted(hidden: Tensor, weights: Tensor) -> Tensor:
    total: Tensor = torch.einsum("ntd,nt->nd", hidden, weights)
    return total / weights.sum(dim=1, keepdim=True)


_WAYS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cls": _cls,
    "max": _max,
    "mean": _mean,
    "mean_sqrt_len_tokens": _mean_sqrt_len,
    "weightedmean": _weighted_mean,
    "lasttoken": _last_token,
}
