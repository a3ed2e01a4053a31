"""The dense side of a question: every vector compared, or a graph walked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...passages import Vector
from .segments import Mask
from .view import Chunk, Rows, View

Sims = NDArray[np.float32]
Exact = NDArray[np.float64]

#: A graph is asked for at least this many, as on a cluster: with fewer it misses more of the best.
MIN_GRAPH_K = 2000
#: Below this share of open rows a scan of just these is quicker than the graph, and misses nothing.
SCARCE = 0.1


class Dense(Protocol):
    """One question's sims."""

    def propose(self, open_to: Mask, depth: int) -> Rows:
        """Give the best rows among those that are open, in no order."""

    def rough(self, rows: Rows) -> Exact:
        """Give the sims of rows as float32 sums, NaN where there is no vector."""


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """All sims, computed at once."""

    sims: Sims

    def propose(self, open_to: Mask, depth: int) -> Rows:
        """Give the best rows among those that are open, in no order."""
        return top(self.sims, open_to & ~np.isnan(self.sims), depth)

    def rough(self, rows: Rows) -> Exact:
        """Give the sims of rows as float32 sums, NaN where there is no vector."""
        return self.sims[rows].astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """Sims computed where the graph leads; groups without a graph are scanned."""

    view: View
    question: Vector

    def propose(self, open_to: Mask, depth: int) -> Rows:
        """Give about the best rows among those that are open, in no order."""
        k = max(depth, MIN_GRAPH_K)
        found = [self._walk(number, chunk, open_to, k) for number, chunk in enumerate(self.view.chunks)]
        rows = np.concatenate([np.zeros(0, dtype=np.int64), *found])
        return rows[top(self.rough(rows), np.ones(len(rows), dtype=np.bool_), depth)]

    def rough(self, rows: Rows) -> Exact:
        """Give the sims of rows as float32 sums, NaN where there is no vector."""
        return (self.view.vectors(rows) @ self.question).astype(np.float64)

    def _walk(self, number: int, chunk: Chunk, open_to: Mask, k: int) -> Rows:
        allowed = chunk.rows >= 0
        allowed[allowed] = open_to[chunk.rows[allowed]]
        graph = self.view.graph(number)
        if graph is None or np.count_nonzero(allowed) < max(k, SCARCE * len(allowed)):
            places = np.flatnonzero(allowed)
            return chunk.rows[places[top(chunk.vectors[places] @ self.question, np.ones(len(places), np.bool_), k)]]
        return chunk.rows[graph.walk(self.question, allowed, k)]


def scan(view: View, questions: Sequence[Vector]) -> list[Scan]:
    """Compare questions with every vector; several at once are much quicker than one by one."""
    if not questions:
        return []
    sims = np.full((len(questions), len(view)), np.nan, dtype=np.float32)
    together = np.stack(questions) if len(questions) > 1 else None
    for chunk in view.chunks:
        # A matrix times one vector takes another path than times several, and reads the vectors at full speed.
        products = (chunk.vectors @ questions[0])[np.newaxis] if together is None else together @ chunk.vectors.T
        if chunk.block is not None:
            sims[:, chunk.block] = products
        else:
            here = chunk.rows >= 0
            sims[:, chunk.rows[here]] = products[:, here]
    return [Scan(own) for own in sims]


def exact_sims(view: View, rows: Rows, question: Vector) -> Exact:
    """Give sims summed in float64, row by row alike, so that equal vectors have equal sims."""
    products: Exact = (view.vectors(rows).astype(np.float64) * question.astype(np.float64)).sum(axis=1)
    return products


def top(scores: NDArray[np.floating], among: Mask, depth: int) -> Rows:
    """Give ``depth`` rows with the highest scores, in no order; of those that tie for the last place the oldest."""
    rows = np.flatnonzero(among)
    if len(rows) <= depth:
        return rows
    own = scores[rows]
    last = np.partition(own, len(own) - depth)[-depth]
    above = rows[own > last]
    return np.concatenate([above, rows[own == last][: depth - len(above)]])
