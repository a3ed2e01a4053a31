"""``Intake``: what an ingestion job needs of an index on a cluster, and nothing else."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...passages import Passage
from ...profile import Profile
from ...records import BulkReport, Encode, Filled, Job, Share, State, Status
from ...vectors import length, read_passage_vector
from . import fill, jobs, lifecycle, load, reads, settle, writes
from .client import Client
from .queries import Target
from .status import read_status


class Intake:
    """The writing side of an index; ``client`` may be used by several threads."""

    def __init__(self, client: Client, target: Target):
        self._client = client
        self._target = target
        self._growing = threading.Lock()

    @property
    def profile(self) -> Profile:
        """What the index says of itself."""
        return self._target.profile

    def states(self, ids: Sequence[str]) -> dict[str, State]:
        """Give the states of those passages that are stored, as of now."""
        return self._client.run(reads.read_states(self._target, ids))

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
        self._client.run(fill.check_readable(self._target, passage_id))

    def fill_pending(self, encode: Encode, size: int) -> Iterator[Filled]:
        """Encode what has no vector yet, ``size`` passages at a time."""
        self.refresh()
        snapshot = self._client.run(reads.open_snapshot(self._target))
        try:
            yield from self._fill_snapshot(snapshot, encode, size)
        finally:
            self._client.run(reads.close_snapshot(snapshot))

    def _fill_snapshot(self, snapshot: str, encode: Encode, size: int) -> Iterator[Filled]:
        query, after = reads.unencoded(self._target), None
        while True:
            page = self._client.run(reads.read_page(snapshot, query, reads.ENCODER_FIELDS, after, size))
            if page.passages:
                yield self._client.run(fill.fill(self._target, page.passages, encode))
            if page.after is None:
                return
            after = page.after

    def load_settings(self) -> dict[str, Any]:
        """Give the settings that load mode changes, as they are now."""
        return self._client.run(load.read_settings(self._target))

    def enter_load_mode(self) -> None:
        """Set the index up for a big load."""
        self._client.run(load.change_settings(self._target, load.LOAD_SETTINGS))

    def leave_load_mode(self, before: Mapping[str, Any]) -> None:
        """Put the settings back that ``load_settings`` gave."""
        self._client.run(load.change_settings(self._target, before))

    def refresh(self) -> None:
        """Make everything that was written searchable."""
        self._client.run(writes.refresh(self._target))

    def settle(self) -> Share:
        """Merge deleted passages away."""
        return self._client.run(settle.settle(self._target.name))

    def status(self) -> Status:
        """Count what is searchable now."""
        return self._client.run(read_status(self._target))

    def load_job(self, job_id: str) -> Job | None:
        """Read a job's record."""
        return self._client.run(jobs.load_job(self._target.name, job_id))

    def save_job(self, job: Job) -> Job:
        """Write a job's record."""
        return self._client.run(jobs.save_job(self._target.name, job))

    def list_jobs(self) -> list[Job]:
        """Read the records of all jobs, the last saved first."""
        return self._client.run(jobs.list_jobs(self._target.name))

    def reopen(self) -> None:
        """Read the profile anew."""
        self._target = self._client.run(lifecycle.open_target(self._target.name))
