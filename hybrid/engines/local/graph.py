"""HNSW by faiss, for indexes so large that comparing with every vector takes longer than walking a graph.

A graph belongs to one group of vectors and stands beside it in a group of its own; it is built when an index is
settled, and goes when its vectors are merged. Its file holds the links only: the vectors are the group's.
"""

from collections.abc import Mapping
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from ...errors import StorageError
from .arrays import Array
from .segments import Mask

#: Vectors from which a graph pays: with 384 numbers each, the graph's best 2000 of 200,000 take half of a scan's time
#: (``benchmarks/local.py``), and up to a tenth of them are others.
WORTH = 200_000
LINKS = 16
EF_CONSTRUCTION = 128
_BYTES = "graph"
#: Its stubs know half of what it has.
_faiss: Any = faiss


class Graph:
    """A graph over the vectors of one group."""

    def __init__(self, index: Any):
        self._index = index

    def walk(self, question: NDArray[np.float32], open_to: Mask, k: int) -> NDArray[np.int64]:
        """Give about the best ``k`` places among those that are open."""
        bits = np.packbits(open_to, bitorder="little")
        selector = _faiss.IDSelectorBitmap(len(open_to), faiss.swig_ptr(bits))
        parameters = _faiss.SearchParametersHNSW(sel=selector, efSearch=k)
        _, places = self._index.search(question[np.newaxis], k, params=parameters)
        found: NDArray[np.int64] = places[0][places[0] >= 0]
        return found


def build_graph(vectors: NDArray[np.float32]) -> dict[str, Array]:
    """Build the graph of some vectors, as arrays to be stored."""
    index = faiss.IndexHNSWFlat(vectors.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = EF_CONSTRUCTION
    index.add(np.ascontiguousarray(vectors))
    return {_BYTES: faiss.serialize_index(index, faiss.IO_FLAG_SKIP_STORAGE)}


def read_graph(arrays: Mapping[str, Array], vectors: NDArray[np.float32]) -> Graph:
    """Put a stored graph over its vectors."""
    try:
        index: Any = faiss.deserialize_index(np.ascontiguousarray(arrays[_BYTES]), faiss.IO_FLAG_SKIP_STORAGE)
    except (KeyError, RuntimeError) as error:
        raise StorageError("The graph of the index is damaged; build it anew: hybrid settle.") from error
    if index.ntotal != len(vectors) or index.d != vectors.shape[1]:
        raise StorageError("The graph of the index is not that of its vectors; build it anew: hybrid settle.")
    storage: Any = faiss.IndexFlatIP(index.d)
    storage.add(np.ascontiguousarray(vectors))
    index.storage = storage
    index.own_fields = True
    storage.this.disown()
    return Graph(index)
