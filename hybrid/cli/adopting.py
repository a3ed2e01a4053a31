"""``Adoption``: passes over an index that goes on being written to, until the new one holds the same."""

import dataclasses
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from ..engines.opensearch import adopt, reads, reencode
from ..engines.opensearch.adopt import Document
from ..engines.opensearch.adopted_body import Origin
from ..engines.opensearch.calls import Conversation
from ..engines.opensearch.client import Client
from ..engines.opensearch.encoding import cut
from ..engines.opensearch.intake import Intake
from ..engines.opensearch.layout import read_pair
from ..engines.opensearch.patience import persist
from ..engines.opensearch.queries import Target
from ..isolate import encode_each, fill_pending
from ..passages import Vector
from ..records import BulkReport, Encode, Failure, Job
from .progress import Progress
from .reached import Reached

if TYPE_CHECKING:
    from ..encoders import Encoder

T = TypeVar("T")
Pages = Generator[list[Document], None, None]

JOB = "adopt"
#: Passes at the most: each carries over what came during the one before, and is shorter.
PASSES = 4


@dataclass(slots=True)
class Adopted:
    """What was done in this run, and in all runs."""

    copied: BulkReport = dataclasses.field(default_factory=BulkReport)
    #: By id, what the new index has not taken as it should be; it is tried again in each run.
    refused: dict[str, Failure] = dataclasses.field(default_factory=dict)
    removed: int = 0
    #: Copied documents of which the encoder read only the beginning, in all runs.
    truncated: int = 0


class Adoption:
    """Copies documents, encodes them, and removes what is gone; can be stopped at any moment and begun again."""

    def __init__(self, client: Client, origin: Origin, target: Target, encoder: "Encoder"):
        self._client = client
        self._origin = origin
        self._target = target
        self._encoder = encoder
        self._intake = Intake(client, target)
        self._job = self._find_job()
        self._reached = Reached(self._job.counts)
        self.adopted = Adopted(truncated=self._job.counts.get("truncated", 0))

    def run(self, *, encode: bool) -> Adopted:
        """Make the new index hold what the origin holds; vectors are left to workers unless ``encode``."""
        with Progress("documents") as progress:
            for number in range(PASSES):
                copied = self._copy_all(progress, self._encode if encode else None, retry=number == 0)
                if number and not copied:
                    break
            self._remove_gone(progress)
            if encode:
                self._fill(progress)
        return self.adopted

    def _find_job(self) -> Job:
        """Give the record to go on from, which is of this source, or the beginning."""
        fresh, stored = Job(JOB, f"the index {self._origin.name}", self._origin.uuid), self._intake.load_job(JOB)
        if stored is None:
            return fresh
        if stored.source_fingerprint == self._origin.uuid:
            return stored
        return dataclasses.replace(fresh, seq_no=stored.seq_no, primary_term=stored.primary_term)

    def _copy_all(self, progress: Progress, encode: Encode | None, *, retry: bool) -> int:
        """Copy what is new; gives how many documents that was."""
        before = self.adopted.copied.total
        # Every write up to these numbers is done; the refresh that comes next makes all of them visible.
        numbers = self._insist(lambda: adopt.read_numbers(self._origin))
        progress.begin("documents", 0, self._insist(lambda: adopt.count(self._origin.index)))
        for shard, done in sorted(numbers.items()):
            if retry and self._reached.refused(shard):
                self._retry(shard, progress, encode)
            if self._reached.position(shard) < done:
                self._copy_shard(shard, done, progress, encode)
        return self.adopted.copied.total - before

    def _retry(self, shard: int, progress: Progress, encode: Encode | None) -> None:
        """Copy what was refused in earlier runs, unless it has changed or gone since."""
        refused: list[int] = []
        with closing(self._read(shard, -1, self._reached.refused(shard))) as pages:
            for documents in pages:
                refused += self._copy(documents, encode)
                progress.update(self.adopted.copied.total)
        self._reached.settle(shard, refused)
        self._save()

    def _copy_shard(self, shard: int, done: int, progress: Progress, encode: Encode | None) -> None:
        """Copy one shard's documents, page by page; how far it is stands in the job."""
        with closing(self._read(shard, self._reached.position(shard))) as pages:
            for documents in pages:
                refused = self._copy(documents, encode)
                # Beyond ``done`` a write with a lower number may still be on its way.
                self._reached.advance(shard, min(documents[-1].number, done), refused)
                self._save()
                progress.update(self.adopted.copied.total)
        self._reached.advance(shard, done, [])
        self._save()

    def _read(self, shard: int, beyond: int, among: list[int] | None = None) -> Pages:
        """Give a shard's documents as it is now, page by page."""
        snapshot = self._insist(lambda: adopt.open_shard(self._origin, shard))
        try:
            while documents := self._client.run(adopt.read_documents(snapshot, beyond, among)):
                yield documents
                beyond = documents[-1].number
        finally:
            self._client.run(reads.close_snapshot(snapshot))

    def _copy(self, documents: list[Document], encode: Encode | None) -> list[int]:
        """Copy a page; gives the numbers of what was refused."""
        self._target, copied = self._client.run(adopt.copy_documents(self._target, documents, encode))
        refused = {one.id: one for one in copied.refused}
        for one in documents:
            self.adopted.refused.pop(one.id, None)
        self.adopted.refused |= refused
        self.adopted.copied += copied.report
        self.adopted.truncated += self._count_cut([one for one in documents if one.id not in refused])
        return [one.number for one in documents if one.id in refused]

    def _fill(self, progress: Progress) -> None:
        """Encode what an earlier run left to workers, and note why something cannot be encoded."""
        progress.begin("vectors", 0, None)
        filled = 0
        for part in fill_pending(self._intake, self._encoder.encode_passages):
            filled += part.encoded + part.failed
            progress.update(filled)
        self._client.run(reencode.probe(self._target))

    def _encode(self, pairs: Sequence[tuple[str, str]]) -> Sequence[Vector | str]:
        return encode_each(self._encoder.encode_passages, pairs)

    def _remove_gone(self, progress: Progress) -> None:
        progress.begin("looking for removed documents", 0, None)
        self._intake.refresh()
        snapshot, after, looked_at = self._insist(lambda: reads.open_snapshot(self._target)), None, 0
        try:
            while True:
                removed, after = self._client.run(adopt.remove_gone(self._origin, self._target, snapshot, after))
                self.adopted.removed += removed
                looked_at += reads.PAGE
                progress.update(looked_at)
                if after is None:
                    break
        finally:
            self._client.run(reads.close_snapshot(snapshot))
        self._intake.refresh()

    def _save(self) -> None:
        counts = {**self._reached.to_counts(), "truncated": self.adopted.truncated}
        self._job = self._intake.save_job(dataclasses.replace(self._job, counts=counts))

    def _count_cut(self, documents: list[Document]) -> int:
        profile, tokens = self._target.profile, self._encoder.passages.tokens
        pairs = [read_pair(one.source, profile.text_fields) for one in documents]
        if not profile.split_words:
            return tokens.count_cut(pairs)
        return sum(tokens.count_cut(cut(profile, pair)) > 0 for pair in pairs)

    def _insist(self, attempt: Callable[[], Conversation[T]]) -> T:
        """Carry out what does no harm when it is done twice."""
        return self._client.run(persist(attempt))
