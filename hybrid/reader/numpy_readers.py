"""Token ids in, rows out, by numpy alone: for readers of the kind ``dpr`` that are made of BERT."""

from collections.abc import Sequence

import numpy as np

from ..encoders import batching
from ..encoders.layers import linear
from ..encoders.machine import count_cpus
from ..encoders.numpy_models import NumpyModel
from ..encoders.tokens import Ids
from .folders import RELEVANCE, SPANS, Folder
from .rows import Rows, count_numbers, make_row


class NumpyReader:
    """A reader on one processor; several threads may use it."""

    def __init__(self, folder: Folder):
        self._model = NumpyModel(folder.checkpoint)
        self._spans, self._relevance = folder.take_head(SPANS), folder.take_head(RELEVANCE)
        self._length = folder.max_length
        self.dimension = count_numbers(self._length)
        self.budget = batching.ONE_CPU_TOKENS

    def compute(self, batch: Sequence[Ids]) -> Rows:
        """Give one row a window; MemoryError where the batch is too large."""
        rows = []
        for hidden in self._model.transform(batch):
            relevance = linear(hidden[:1], *self._relevance)[0, 0]
            rows.append(make_row(self._length, float(relevance), linear(hidden, *self._spans)))
        return np.stack(rows)


def open_models(folder: Folder) -> list[NumpyReader]:
    """Load a reader once and give it once for every processor."""
    return [NumpyReader(folder)] * count_cpus()
