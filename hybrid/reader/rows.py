"""What a model says of a window, as one row of numbers: relevance, a start and an end score for each token.

Rows are as long as the longest input may be, so that those of many windows stand in one array.
"""

import numpy as np
from numpy.typing import NDArray

from ..encoders.layers import Numbers
from .spans import Scores

Rows = NDArray[np.float32]


def count_numbers(length: int) -> int:
    """Give how many numbers a row has, for inputs of so many tokens."""
    return 1 + 2 * length


def make_row(length: int, relevance: float, scores: Numbers) -> Rows:
    """Write a row; ``scores`` holds start and end of each token."""
    row = np.full(count_numbers(length), -np.inf, dtype=np.float32)
    row[0] = relevance
    row[1 : 1 + len(scores)] = scores[:, 0]
    row[1 + length : 1 + length + len(scores)] = scores[:, 1]
    return row


def read_row(row: Rows, begin: int, size: int) -> tuple[float, Scores, Scores]:
    """Read relevance, starts and ends of the tokens from ``begin``; the twin of ``make_row``."""
    length = (len(row) - 1) // 2
    starts, ends = row[1 : 1 + length], row[1 + length :]
    return float(row[0]), starts[begin : begin + size], ends[begin : begin + size]
