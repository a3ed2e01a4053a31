"""``Intake``: what an ingestion job needs of an index on a cluster, and nothing else."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

from ...passages import Passage
from ...profile import Profile
from ...records import BulkReport, Encode, Filled, Job, State
from ...vectors import length, read_passage_vector
from . import fill, jobs, lifecycle, load, reads, writes
from .calls import Conversation
from .client import Client
from .patience import persist
from .queries import Target

T = TypeVar("T")


class Intake:
    """The writing side of an index, patient with a cluster that is away; threads may share it."""

    def __init__(self, client: Client, target: Target):
        self._client = client
        self._target = target
        self._growing = threading.Lock()

    @property
    def profile(self) -> Profile:
        """What the index says of itself."""
        return self._target.profile

    def change_profile(self, change: Callable[[Profile], Profile]) -> None:
        """Change what the index says of itself; ``change`` may be asked more than once."""
        self._target = self._client.run(lifecycle.change_profile(self._target, change))

    def sample(self, count: int) -> list[Passage]:
        """Give so many passages, chosen at random but the same ones each time."""
        return self._insist(lambda: reads.read_sample(self._target, count))

    def states(self, ids: Sequence[str]) -> dict[str, State]:
        """Give the states of those passages that are stored, as of now."""
        return self._insist(lambda: reads.read_states(self._target, ids))

    def write(self, passages: Sequence[Passage]) -> BulkReport:
        """Write passages whole; each with its vector, or pending."""
        # The profile is changed under the index's lock, which two threads of one job must not deny each other.
        with self._growing:
            self._target = self._client.run(writes.fit_norm(self._target, self._longest(passages)))
        _, report = self._client.run(writes.add_passages(self._target, passages, None))
        return report

    def _longest(self, passages: Sequence[Passage]) -> float:
        """Give the length of the longest vector; those that are brought to a length of their own do not count."""
        if self.profile.similarity == "cosine":
            return 0.0
        vectors = (read_passage_vector(p.vector, self.profile, p.id) for p in passages if p.vector is not None)
        return max(map(length, vectors), default=0.0)

    def delete(self, ids: Sequence[str]) -> BulkReport:
        """Remove passages by id."""
        return self._client.run(writes.delete_passages(self._target, ids))

    def check_readable(self, passage_id: str) -> None:
        """Stop if a stored vector cannot be read back."""
        self._insist(lambda: fill.check_readable(self._target, passage_id))

    def fill_pending(self, encode: Encode, size: int) -> Iterator[Filled]:
        """Encode what has no vector yet, ``size`` passages at a time."""
        self.refresh()
        snapshot = self._insist(lambda: reads.open_snapshot(self._target))
        query, after = reads.unencoded(self._target), None
        try:
            while True:
                snapshot, page = self._client.run(reads.read_on(self._target, snapshot, query, after, size))
                if page.passages:
                    yield self._client.run(fill.fill(self._target, page.passages, encode))
                after = page.after
                if after is None:
                    return
        finally:
            self._client.run(reads.close_snapshot(snapshot))

    def load_settings(self) -> dict[str, Any]:
        """Give the settings that load mode changes, as they are now."""
        return self._insist(lambda: load.read_settings(self._target))

    def enter_load_mode(self) -> None:
        """Set the index up for a big load."""
        self._insist(lambda: load.change_settings(self._target, load.LOAD_SETTINGS))

    def leave_load_mode(self, before: Mapping[str, Any]) -> None:
        """Put the settings back that ``load_settings`` gave."""
        self._insist(lambda: load.change_settings(self._target, before))

    def refresh(self) -> None:
        """Make everything that was written searchable."""
        self._insist(lambda: writes.refresh(self._target))

    def load_job(self, job_id: str) -> Job | None:
        """Read a job's record; that of an index that is gone is of no source, and has everything yet to do."""
        return self._insist(lambda: jobs.load_job(self._owner, job_id))

    def save_job(self, job: Job) -> Job:
        """Write a job's record."""
        return self._insist(lambda: jobs.save_job(self._owner, job))

    def list_jobs(self) -> list[Job]:
        """Read the records of all jobs, the last saved first."""
        return self._client.run(jobs.list_jobs(self._target.indexes))

    @cached_property
    def _owner(self) -> jobs.Owner:
        """The index that jobs are begun in: read once, so that none claims to have written into a later one."""
        return self._insist(lambda: jobs.read_owner(reads.sole_index(self._target)))

    def hurry(self) -> None:
        """Wait for the cluster no longer: what it does not take at once is given up."""
        self._client.hurry()

    def _insist(self, attempt: Callable[[], Conversation[T]]) -> T:
        """Carry out what does no harm when it is done twice."""
        return self._client.run(persist(attempt))
