"""What computes a tower's vectors: numpy, which is ready at once, or torch, which is faster once it is loaded.

Both give the same vectors (to 1e-4), so an encoder's names do not depend on it, and the first few passages may come
from numpy where torch does the rest.
"""

import importlib.util
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from ..errors import ModelError, UsageError
from ..towers import Precision
from . import numpy_models
from .checkpoints import Checkpoint
from .layouts import is_known
from .machine import cpu_has_bf16, may_have_gpu
from .places import EXTRA, need_library
from .running import Forward, Runner

log = logging.getLogger(__name__)

Backend = Literal["numpy", "torch"]
WantedBackend = Backend | Literal["auto"]
WantedPrecision = Precision | Literal["auto"]

_CPU = "cpu"
_TORCH = ("torch", "transformers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What vectors are to be computed by, as far as somebody cares."""

    backend: WantedBackend = "auto"
    #: ``cpu`` or GPUs with commas between; None leaves it to torch.
    device: str | None = None
    precision: WantedPrecision = "auto"


def choose_backend(means: Means, checkpoint: Checkpoint, *, bulk: bool) -> Backend:
    """Give what computes one tower; refused in one line where nothing here can.

    "auto" is numpy for a few texts (questions), and in ``bulk`` (passages) torch where it is installed; each takes
    the other's place where that one cannot. Any device but the processor is torch's.
    """
    wanted = means.backend
    if wanted not in (*get_args(Backend), "auto"):
        raise UsageError(f"The backend {wanted!r} is none of numpy, torch and auto.")
    if means.device not in (None, _CPU):
        return _take_torch(wanted, f"Encoding on {means.device}")
    if wanted == "torch" or not is_known(checkpoint.config):
        return _take_torch(wanted, f"The {checkpoint.config.get('model_type')} model in {checkpoint.folder}")
    return "torch" if wanted == "auto" and bulk and has_torch() else "numpy"


def choose_precision(means: Means, backend: Backend) -> Precision:
    """Give bf16 where every device multiplies it, unless something else is wanted; numpy has fp32 only."""
    wanted = means.precision
    if wanted not in (*get_args(Precision), "auto"):
        raise UsageError(f"The precision {wanted!r} is none of fp32, bf16 and auto.")
    if backend == "numpy" and wanted == "bf16":
        raise UsageError(f'numpy computes in fp32, and bf16 needs torch: pip install "{EXTRA}".')
    if backend == "numpy" or wanted != "auto":
        return "fp32" if wanted == "auto" else wanted
    if means.device == _CPU or (means.device is None and not may_have_gpu()):
        return "bf16" if cpu_has_bf16() else "fp32"
    from .torch_models import device_has_bf16, find_devices

    fit = all(cpu_has_bf16() if name == _CPU else device_has_bf16(name) for name in find_devices(means.device))
    return "bf16" if fit else "fp32"


def make_runner(means: Means, checkpoint: Checkpoint, *, bulk: bool) -> Runner:
    """Give what will compute one tower; it is loaded at the first text, on every device if texts come in bulk."""
    backend = choose_backend(means, checkpoint, bulk=bulk)

    def open_numpy() -> Sequence[Forward]:
        return numpy_models.open_models(checkpoint)

    def open_copies() -> Sequence[Forward]:
        if backend == "numpy":
            if bulk and means.backend == "auto":
                log.warning(
                    'Passages are encoded without torch; many of them go faster with it: pip install "%s".', EXTRA
                )
            return open_numpy()
        from .torch_models import find_devices, open_models

        devices = find_devices(means.device)[: None if bulk else 1]
        return open_models(checkpoint, choose_precision(means, backend), devices)

    return Runner(open_copies, open_numpy if _may_begin_with_numpy(means, checkpoint, bulk=bulk) else None)


def _may_begin_with_numpy(means: Means, checkpoint: Checkpoint, *, bulk: bool) -> bool:
    """Tell whether a few passages are better encoded at once than after torch is loaded, which takes seconds.

    They are in fp32, which fits among bf16.
    """
    only_cpu = means.device == _CPU or (means.device is None and not may_have_gpu())
    return bulk and only_cpu and means.backend == "auto" and is_known(checkpoint.config)


def has_torch() -> bool:
    """Tell whether torch, and what else it takes, is installed; nothing is imported."""
    return all(importlib.util.find_spec(name) for name in _TORCH)


def _take_torch(wanted: WantedBackend, what: str) -> Backend:
    if wanted == "numpy":
        raise ModelError(f'{what} needs torch, and numpy was asked for: pip install "{EXTRA}", and leave it to auto.')
    for name in _TORCH:
        need_library(name, what)
    return "torch"
