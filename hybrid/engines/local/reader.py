"""The reading side of a local index: the newest commit as a view, and the passages of rows."""

import copy
import dataclasses
import hashlib
import json
import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import orjson

from ... import records
from ...errors import IndexStateError, ProfileError, StorageError, UsageError
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
_ALL_IDS = "SELECT id FROM passages ORDER BY id"


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """An index as of one commit."""

    profile: Profile
    view: View
    kinds: Mapping[str, Kind]
    #: Rows that have neither a vector nor a reason why they have none.
    pending: Mask
    failed: Mask


def _as_it_is(profile: Profile) -> Profile:
    return profile


class Reader:
    """Reads one index; safe to share between threads."""

    def __init__(self, folder: Path, change: Callable[[Profile], Profile] = _as_it_is):
        """Open a folder; ``change`` lets it be seen as if its profile were another."""
        # Before it is opened: one that takes its place meanwhile is then refused, never taken for it.
        self._file = database.identify(folder)
        self._connection = database.open_to_read(folder)
        self.change = change
        #: Absolute, so that it stays the same wherever the process goes.
        self.folder = folder.absolute()
        self._process = os.getpid()
        self._lock = threading.RLock()
        self._version: int | None = None
        self._state: State | None = None
        #: The state at which ``hold`` or ``stay`` is staying.
        self._held: State | None = None
        self._stays = False
        #: Whether the connection is that of another reader.
        self._borrows = False
        self._groups: dict[str, Arrays] = {}
        self._masks: OrderedDict[bytes, Mask] = OrderedDict()

    def again(self, change: Callable[[Profile], Profile] | None = None) -> Self:
        """Give another reader of the folder, with its own ``change`` if there is one; to be closed like this one.

        Where this one stays at a commit, so does the other, as long as this one is open: a commit that is no longer
        the newest cannot be opened a second time.
        """
        if self._held is None or not self._stays:
            self.check_same()
            return type(self)(self.folder, change or self.change)
        other = copy.copy(self)
        other._borrows = True
        if change is not None:
            other.change = change
            other._held = dataclasses.replace(self._held, profile=change(self._held.profile))
        return other

    def stay(self) -> Self:
        """Stay at the newest commit for good; one that stays already remains where it is."""
        if self._stays:
            return self
        with self._lock, database.explained(self.folder):
            self._held = self._enter(self._connect(), self._refresh)
            self._stays = True
        return self

    def check_same(self) -> None:
        """Refuse to go on where another index has taken the place of the one that was opened.

        Where there is none any more, what is open stays readable.
        """
        if database.identify(self.folder) not in (None, self._file):
            raise IndexStateError(
                f"The index in {self.folder} was deleted, and another one has taken its place; open it again."
            )

    def check_writable(self) -> None:
        """Refuse to write what would be made of another state than the newest, or of another profile."""
        if self._stays or self.change is not _as_it_is:
            raise UsageError(
                f"The index in {self.folder} is held at a moment, or seen under other constants, to be read only; "
                "write to it through the index that was opened."
            )

    def state(self) -> State:
        """Give the newest commit."""
        with self.hold() as state:
            return state

    @contextmanager
    def hold(self) -> Iterator[State]:
        """Stay at the newest commit: whatever is read inside belongs to it. Other threads wait meanwhile."""
        with self._lock, database.explained(self.folder):
            if self._held is not None:
                yield self._held
                return
            connection = self._connect()
            self._held = self._enter(connection, self._refresh)
            try:
                yield self._held
            finally:
                self._held = None
                connection.execute("ROLLBACK")

    def filter_rows(self, state: State, filters: Sequence[Mapping[str, Any]]) -> Mask | None:
        """Give the living rows that a filter lets through; None if the index has changed since."""
        if not filters:
            return state.view.alive
        key = orjson.dumps(list(filters), option=orjson.OPT_SERIALIZE_NUMPY)
        with self.hold() as newest:
            if state is not newest:
                return None
            if key not in self._masks:
                self._masks[key] = self._evaluate(state, filters)
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
        with self.hold() as state:
            view = state.view
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
        with self.hold() as state:
            view = state.view
            rows = view.find(np.array([slot for (slot,) in self.select("slot", "id", [passage_id])], dtype=np.int64))
        vectors: list[Vector] = [vector for vector in view.vectors(rows) if not np.isnan(vector[0])]
        return vectors[0] if vectors else None

    def fetch_passages(self, ids: Sequence[str]) -> list[Passage]:
        """Give those passages that are stored, without their vectors."""
        return [to_passage(row) for row in self.select(COLUMNS, "id", ids)]

    def ask(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """Read anything else from the database."""
        with self._lock, database.explained(self.folder):
            return read(self._connect())

    def name_moment(self) -> str:
        """Name what is there, by another name after every change: what is written lies in groups of new names."""
        seen = [(one.name, one.checksum, (one.alive or b"").hex()) for one in self.ask(read_segments)]
        return hashlib.sha256(orjson.dumps(seen)).hexdigest()

    def count_groups(self) -> int:
        """Give the number of groups of arrays that count."""
        return len(self.ask(read_segments))

    def pages(self) -> Iterator[list[Passage]]:
        """Give all passages with their vectors in the order of ids, as of now, whatever is written meanwhile."""
        with self._apart() as connection:
            with self._lock:
                view = (self.state() if self._stays else self._enter(connection, self._build_state)).view
            rows = connection.execute(_ALL_PASSAGES)
            while page := rows.fetchmany(_PAGE):
                yield _to_passages(page, view)

    def pages_of_ids(self) -> Iterator[list[str]]:
        """Give the ids of all passages in order, as of now, whatever is written meanwhile."""
        with self._apart() as connection:
            rows = connection.execute(_ALL_IDS)
            while page := rows.fetchmany(_PAGE):
                yield [one for (one,) in page]

    def close(self) -> None:
        """Close the files."""
        if not self._borrows:
            with self._lock:
                self._connection.close()

    @contextmanager
    def _apart(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that nothing else reads by, unless this reader stays where it is."""
        with database.explained(self.folder):
            if self._stays:
                yield self._connection
                return
            with closing(database.open_to_read(self.folder)) as connection:
                self.check_same()
                yield connection

    def _connect(self) -> sqlite3.Connection:
        """Give the connection; a process that was forked opens one of its own."""
        if self._held is not None:
            return self._connection
        self.check_same()
        if os.getpid() != self._process or database.is_outdated(self._connection, self.folder):
            # SQLite's locks are not inherited: only a connection of its own keeps the files that a process reads.
            self._connection.close()
            self._connection = database.open_to_read(self.folder)
            self._process, self._version = os.getpid(), None
        return self._connection

    def _enter(self, connection: sqlite3.Connection, read: Callable[[sqlite3.Connection], State]) -> State:
        """Read the newest commit, and leave the connection at it."""
        for _ in range(_TURNS):
            connection.execute("BEGIN")
            try:
                return read(connection)
            except FileNotFoundError as error:
                gone = error.filename
                connection.execute("ROLLBACK")
            except BaseException:
                connection.execute("ROLLBACK")
                raise
        raise StorageError(
            f"The index in {self.folder} is damaged: {gone} is missing; bring the folder back from a copy, or make "
            "the index anew."
        )

    def _refresh(self, connection: sqlite3.Connection) -> State:
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if self._state is None or version != self._version:
            self._state = self._build_state(connection)
            self._version = version
            self._masks.clear()
        return self._state

    def _build_state(self, connection: sqlite3.Connection) -> State:
        profile = self.change(read_profile(connection, self.folder))
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
    try:
        meta = json.loads(found[0])
    except ValueError as error:
        raise ProfileError(f"The profile of {folder} cannot be read: it is no JSON.") from error
    return from_meta(meta, str(folder))


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
