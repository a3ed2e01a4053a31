"""Weights as they lie in safetensors files: mapped into memory instead of copied, and given as fp32.

A file is eight bytes that count the header's, the header in JSON (name → type, shape, place), and the numbers. It is
read here because the library copies what it reads, which for a model is most of the time to the first vector.
"""

import json
import math
import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ModelError
from .layers import Numbers

_LENGTH = 8
#: How types are stored; bf16 is the upper half of fp32.
_STORED = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one weight lies."""

    path: Path
    file: mmap.mmap
    offset: int
    kind: str
    shape: tuple[int, ...]


class Weights:
    """The weights of a model by name, from one file or several; ``path`` is the first."""

    def __init__(self, paths: Sequence[Path]):
        self._places = {name: place for path in paths for name, place in _read_header(path).items()}
        self.path = paths[0]

    @property
    def names(self) -> frozenset[str]:
        """Names of all weights."""
        return frozenset(self._places)

    def take(self, name: str, *shape: int) -> Numbers:
        """Give a weight, which must have ``shape`` if that is given."""
        place = self._places.get(name)
        if place is None:
            raise ModelError(f"{self.path} lacks weights of its model, among them {name}.")
        if shape and place.shape != shape:
            raise ModelError(f"{place.path} cannot be read: {name} is {place.shape}, not {shape}.")
        return _view(place)


def _read_header(path: Path) -> dict[str, _Place]:
    try:
        with path.open("rb") as opened:
            file = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        start = _LENGTH + int.from_bytes(file[:_LENGTH], "little")
        header = json.loads(file[_LENGTH:start])
        return {
            name: _place(path, file, start, fact)
            for name, fact in header.items()
            if name != "__metadata__" and fact["dtype"] in _STORED
        }
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: it is no file of safetensors, or not a whole one.") from error


def _place(path: Path, file: mmap.mmap, start: int, fact: dict[str, Any]) -> _Place:
    first, end = fact["data_offsets"]
    place = _Place(path, file, start + first, fact["dtype"], tuple(fact["shape"]))
    size = math.prod(place.shape) * np.dtype(_STORED[place.kind]).itemsize
    if first < 0 or min(place.shape, default=0) < 0 or end - first != size or start + end > len(file):
        raise ValueError("a weight lies outside its file")
    return place


def _view(place: _Place) -> Numbers:
    count = math.prod(place.shape)
    stored = np.frombuffer(place.file, _STORED[place.kind], count, place.offset).reshape(place.shape)
    if place.kind == "BF16":
        stored = (stored.astype("<u4") << 16).view("<f4")
    return np.require(stored, np.float32, "A")
