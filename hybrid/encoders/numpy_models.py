"""Token ids in, vectors out, by numpy alone, for BERT and its kin: ready in a moment, where torch takes seconds.

Texts of a batch are laid end to end and never padded, so there is no mask: what concerns single tokens is computed
for all at once, attention text by text. Token types are all 0. Weights stay in their file, mapped into memory.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from . import batching
from .checkpoints import Checkpoint
from .head import Head
from .layers import ACTIVATIONS, Numbers, layer_norm, linear, softmax
from .layouts import LAYOUTS, read_sizes
from .machine import count_cpus
from .networks import Layer, read_network
from .pooling import pool
from .running import Vectors
from .threads import one_blas_thread
from .tokens import Ids
from .weights import Weights

#: MPNet keeps a number for each distance below 8, each way, and one for each range that begins here: 8 · 2^(k/2).
_RANGES = (8, 12, 16, 23, 32, 46, 64, 91)
_NEAR = _RANGES[0]
_ONE_WAY = _NEAR + len(_RANGES)


class NumpyModel:
    """A model on one processor; it keeps nothing between calls, so several threads may use it."""

    def __init__(self, checkpoint: Checkpoint):
        self._layout = LAYOUTS[checkpoint.config["model_type"]]
        self._sizes = read_sizes(checkpoint.config)
        self._network = read_network(Weights(checkpoint.weights), self._layout, self._sizes)
        self._pooling = checkpoint.steps[0].label
        self._head = Head(checkpoint.steps[1:])
        self.dimension = checkpoint.dimension
        self.budget = batching.ONE_CPU_TOKENS

    def compute(self, batch: Sequence[Ids]) -> Vectors:
        """Give one vector a text, in fp32; MemoryError where the batch is too large."""
        with one_blas_thread():
            return self._head.apply(np.stack([pool(hidden, self._pooling) for hidden in self.transform(batch)]))

    def transform(self, batch: Sequence[Ids]) -> list[Numbers]:
        """Give the vectors of each text's tokens."""
        ends = np.cumsum([len(ids) for ids in batch]).tolist()
        spans = [slice(end - len(ids), end) for end, ids in zip(ends, batch, strict=True)]
        with one_blas_thread():
            hidden = self._transform(self._embed(batch), spans)
        return [hidden[span] for span in spans]

    def _embed(self, batch: Sequence[Ids]) -> Numbers:
        network = self._network
        places = np.concatenate([self._count(ids) for ids in batch])
        summed = network.words[np.concatenate(batch)] + network.positions[places]
        return layer_norm(summed, *network.norm, self._sizes.epsilon)

    def _count(self, ids: Ids) -> NDArray[np.intp]:
        """Give the position of every token."""
        if not self._layout.skips_padding:
            return np.arange(len(ids))
        real = ids != self._sizes.padding
        places: NDArray[np.intp] = np.cumsum(real) * real
        return places + self._sizes.padding

    def _transform(self, hidden: Numbers, spans: Sequence[slice]) -> Numbers:
        epsilon, activate = self._sizes.epsilon, ACTIVATIONS[self._sizes.activation]
        bias = self._weigh_distances(max(span.stop - span.start for span in spans))
        for layer in self._network.layers:
            mixed = linear(self._attend(layer, hidden, spans, bias), *layer.mixed)
            hidden = layer_norm(hidden + mixed, *layer.mixed_norm, epsilon)
            wide = activate(linear(hidden, *layer.wide))
            hidden = layer_norm(hidden + linear(wide, *layer.narrow), *layer.norm, epsilon)
        return hidden

    def _attend(self, layer: Layer, hidden: Numbers, spans: Sequence[slice], bias: Numbers | None) -> Numbers:
        """Mix the tokens of each text by how much they have to do with each other."""
        queries, keys, values = (linear(hidden, *pair) for pair in (layer.query, layer.key, layer.value))
        size = queries.shape[1] // self._sizes.heads
        queries *= size**-0.5
        for span in spans:
            query, key, value = (self._split(one[span], size) for one in (queries, keys, values))
            scores = query @ key.swapaxes(1, 2)
            if bias is not None:
                scores += bias[:, : scores.shape[1], : scores.shape[1]]
            # A text's queries are not needed any more, so their place is free for what comes out.
            np.matmul(softmax(scores), value, out=query)
        return queries

    def _split(self, rows: Numbers, size: int) -> Numbers:
        """Give a view of a text's rows by head."""
        return rows.reshape(len(rows), self._sizes.heads, size).swapaxes(0, 1)

    def _weigh_distances(self, length: int) -> Numbers | None:
        """Give what each head adds for each pair of tokens, for the longest text; shorter ones take a corner."""
        if self._network.distances is None:
            return None
        places = np.arange(length)
        away = places[None, :] - places[:, None]
        distance = np.abs(away)
        near = np.where(distance < _NEAR, distance, _NEAR - 1 + np.searchsorted(_RANGES, distance, "right"))
        return np.ascontiguousarray(self._network.distances[near + _ONE_WAY * (away > 0)].transpose(2, 0, 1))


def open_models(checkpoint: Checkpoint) -> list[NumpyModel]:
    """Load a model once and give it once for every processor."""
    return [NumpyModel(checkpoint)] * count_cpus()
