"""Many small groups of arrays become few large ones, and what is dead goes."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .arrays import Array, Arrays, write_group
from .changes import add_group
from .postings import merge_postings, read_postings
from .segments import FOLDER, GRAPH, POSTINGS, Segment, add_segment, choose_merge, name_graph, read_segments

Load = Callable[[Segment], Arrays]


def find_merge(connection: sqlite3.Connection) -> list[Segment]:
    """Give groups of one kind that are worth merging now, or none."""
    found = read_segments(connection)
    for kind in sorted({segment.kind for segment in found} - {GRAPH}):
        own = [segment for segment in found if segment.kind == kind]
        chosen = choose_merge(own) or next(([one] for one in own if _is_mostly_dead(one)), [])
        if chosen:
            return chosen
    return []


def holds_dead(connection: sqlite3.Connection, segment: Segment, load: Load) -> bool:
    """Tell whether some rows of a group live no more."""
    if segment.kind == POSTINGS:
        return segment.alive is not None
    return not np.isin(load(segment)["slots"], _read_living(connection)).all()


def merge(connection: sqlite3.Connection, folder: Path, chosen: Sequence[Segment], load: Load) -> None:
    """Write groups of one kind as one, without their dead rows."""
    kind = chosen[0].kind
    arrays = _merge_postings(chosen, load) if kind == POSTINGS else _merge_vectors(connection, chosen, load)
    add_group(connection, folder, kind, arrays, replaced=[segment.name for segment in chosen])


def add_graphs(connection: sqlite3.Connection, folder: Path, load: Load) -> None:
    """Build the graph of every group of vectors that is large enough and has none."""
    from .graph import WORTH, build_graph

    found = read_segments(connection)
    names = {segment.name for segment in found}
    for segment in found:
        name = name_graph(segment.name)
        if segment.kind not in (POSTINGS, GRAPH) and segment.size >= WORTH and name not in names:
            checksum = write_group(folder / FOLDER, name, build_graph(load(segment)["vectors"]))
            add_segment(connection, Segment(name, GRAPH, segment.first, segment.size, checksum))


def _merge_postings(chosen: Sequence[Segment], load: Load) -> dict[str, Array]:
    return merge_postings([read_postings(load(one)) for one in chosen], [one.mask for one in chosen])


def _merge_vectors(connection: sqlite3.Connection, chosen: Sequence[Segment], load: Load) -> dict[str, Array]:
    groups = [load(one) for one in chosen]
    slots = np.concatenate([group["slots"] for group in groups])
    kept = np.flatnonzero(np.isin(slots, _read_living(connection)))
    order = kept[np.argsort(slots[kept], kind="stable")]
    starts = np.cumsum([0, *(len(group["slots"]) for group in groups)])
    vectors = np.empty((len(order), groups[0]["vectors"].shape[1]), dtype=np.float32)
    for start, stop, group in zip(starts[:-1], starts[1:], groups, strict=True):
        here = (order >= start) & (order < stop)
        vectors[here] = group["vectors"][order[here] - start]
    return {"slots": slots[order], "vectors": vectors}


def _read_living(connection: sqlite3.Connection) -> NDArray[np.int64]:
    return np.array([slot for (slot,) in connection.execute("SELECT slot FROM passages")], dtype=np.int64)


def _is_mostly_dead(segment: Segment) -> bool:
    return segment.alive is not None and 2 * int(np.count_nonzero(segment.mask)) < segment.size
