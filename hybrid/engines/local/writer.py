"""The writing side of a local index: one at a time, each change whole or not at all."""

import dataclasses
import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import numpy as np

from ...fusion import ROUNDING
from ...passages import Passage, Vector
from ...profile import Profile
from ...records import BulkReport, Failure, Filled
from ...vectors import length, read_passage_vector
from . import changes, database, merging, segments
from .analysis import find_analyzer
from .arrays import Arrays, check_group, map_group, remove_groups
from .changes import Checked, check_passage
from .lock import hold_lock
from .reader import Reader, State
from .segments import FOLDER, GRAPH, Mask, Segment
from .view import find_sorted

T = TypeVar("T")

#: Passages written in one transaction.
BATCH = 2000
#: Room left when ``max_norm`` has to grow, so that it grows seldom.
_HEADROOM = 1.25


class Writer:
    """Changes one index while it is open; a context manager."""

    def __init__(self, reader: Reader):
        self._reader = reader
        self._folder: Path = reader.folder
        self._open = ExitStack()
        self._connection: sqlite3.Connection

    def __enter__(self) -> Self:
        self._reader.check_writable()
        with ExitStack() as opening:
            opening.enter_context(hold_lock(self._folder))
            # From here on nobody deletes the index.
            self._reader.check_same()
            self._connection = opening.enter_context(closing(database.open_to_write(self._folder)))
            self._clean()
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def add(self, passages: Iterable[Passage]) -> BulkReport:
        """Write passages whole; a wrong vector stops before its batch is written."""
        report, batch = BulkReport(), list[Passage]()
        for passage in passages:
            batch.append(passage)
            if len(batch) == BATCH:
                report += self._add_batch(batch)
                batch = []
        return report + self._add_batch(batch)

    def _add_batch(self, batch: Sequence[Passage]) -> BulkReport:
        if not batch:
            return BulkReport()
        state = self._reader.state()
        checked, failures = _check(batch, state)
        longest = max((length(one.vector) for one in checked if one.vector is not None), default=0.0)
        analyze = find_analyzer(state.profile.analyzer)
        with self._change():
            self._fit_norm(state.profile, longest)
            report = changes.write_passages(self._connection, self._folder, state, checked, analyze)
        self._merge()
        return report + BulkReport(failures=failures)

    def delete(self, ids: Sequence[str]) -> BulkReport:
        """Remove passages by id."""
        outcomes = [(one, changes.refuse_id(one)) for one in ids]
        failures = tuple(failure for _, failure in outcomes if failure is not None)
        unique = list(dict.fromkeys(one for one, failure in outcomes if failure is None))
        with self._change():
            deleted = changes.remove_passages(self._connection, self._reader.state().view, unique)
        self._merge()
        return BulkReport(deleted=deleted, missing=len(ids) - deleted - len(failures), failures=failures)

    def set_vectors(self, outcomes: Sequence[tuple[int, Vector | str]]) -> Filled:
        """Store vectors, or reasons why there is none, by slot; passages that were rewritten meanwhile are left."""
        state = self._reader.state()
        here = _is_waiting(state, [slot for slot, _ in outcomes])
        wanted = [pair for pair, waits in zip(outcomes, here, strict=True) if waits]
        vectors = [(slot, vector) for slot, vector in wanted if not isinstance(vector, str)]
        reasons = [(slot, reason) for slot, reason in wanted if isinstance(reason, str)]
        with self._change():
            self._fit_norm(state.profile, max((length(vector) for _, vector in vectors), default=0.0))
            changes.write_vectors(self._connection, self._folder, vectors, state.profile.vector_field)
            for slot, reason in reasons:
                self._record_failure(slot, reason, state.profile)
        self._merge()
        return Filled(encoded=len(vectors), failed=len(reasons), missing=len(outcomes) - len(wanted))

    def settle(self) -> None:
        """Write everything as one group of a kind, drop what is dead, and build graphs where they pay."""
        with self._change():
            found = segments.read_segments(self._connection)
            for kind in sorted({segment.kind for segment in found} - {GRAPH}):
                own = [segment for segment in found if segment.kind == kind]
                if len(own) > 1 or merging.holds_dead(self._connection, own[0], self._load):
                    merging.merge(self._connection, self._folder, own, self._load)
            self._connection.execute("DELETE FROM meta WHERE slot NOT IN (SELECT slot FROM passages)")
            merging.add_graphs(self._connection, self._folder, self._load)
        self._clean()

    def transact(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Make any other change of the database."""
        with self._change():
            return change(self._connection)

    @contextmanager
    def _change(self) -> Iterator[None]:
        """Commit all of what happens inside; of what fails nothing stays, on the disk neither."""
        try:
            with database.transaction(self._connection, self._folder):
                yield
        except BaseException:
            self._clean()
            raise

    def _clean(self) -> None:
        with database.explained(self._folder):
            names = frozenset(segment.name for segment in segments.read_segments(self._connection))
        remove_groups(self._folder / FOLDER, keep=names)

    def _merge(self) -> None:
        """Merge for as long as it is worth it."""
        while chosen := merging.find_merge(self._connection):
            with self._change():
                merging.merge(self._connection, self._folder, chosen, self._load)
            self._clean()

    def _load(self, segment: Segment) -> Arrays:
        """Map a group that is about to be rewritten, if it still is what was written."""
        check_group(self._folder / FOLDER, segment.name, segment.checksum)
        return map_group(self._folder / FOLDER, segment.name)

    def _fit_norm(self, profile: Profile, norm: float) -> None:
        if norm > profile.max_norm * (1 + ROUNDING):
            changes.save_profile(self._connection, dataclasses.replace(profile, max_norm=norm * _HEADROOM))

    def _record_failure(self, slot: int, reason: str, profile: Profile) -> None:
        statement = "UPDATE passages SET encode_error = ? WHERE slot = ?"
        trouble = json.dumps({"reason": reason, "fingerprint": profile.fingerprint, "attempts": 1})
        self._connection.execute(statement, (trouble, slot))


class Pen:
    """What the threads and intakes of one open index write with, one after the other."""

    def __init__(self, reader: Reader, open_until_closed: ExitStack):
        self._reader = reader
        self._open = open_until_closed
        self._kept: Writer | None = None
        self._lock = threading.RLock()

    @contextmanager
    def take(self, *, keep: bool = False) -> Iterator[Writer]:
        """Give the writer; ``keep`` stays the only one to write until the index is closed."""
        with self._lock:
            if keep and self._kept is None:
                self._kept = self._open.enter_context(Writer(self._reader))
            if self._kept is not None:
                yield self._kept
            else:
                with Writer(self._reader) as writer:
                    yield writer


def _check(batch: Sequence[Passage], state: State) -> tuple[list[Checked], tuple[Failure, ...]]:
    """Divide passages into those that can be stored and those that cannot."""
    kinds = dict(state.kinds)
    checked, failures = list[Checked](), list[Failure]()
    for passage in batch:
        given = passage.vector
        vector = None if given is None else read_passage_vector(given, state.profile, passage.id)
        outcome = check_passage(passage, vector, kinds)
        if isinstance(outcome, Failure):
            failures.append(outcome)
        else:
            checked.append(outcome)
            kinds |= outcome.kinds
    return checked, tuple(failures)


def _is_waiting(state: State, slots: Sequence[int]) -> Mask:
    """Tell which slots hold a living passage without a vector."""
    rows = find_sorted(state.view.slots, np.array(slots, dtype=np.int64))
    waits: Mask = rows >= 0
    here = rows[waits]
    waits[waits] = state.view.alive[here] & ~state.view.encoded[here]
    return waits
