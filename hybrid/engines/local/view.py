"""What a reader sees: all groups of arrays that counted at one commit, as one row per passage.

Rows are places in these arrays, from the oldest segment to the newest; they change from commit to commit. Slots name
passages in the database and never change their meaning.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import StorageError
from .arrays import Array, Arrays
from .bm25 import Statistics
from .postings import Postings, read_postings
from .segments import GRAPH, POSTINGS, Mask, Segment, name_graph

if TYPE_CHECKING:
    from .graph import Graph

Rows = NDArray[np.int64]
Load = Callable[[Segment], Arrays]
_NONE = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Postings of one segment, and the view's row of its first passage."""

    name: str
    postings: Postings
    first: int

    @property
    def rows(self) -> slice:
        """The view's rows of this segment."""
        return slice(self.first, self.first + len(self.postings))


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Some vectors, and the view's row of each; −1 where the passage is gone."""

    vectors: NDArray[np.float32]
    rows: Rows
    #: Where they all are here and follow each other: their rows as a slice, which is quicker to write to.
    block: slice | None
    #: The graph over these vectors, if there is one: mapped with them, because a merge may remove its file.
    graph: Arrays | None


class View:
    """An index as of one commit."""

    def __init__(self, parts: Sequence[Part], slots: Rows, alive: Mask, chunks: Sequence[Chunk], dimension: int):
        self.parts = parts
        #: The slot of every row, ascending.
        self.slots = slots
        self.alive = alive
        self.all_alive = bool(alive.all())
        self.chunks = chunks
        self.dimension = dimension
        self.has_graph = any(chunk.graph is not None for chunk in chunks)
        self._graphs: dict[int, Graph] = {}
        self._reading = threading.Lock()

    def __len__(self) -> int:
        return len(self.slots)

    @cached_property
    def statistics(self) -> Statistics:
        """What BM25 knows of the living passages."""
        lengths = np.concatenate([_NONE, *(part.postings.lengths for part in self.parts)])[self.alive]
        return Statistics(passages=int(np.count_nonzero(lengths)), terms=int(lengths.sum()))

    def graph(self, number: int) -> "Graph | None":
        """Give the graph over a chunk's vectors, read when it is first asked for."""
        chunk = self.chunks[number]
        if chunk.graph is None:
            return None
        # faiss takes a tenth of a second to import, and few indexes have a graph.
        from .graph import read_graph

        with self._reading:
            if number not in self._graphs:
                self._graphs[number] = read_graph(chunk.graph, chunk.vectors)
            return self._graphs[number]

    @cached_property
    def encoded(self) -> Mask:
        """Which rows have a vector; a dead one may."""
        return self._vector_places[0] >= 0

    @cached_property
    def _vector_places(self) -> tuple[NDArray[np.int32], Rows]:
        """The chunk of every row's vector, −1 for none, and the place in it."""
        owners, places = np.full(len(self), -1, dtype=np.int32), np.zeros(len(self), dtype=np.int64)
        for number, chunk in enumerate(self.chunks):
            here = chunk.rows >= 0
            owners[chunk.rows[here]] = number
            places[chunk.rows[here]] = np.flatnonzero(here)
        return owners, places

    def find(self, slots: Rows) -> Rows:
        """Give the rows of those slots that are here."""
        rows = find_sorted(self.slots, slots)
        return rows[rows >= 0]

    def vectors(self, rows: Rows) -> NDArray[np.float32]:
        """Give the vectors of rows, NaN where there is none."""
        owners, places = (array[rows] for array in self._vector_places)
        found = np.full((len(rows), self.dimension), np.nan, dtype=np.float32)
        for number in np.unique(owners[owners >= 0]):
            here = owners == number
            found[here] = self.chunks[number].vectors[places[here]]
        return found


def open_view(segments: Sequence[Segment], load: Load, vector_field: str, dimension: int) -> View:
    """Put the groups that count together; ``load`` gives the arrays of one."""
    parts, masks, first = [], [np.zeros(0, dtype=np.bool_)], 0
    for segment in _of_kind(segments, POSTINGS):
        postings = read_postings(load(segment))
        if len(postings) != segment.size:
            raise StorageError(f"The index is damaged: {segment.name} has another size; make it anew.")
        parts.append(Part(segment.name, postings, first))
        masks.append(segment.mask)
        first += segment.size
    slots = np.concatenate([_NONE, *(part.postings.slots for part in parts)])
    graphs = {segment.name: load(segment) for segment in _of_kind(segments, GRAPH)}
    chunks = [
        _read_chunk(load(segment), slots, dimension, graphs.get(name_graph(segment.name)))
        for segment in _of_kind(segments, vector_field)
    ]
    return View(parts, slots, np.concatenate(masks), chunks, dimension)


def find_sorted(haystack: Rows, wanted: Rows) -> Rows:
    """Give the place of every number in an ascending array, −1 where it is not there."""
    if not len(haystack):
        return np.full(len(wanted), -1, dtype=np.int64)
    places = np.minimum(np.searchsorted(haystack, wanted), len(haystack) - 1)
    return np.where(haystack[places] == wanted, places, -1)


def _of_kind(segments: Sequence[Segment], kind: str) -> Iterator[Segment]:
    return (segment for segment in segments if segment.kind == kind)


def _read_chunk(arrays: Arrays, slots: Rows, dimension: int, graph: Arrays | None) -> Chunk:
    if arrays.keys() != {"slots", "vectors"} or not _fit(arrays["slots"], arrays["vectors"], dimension):
        raise StorageError("The index is damaged: its vectors have another shape; make it anew.")
    own, vectors = arrays["slots"], arrays["vectors"]
    rows = find_sorted(slots, own)
    together = len(rows) > 0 and rows[0] >= 0 and bool((np.diff(rows) == 1).all())
    return Chunk(vectors, rows, slice(int(rows[0]), int(rows[-1]) + 1) if together else None, graph)


def _fit(slots: Array, vectors: Array, dimension: int) -> bool:
    typed = slots.ndim == 1 and slots.dtype == np.int64 and vectors.dtype == np.float32
    return typed and vectors.shape == (len(slots), dimension)
