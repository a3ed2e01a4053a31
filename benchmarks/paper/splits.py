"""Passages in two halves, block by block, and each question with its passage: none is learnt from and asked about."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: Contiguous blocks of passages: every other one is for training. Few enough that neighbours seldom part, enough that
#: both halves are about the same things.
BLOCKS = 20

Places = NDArray[np.int64]


def split(gold: Sequence[int], passages: int, blocks: int = BLOCKS) -> tuple[Places, Places]:
    """Give the places of the questions to train with and of those to test with; ``gold`` names each one's passage."""
    odd = np.asarray(gold) * blocks // max(passages, 1) % 2 == 1
    return np.flatnonzero(~odd), np.flatnonzero(odd)


def spread(places: Places, count: int | None) -> Places:
    """Give so many of some places, evenly spread; all of them where there are no more."""
    if count is None or count >= len(places):
        return places
    return places[np.linspace(0, len(places) - 1, count).round().astype(np.int64)]
