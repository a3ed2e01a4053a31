"""``LocalIntake``: what an ingestion job needs of an index in a folder, and nothing else."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import StorageError
from ...passages import Passage
from ...profile import Profile
from ...records import BulkReport, Encode, Filled, Job, Share, State, Status
from ...vectors import read_passage_vector
from . import changes, jobs
from .reader import Reader
from .status import read_share, read_status
from .writer import Pen


class LocalIntake:
    """The writing side of an index in a folder; it stays the only writer from its first change until it is closed."""

    def __init__(self, reader: Reader, pen: Pen):
        self._reader = reader
        self._pen = pen

    @property
    def profile(self) -> Profile:
        """What the index says of itself."""
        return self._reader.state().profile

    def change_profile(self, change: Callable[[Profile], Profile]) -> None:
        """Change what the index says of itself."""
        with self._pen.take(keep=True) as writer:
            writer.transact(lambda connection: changes.save_profile(connection, change(self.profile)))

    def sample(self, count: int) -> list[Passage]:
        """Give so many passages, chosen at random but the same ones each time."""
        slots = self._reader.state().view.slots
        chosen = np.random.default_rng(1).choice(slots, min(count, len(slots)), replace=False)
        ids = [one for (one,) in self._reader.fetch([int(slot) for slot in chosen], "id").values()]
        return self._reader.fetch_passages(ids)

    def states(self, ids: Sequence[str]) -> dict[str, State]:
        """Give the states of those passages that are stored."""
        return self._reader.states(ids)

    def write(self, passages: Sequence[Passage]) -> BulkReport:
        """Write passages whole; each with its vector, or pending."""
        with self._pen.take(keep=True) as writer:
            return writer.add(passages)

    def delete(self, ids: Sequence[str]) -> BulkReport:
        """Remove passages by id."""
        with self._pen.take(keep=True) as writer:
            return writer.delete(ids)

    def check_readable(self, passage_id: str) -> None:
        """Stop if a stored vector cannot be read back."""
        if self._reader.read_vector(passage_id) is None:
            raise StorageError(
                f"The vector of passage {passage_id} was written and is not there; make the index anew."
            )

    def fill_pending(self, encode: Encode, size: int) -> Iterator[Filled]:
        """Encode what has no vector yet, ``size`` passages at a time."""
        state = self._reader.state()
        slots = [int(slot) for slot in state.view.slots[np.flatnonzero(state.pending)]]
        for start in range(0, len(slots), size):
            stored = self._reader.fetch(slots[start : start + size], "id, title, text")
            outcomes = encode([(title, text) for _, title, text in stored.values()])
            read = [
                outcome if isinstance(outcome, str) else read_passage_vector(outcome, state.profile, passage_id)
                for (passage_id, _, _), outcome in zip(stored.values(), outcomes, strict=True)
            ]
            with self._pen.take(keep=True) as writer:
                filled = writer.set_vectors(list(zip(stored, read, strict=True)))
            yield filled + Filled(missing=len(slots[start : start + size]) - len(stored))

    def load_settings(self) -> dict[str, Any]:
        """Give the settings that load mode changes: none here."""
        return {}

    def enter_load_mode(self) -> None:
        """Set the index up for a big load: a folder needs nothing for it."""

    def leave_load_mode(self, before: Mapping[str, Any]) -> None:
        """Put the settings back that ``load_settings`` gave: none here."""

    def refresh(self) -> None:
        """Make everything that was written searchable: it is, with every commit."""

    def settle(self) -> Share:
        """Drop what is dead, and put everything into as few files as there can be."""
        with self._pen.take(keep=True) as writer:
            writer.settle()
        return read_share(self._reader)

    def status(self) -> Status:
        """Count what is searchable now."""
        return read_status(self._reader)

    def load_job(self, job_id: str) -> Job | None:
        """Read a job's record."""
        return self._reader.ask(lambda connection: jobs.load_job(connection, job_id))

    def save_job(self, job: Job) -> Job:
        """Write a job's record."""
        with self._pen.take(keep=True) as writer:
            return writer.transact(lambda connection: jobs.save_job(connection, job))

    def list_jobs(self) -> list[Job]:
        """Read the records of all jobs, the last saved first."""
        return self._reader.ask(jobs.list_jobs)

    def hurry(self) -> None:
        """Wait for nothing any more: nothing here waits."""

    def reopen(self) -> None:
        """Read the profile anew: it is, with every commit."""
