"""What the database says of the groups of arrays: which count, and which of their rows live."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import StorageError

Mask = NDArray[np.bool_]

#: The kind of a group that holds postings; a group of vectors has the name of its vector field.
POSTINGS = "postings"
#: The kind of a group that holds a graph, and what its name adds to that of the vectors it belongs to.
GRAPH = "graph"
_OF_GRAPHS = "-graph"
FOLDER = "arrays"
#: As many neighbours of about one size become one.
MERGE_FACTOR = 8


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """One group of arrays over some passages, in the order of their slots."""

    name: str
    kind: str
    #: Slot of its first passage: neighbours in this order are neighbours in time.
    first: int
    size: int
    checksum: int
    #: Which of its rows live; None for all. Vectors live where their passage does.
    alive: bytes | None = None

    @property
    def mask(self) -> Mask:
        """Which rows live, one truth value each."""
        if self.alive is None:
            return np.ones(self.size, dtype=np.bool_)
        if len(self.alive) != (self.size + 7) // 8:
            raise StorageError(f"The index is damaged: what lives of {self.name} is not known; make it anew.")
        return np.unpackbits(np.frombuffer(self.alive, dtype=np.uint8), count=self.size).astype(np.bool_)


def read_segments(connection: sqlite3.Connection) -> list[Segment]:
    """Give all groups that count, oldest first."""
    rows = connection.execute("SELECT name, kind, first, size, checksum, alive FROM segments ORDER BY first, name")
    return [Segment(*row) for row in rows]


def add_segment(connection: sqlite3.Connection, segment: Segment) -> None:
    """Let a group count from the next commit on."""
    connection.execute(
        "INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?)",
        (segment.name, segment.kind, segment.first, segment.size, segment.checksum, segment.alive),
    )


def drop_segments(connection: sqlite3.Connection, names: Iterable[str]) -> None:
    """Let groups count no more from the next commit on, nor the graphs that belong to them."""
    gone = [(each,) for name in names for each in (name, name_graph(name))]
    connection.executemany("DELETE FROM segments WHERE name = ?", gone)


def name_graph(name: str) -> str:
    """Name the graph of a group of vectors."""
    return name + _OF_GRAPHS


def save_mask(connection: sqlite3.Connection, name: str, mask: Mask) -> None:
    """Say which rows of a group live from the next commit on."""
    connection.execute("UPDATE segments SET alive = ? WHERE name = ?", (pack_mask(mask), name))


def pack_mask(mask: Mask) -> bytes | None:
    """Write a mask as bits; None where all live."""
    return None if mask.all() else np.packbits(mask).tobytes()


def choose_merge(segments: Sequence[Segment]) -> list[Segment]:
    """Give neighbours of one kind that are worth merging, or none.

    Sizes are told apart by powers of ``MERGE_FACTOR``, so every row is rewritten a logarithmic number of times.
    """
    run: list[Segment] = []
    for segment in reversed(segments):
        if run and _tier(segment) > max(map(_tier, run)):
            if len(run) >= MERGE_FACTOR:
                break
            run = []
        run.append(segment)
    return run[::-1] if len(run) >= MERGE_FACTOR else []


def _tier(segment: Segment) -> int:
    return int(np.log(max(1, segment.size)) / np.log(MERGE_FACTOR))
