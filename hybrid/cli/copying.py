"""``Copying``: passages from an index into a new one, which can be stopped at any moment and gone on with.

The new index holds a record of it, as of any job: while that is unfinished, the same command goes on.
"""

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import orjson

from ..engines.contract import Index
from ..engines.spec import IndexSpec
from ..errors import IndexExistsError, IndexMissingError, ProfileError, UsageError
from ..index import create_index, open_index
from ..isolate import fill_pending
from ..passages import Passage
from ..profile import Profile, to_meta
from ..records import BulkReport, Filled, Job
from .progress import Progress

if TYPE_CHECKING:
    from ..encoders import Encoder

JOB = "copy"


@dataclasses.dataclass(frozen=True, slots=True)
class Copied:
    """What was done in this run; and in all runs, what the copy took, what it refused, and what was not encoded."""

    report: BulkReport
    filled: Filled
    passages: int
    refused: int
    failed: int


def begin_copy(origin: str, held: Index, destination: str, profile: Profile, spec: IndexSpec) -> Job:
    """Make the new index with a record of the copy in it, or find the record of one that was stopped."""
    told = orjson.dumps([held.moment(), to_meta(profile), dataclasses.asdict(spec)], option=orjson.OPT_SORT_KEYS)
    fresh = Job(JOB, origin, hashlib.sha256(told).hexdigest())
    try:
        create_index(destination, profile, spec)
    except IndexExistsError:
        stored = _find_unfinished(destination, fresh, profile)
        if stored is None:
            raise
        if stored.source_fingerprint != fresh.source_fingerprint:
            raise UsageError(
                f"{destination} is an unfinished copy of {stored.source} as it was, which cannot be gone on with; "
                f"hybrid delete {destination} --everything, and copy again."
            ) from None
        return stored
    return fresh


def _find_unfinished(destination: str, fresh: Job, profile: Profile) -> Job | None:
    """Give the record to go on from; None where what is there is no copy, or is whole."""
    try:
        with open_index(destination) as copy:
            stored, there = copy.intake().load_job(JOB), copy.status().passages
            untouched = not there and copy.profile == profile and destination != fresh.source
    except (IndexMissingError, ProfileError):
        return None
    if stored is not None and stored.source_fingerprint:
        return stored if stored.state == "running" else None
    # It was stopped before there was a record, or the record is that of an index that is gone.
    before = stored or fresh
    return dataclasses.replace(fresh, seq_no=before.seq_no, primary_term=before.primary_term) if untouched else None


class Copying:
    """One run of a copy."""

    def __init__(self, source: Index, copy: Index, job: Job, encoder: "Encoder | None" = None):
        self._source = source
        self._copy = copy
        self._intake = copy.intake()
        self._encoder = encoder
        self._job = job

    def run(self, total: int) -> Copied:
        """Make the copy hold the ``total`` passages of its source, with vectors of the encoder if there is one."""
        # Of two processes one is refused here, before it writes anything.
        self._save(self._job)
        report = self._copy_passages(total)
        filled = Filled() if self._encoder is None else self._encode(self._encoder, total)
        self._save(dataclasses.replace(self._job, state="done"))
        refused = self._job.counts.get("rejected", 0)
        failed = 0 if self._encoder is None else self._copy.status().failed
        return Copied(report, filled, self._job.position - refused, refused, failed)

    def _copy_passages(self, total: int) -> BulkReport:
        report, done = BulkReport(), self._job.position
        with Progress("copying", total) as progress:
            for page in self._source.scan():
                # The source is as it was, so are its pages: those that come first are in the copy.
                rest, done = page[done:], max(done - len(page), 0)
                if rest:
                    report += self._write(rest)
                progress.update(self._job.position)
        self._copy.add([], refresh=True)
        return report

    def _write(self, passages: Sequence[Passage]) -> BulkReport:
        report = self._copy.add(passages if self._encoder is None else _without_vectors(passages))
        position, refused = self._job.position + len(passages), self._job.counts.get("rejected", 0)
        refused += len(report.failures)
        taken = position - refused
        counts = {"rows": position, "accepted": taken, "rejected": refused, "created": taken}
        self._save(dataclasses.replace(self._job, position=position, counts=counts))
        return report

    def _encode(self, encoder: "Encoder", total: int) -> Filled:
        filled = Filled()
        with Progress("vectors", total) as progress:
            for part in fill_pending(self._intake, encoder.encode_passages):
                filled += part
                progress.update(filled.encoded + filled.failed)
        self._intake.refresh()
        return filled

    def _save(self, job: Job) -> None:
        self._job = self._intake.save_job(job)


def _without_vectors(passages: Sequence[Passage]) -> list[Passage]:
    return [dataclasses.replace(one, vector=None) for one in passages]
