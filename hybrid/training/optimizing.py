"""From gradients to weights: Adam with a learning rate that grows and falls, in a precision that the machine has."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from ..encoders.machine import cpu_has_bf16
from ..encoders.torch_models import device_has_bf16, memory_errors
from ..errors import ModelError, UsageError

#: Devlin et al., and the code of DPR's authors: no weight decay, gradients no longer than this.
CLIP = 2.0
_EPSILON = 1e-8


def make_optimizer(weights: Iterable[nn.Parameter], lr: float) -> torch.optim.Optimizer:
    """Give Adam for the weights that are to be trained."""
    return torch.optim.AdamW([one for one in weights if one.requires_grad], lr=lr, eps=_EPSILON, weight_decay=0.0)


def take_step(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Change the weights by their gradients, which are cut to a length first and gone afterwards."""
    for group in optimizer.param_groups:
        group["lr"] = lr
        torch.nn.utils.clip_grad_norm_(group["params"], CLIP)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


@contextmanager
def enough_memory(advice: str) -> Iterator[None]:
    """Say what to do where memory does not suffice, on a GPU or on the processor."""
    try:
        with memory_errors():
            yield
    except MemoryError as error:
        raise ModelError(f"There is not enough memory to train like this; {advice}.") from error


def warm_up(step: int, steps: int, share: float) -> float:
    """Give the part of the learning rate that counts: it grows at first, then falls to nothing."""
    warm = max(1, round(steps * share))
    return min((step + 1) / warm, (steps - step) / max(1, steps - warm + 1))


def wants_bf16(precision: str, device: str) -> bool:
    """Tell whether to multiply in bf16: as asked for, or wherever the hardware does it."""
    if precision not in ("auto", "bf16", "fp32"):
        raise UsageError(f"The precision {precision!r} is none of fp32, bf16 and auto.")
    if precision != "auto":
        return precision == "bf16"
    return cpu_has_bf16() if device == "cpu" else device_has_bf16(device)
