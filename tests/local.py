"""Indexes in a folder for tests: made of passages, or of nothing but terms."""

from collections.abc import Sequence

import numpy as np

from hybrid.engines.local.arrays import Arrays
from hybrid.engines.local.postings import build_postings
from hybrid.engines.local.segments import POSTINGS, Segment, pack_mask
from hybrid.engines.local.view import View, open_view

FIELD = "vec_01234567"
DIMENSION = 8


def view_of(*parts: Sequence[Sequence[str]], alive: Sequence[bool] | None = None) -> View:
    """Put passages, given as their terms, into one segment each part; ``alive`` goes over all of them."""
    arrays: dict[str, Arrays] = {}
    segments = []
    first = 0
    for number, bags in enumerate(parts):
        if not bags:
            continue
        stop = first + len(bags)
        name = f"part{number}"
        arrays[name] = build_postings(range(first, stop), bags)
        mask = np.ones(len(bags), dtype=np.bool_) if alive is None else np.array(alive[first:stop], dtype=np.bool_)
        segments.append(Segment(name, POSTINGS, first, len(bags), 0, pack_mask(mask)))
        first = stop
    return open_view(segments, lambda segment: arrays[segment.name], FIELD, DIMENSION)
