"""The whole flow of a passage, in process: rows → batches → vectors → index, resumable at every step.

A batch is written in the background while the next one is read and encoded. The job's record moves on only over
batches that the index has confirmed, so whatever dies, the next run goes on at the first row that may be missing.
"""

import dataclasses
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from hybrid.engines.contract import Intake
from hybrid.errors import HybridError
from hybrid.isolate import encode_each, fill_pending
from hybrid.passages import Passage, Vector
from hybrid.records import Filled, Job

from .batches import Batch, Split, Work, make_batches, plan_work, probe_ids, refuse
from .documents import Row
from .rejects import RejectsFile
from .seen import Seen
from .tally import Tally

#: Batches that may be under way to the index.
WRITERS = 2
#: Seconds between two saves of the job's record.
SAVE_INTERVAL = 1.0
#: An encoder slower than this, in passages a second, lets the text go first.
SLOW_ENCODER = 50.0

EncodePassages = Callable[[Sequence[tuple[str, str]]], Iterable[Vector]]
#: Called with the tally, and how many passages without a vector got one since the text was written.
OnProgress = Callable[[Tally, Filled], None]
#: Told the ids of passages that wait for a vector.
Send = Callable[[Sequence[str]], None]


@dataclass(frozen=True, slots=True)
class Summary:
    """What a job did."""

    tally: Tally
    filled: Filled
    job: Job
    #: False where there was neither a row nor an index, so that none was made.
    opened: bool = True


@dataclass(slots=True)
class Ingestion:
    """One run of a job."""

    intake: Intake
    job: Job
    rejects: RejectsFile
    on_progress: OnProgress
    #: None leaves every passage pending.
    encode: EncodePassages | None
    #: Names to the workers what the index has confirmed; None where there are none.
    send: Send | None = None
    load_mode: bool = False
    #: Done when all text is searchable, before the first vector; None lets vectors come with the text.
    before_vectors: Callable[[], None] | None = None
    tally: Tally = dataclasses.field(default_factory=Tally)
    _inline: bool = True
    _checked: bool = False
    _saved: float = 0.0

    def run(self, rows: Iterable[Row], split: Split) -> Summary:
        """Carry the job out from where its record says."""
        self._inline = self.before_vectors is None
        self.tally = Tally.read(self.job.counts)
        with self._load_mode():
            self._write_all(make_batches(rows, split, Seen(), self.job.position))
        filled = self._fill()
        self.job = dataclasses.replace(self.job, state="done")
        self._save()
        return Summary(self.tally, filled, self.job)

    def _write_all(self, batches: Iterable[Batch]) -> None:
        under_way: deque[Future[tuple[Batch, Work]]] = deque()
        with ThreadPoolExecutor(WRITERS) as pool:
            try:
                for number, batch in enumerate(batches):
                    under_way.append(pool.submit(self._write, batch, self._prepare(batch)))
                    # The first rows decide which types metadata has; the others must not come before them.
                    self._confirm_all_but(WRITERS if number else 0, under_way)
                self._confirm_all_but(0, under_way)
            except BaseException:
                # Ctrl-C, too, ends with a record of all that the index has confirmed.
                self.intake.hurry()
                with suppress(HybridError):
                    self._confirm_all_but(0, under_way)
                with suppress(HybridError):
                    self._save()
                raise
        self._save()

    def _confirm_all_but(self, left: int, under_way: "deque[Future[tuple[Batch, Work]]]") -> None:
        while len(under_way) > left:
            self._confirm_next(under_way)

    def _confirm_next(self, under_way: "deque[Future[tuple[Batch, Work]]]") -> None:
        """Take the oldest batch into the record; where that fails, the record must not pass it with a later one."""
        wait([under_way[0]])
        oldest = under_way.popleft()
        try:
            self._confirm(*oldest.result())
        except BaseException:
            under_way.clear()
            raise

    def _prepare(self, batch: Batch) -> Work:
        """Decide what to write of a batch, with vectors if the encoder keeps up."""
        work = plan_work(batch, self.intake.states(probe_ids(batch)))
        if self.encode is None or not self._inline or not work.write:
            return work
        started = time.monotonic()
        vectors = encode_each(self.encode, [(p.title, p.text) for p in work.write])
        self._inline = len(vectors) >= SLOW_ENCODER * (time.monotonic() - started)
        pairs = zip(work.write, vectors, strict=True)
        # A passage that the encoder cannot read stays pending here; filling records why.
        written = [p if isinstance(v, str) else dataclasses.replace(p, vector=v) for p, v in pairs]
        return dataclasses.replace(work, write=written)

    def _write(self, batch: Batch, work: Work) -> tuple[Batch, Work]:
        """Write a batch; what the index refuses for good becomes rejects, and nothing of it stays."""
        # Surplus goes first: how much of it there is stands in the passages that are about to be replaced.
        if work.delete:
            self.intake.delete(work.delete)
        if work.write:
            failures = self.intake.write(work.write).failures
            self._check_vectors(work.write, {failure.id for failure in failures})
            if failures:
                batch, work = refuse(batch, work, failures)
                self.intake.delete(work.delete)
        return batch, work

    def _check_vectors(self, written: Sequence[Passage], refused: set[str]) -> None:
        """Read the first vector of the job back: an index that loses vectors must be noticed before it is full."""
        encoded = next((p.id for p in written if p.vector is not None and p.id not in refused), None)
        if encoded is not None and not self._checked:
            self._checked = True
            self.intake.check_readable(encoded)

    def _confirm(self, batch: Batch, work: Work) -> None:
        self.rejects.add(batch.rejects)
        self.tally += work.tally
        self.job = dataclasses.replace(self.job, position=batch.end, counts=dataclasses.asdict(self.tally))
        if time.monotonic() - self._saved > SAVE_INTERVAL:
            self._save()
        if self.send is not None:
            self.send([passage.id for passage in work.write])
        self.on_progress(self.tally, Filled())

    def _save(self) -> None:
        self.job = self.intake.save_job(self.job)
        self._saved = time.monotonic()

    def _fill(self) -> Filled:
        """Encode what is pending: of this job, and whatever else an earlier one left behind."""
        filled = Filled()
        self.intake.refresh()
        if self.encode is None:
            return filled
        if self.before_vectors is not None:
            self.before_vectors()
        for part in fill_pending(self.intake, self.encode):
            filled += part
            self.on_progress(self.tally, filled)
        self.intake.refresh()
        return filled

    @contextmanager
    def _load_mode(self) -> Iterator[None]:
        """Hold the index in load mode, if asked to, and put back what a crashed load left behind."""
        if self.load_mode and not self.job.saved_settings:
            self.job = dataclasses.replace(self.job, saved_settings=self.intake.load_settings())
            self._save()
        if self.load_mode:
            self.intake.enter_load_mode()
        try:
            yield
        except BaseException:
            # Where even that fails the settings stay in the record, for the next run.
            with suppress(HybridError):
                self._leave_load_mode()
            raise
        self._leave_load_mode()

    def _leave_load_mode(self) -> None:
        if self.job.saved_settings:
            self.intake.leave_load_mode(self.job.saved_settings)
            self.job = dataclasses.replace(self.job, saved_settings={})
            self._save()
