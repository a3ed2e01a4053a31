"""The reading side of a local index: the newest commit as a view, and the passages of rows."""

import json
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import orjson

from ... import records
from ...errors import StorageError
from ...passages import Passage, Vector
from ...profile import Profile, from_meta
from . import database
from .arrays import Arrays, map_group
from .fields import Kind
from .filters import Fields, evaluate
from .rows import COLUMNS, to_passage
from .segments import FOLDER, Mask, Segment, read_segments
from .view import Rows, View, find_sorted, open_view

T = TypeVar("T")

PROFILE = "profile"
#: Turns at opening a commit whose files a merge removes meanwhile.
_TURNS = 5
_FILTERS_KEPT = 16
_PAGE = 1000
_ALL_PASSAGES = f"SELECT slot, {COLUMNS} FROM passages ORDER BY id"  # noqa: S608 - ours


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """An index as of one commit."""

    profile: Profile
    view: View
    kinds: Mapping[str, Kind]
    #: Rows that have neither a vector nor a reason why they have none.
    pending: Mask
    failed: Mask


class Reader:
    """Reads one index; safe to share between threads."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._connection = database.open_to_read(folder)
        self._lock = threading.RLock()
        self._version: int | None = None
        self._state: State | None = None
        self._groups: dict[str, Arrays] = {}
        self._masks: OrderedDict[bytes, Mask] = OrderedDict()

    def state(self) -> State:
        """Give the newest commit."""
        with self._lock, database.explained(self.folder):
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
            if self._state is None or version != self._version:
                self._state = self._read_state(self._connection)
                self._version = version
                self._masks.clear()
            return self._state

    def filter_rows(self, state: State, filters: Sequence[Mapping[str, Any]]) -> Mask:
        """Give the living rows that a filter lets through."""
        if not filters:
            return state.view.alive
        key = orjson.dumps(list(filters), option=orjson.OPT_SERIALIZE_NUMPY)
        with self._lock:
            if state is not self._state or key not in self._masks:
                mask = self._evaluate(state, filters)
                if state is not self._state:
                    return mask
                self._masks[key] = mask
                if len(self._masks) > _FILTERS_KEPT:
                    self._masks.popitem(last=False)
            self._masks.move_to_end(key)
            return self._masks[key]

    def fetch(self, slots: Sequence[int], columns: str) -> dict[int, tuple[Any, ...]]:
        """Give columns of those passages that are still there, by slot."""
        return {slot: tuple(values) for slot, *values in self.select(f"slot, {columns}", "slot", slots)}

    def select(self, columns: str, key: str, values: Sequence[str] | Sequence[int]) -> list[tuple[Any, ...]]:
        """Give columns of those passages whose ``key`` is one of the values."""
        return self.ask(lambda connection: list(database.select_in(connection, columns, key, values)))

    def states(self, ids: Sequence[str]) -> dict[str, records.State]:
        """Give the states of those passages that are stored."""
        with self._lock:
            view = self.state().view
            found = self.select("id, slot, document_id, content_hash, passages_total", "id", ids)
        rows = find_sorted(view.slots, np.array([one[1] for one in found], dtype=np.int64))
        pending = rows < 0
        pending[~pending] = ~view.encoded[rows[~pending]]
        return {
            passage_id: records.State(document_id, content_hash, total, bool(waits))
            for (passage_id, _, document_id, content_hash, total), waits in zip(found, pending, strict=True)
        }

    def read_vector(self, passage_id: str) -> Vector | None:
        """Give a passage's vector, or None if it has none."""
        with self._lock:
            view = self.state().view
            rows = view.find(np.array([slot for (slot,) in self.select("slot", "id", [passage_id])], dtype=np.int64))
        vectors: list[Vector] = [vector for vector in view.vectors(rows) if not np.isnan(vector[0])]
        return vectors[0] if vectors else None

    def fetch_passages(self, ids: Sequence[str]) -> list[Passage]:
        """Give those passages that are stored, without their vectors."""
        return [to_passage(row) for row in self.select(COLUMNS, "id", ids)]

    def ask(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """Read anything else from the database."""
        with self._lock, database.explained(self.folder):
            return read(self._connection)

    def count_groups(self) -> int:
        """Give the number of groups of arrays that count."""
        return len(self.ask(read_segments))

    def pages(self) -> Iterator[list[Passage]]:
        """Give all passages with their vectors in the order of ids, as of now, whatever is written meanwhile."""
        with closing(database.open_to_read(self.folder)) as connection, database.explained(self.folder):
            view = self._read_state(connection, hold=True).view
            rows = connection.execute(_ALL_PASSAGES)
            while page := rows.fetchmany(_PAGE):
                yield _to_passages(page, view)

    def close(self) -> None:
        """Close the files."""
        with self._lock:
            self._connection.close()

    def _read_state(self, connection: sqlite3.Connection, *, hold: bool = False) -> State:
        """Read the newest commit; ``hold`` leaves the connection at it."""
        for _ in range(_TURNS):
            connection.execute("BEGIN")
            try:
                state = self._build_state(connection)
            except FileNotFoundError as error:
                gone = error.filename
                connection.execute("ROLLBACK")
            else:
                if not hold:
                    connection.execute("COMMIT")
                return state
        raise StorageError(
            f"The index in {self.folder} is damaged: {gone} is missing; bring the folder back from a copy, or make "
            "the index anew."
        )

    def _build_state(self, connection: sqlite3.Connection) -> State:
        profile = read_profile(connection, self.folder)
        segments = read_segments(connection)
        kinds = dict(connection.execute("SELECT name, kind FROM fields"))
        failed = _read_failed(connection, profile)
        view = open_view(segments, self._load, profile.vector_field, profile.dimension)
        counted = {segment.name for segment in segments}
        self._groups = {name: arrays for name, arrays in self._groups.items() if name in counted}
        without = view.alive & ~view.encoded
        rows = np.zeros(len(view), dtype=np.bool_)
        rows[view.find(failed)] = True
        return State(profile, view, kinds, without & ~rows, without & rows)

    def _load(self, segment: Segment) -> Arrays:
        if segment.name not in self._groups:
            self._groups[segment.name] = map_group(self.folder / FOLDER, segment.name)
        return self._groups[segment.name]

    def _evaluate(self, state: State, filters: Sequence[Mapping[str, Any]]) -> Mask:
        def lookup(statement: str, parameters: Sequence[Any]) -> Rows:
            with database.explained(self.folder):
                slots = [slot for (slot,) in self._connection.execute(statement, parameters)]
            return state.view.find(np.array(slots, dtype=np.int64))

        fields = Fields(state.kinds, lookup, state.view.alive & ~state.view.encoded, len(state.view))
        mask: Mask = evaluate(filters, fields) & state.view.alive
        return mask


def read_profile(connection: sqlite3.Connection, folder: Path) -> Profile:
    """Read what an index says of itself."""
    found = connection.execute("SELECT value FROM facts WHERE name = ?", (PROFILE,)).fetchone()
    if found is None:
        raise StorageError(f"The index in {folder} was never finished; delete the folder, and make the index anew.")
    return from_meta(json.loads(found[0]), str(folder))


def _read_failed(connection: sqlite3.Connection, profile: Profile) -> Rows:
    """Give the slots that this encoder could not encode."""
    found = connection.execute("SELECT slot, encode_error FROM passages WHERE encode_error IS NOT NULL")
    own = [slot for slot, error in found if json.loads(error)["fingerprint"] == profile.fingerprint]
    return np.array(own, dtype=np.int64)


def _to_passages(page: Sequence[tuple[Any, ...]], view: View) -> list[Passage]:
    vectors = view.vectors(view.find(np.array([row[0] for row in page], dtype=np.int64)))
    return [
        to_passage(row[1:], None if np.isnan(vector[0]) else vector)
        for row, vector in zip(page, vectors, strict=True)
    ]
