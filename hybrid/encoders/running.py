"""Token ids through one or several copies of a model: batches dealt out, order restored, too large batches halved."""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from queue import Empty, SimpleQueue
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from .batching import plan_batches
from .tokens import Ids

log = logging.getLogger(__name__)

Vectors = NDArray[np.float32]


class Forward(Protocol):
    """One copy of a model on one device."""

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""

    @property
    def budget(self) -> int:
        """Padded tokens that it takes best at once."""

    def compute(self, batch: Sequence[Ids]) -> Vectors:
        """Give one vector a text, in fp32; MemoryError where the batch is too large."""


#: Texts that are encoded sooner than what is faster is loaded.
FEW = 200

OpenCopies = Callable[[], Sequence[Forward]]


class Runner:
    """Copies of one model, opened when they are first needed; the first few texts may be another's, ready sooner."""

    def __init__(self, open_copies: OpenCopies, open_sooner: OpenCopies | None = None):
        self._open_copies = open_copies
        self._open_sooner = open_sooner
        self._lock = threading.Lock()
        self._seen = 0
        self._copies: list[_Copy] | None = None

    def run(self, texts: Sequence[Ids]) -> Vectors:
        """Give one vector a text, in the order given."""
        copies = self._open(len(texts))
        model = copies[0].model
        vectors = np.empty((len(texts), model.dimension), dtype=np.float32)
        waiting: SimpleQueue[list[int]] = SimpleQueue()
        batches = plan_batches([len(ids) for ids in texts], model.budget)
        for batch in batches:
            waiting.put(batch)

        def work(copy: _Copy) -> None:
            for batch in iter(lambda: _take(waiting), []):
                vectors[batch] = copy.compute([texts[place] for place in batch])

        _side_by_side(work, copies[: max(1, len(batches))], lambda: _drain(waiting))
        return vectors

    def open(self) -> None:
        """Load the model now, so that what is wrong with it shows before any work is done."""
        self._open(0)

    def _open(self, count: int) -> "list[_Copy]":
        """Give what computes so many more texts."""
        with self._lock:
            self._seen += count
            if self._open_sooner and self._seen > FEW:
                self._open_sooner = self._copies = None
            if self._copies is None:
                self._copies = [_Copy(model) for model in (self._open_sooner or self._open_copies)()]
            return self._copies


class _Copy:
    """A model that remembers how much fits into its memory."""

    def __init__(self, model: Forward):
        self.model = model
        self._lock = threading.Lock()
        self._fits = float("inf")

    def compute(self, batch: list[Ids]) -> Vectors:
        """Run a batch, in halves where it does not fit; one batch at a time, for a device has no more to give."""
        with self._lock:
            return self._compute(batch)

    def _compute(self, batch: list[Ids]) -> Vectors:
        tokens = len(batch) * max(map(len, batch))
        if tokens <= self._fits or len(batch) == 1:
            try:
                return self.model.compute(batch)
            except MemoryError as error:
                if len(batch) == 1:
                    raise ModelError(
                        f"There is not enough memory to encode a single text of {tokens} tokens; free some, or use a "
                        "smaller model."
                    ) from error
                self._fits = tokens / 2
                log.warning("A batch of %d tokens does not fit into memory; going on with half of it.", tokens)
        middle = len(batch) // 2
        return np.concatenate([self._compute(batch[:middle]), self._compute(batch[middle:])])


def _side_by_side(work: Callable[[_Copy], None], copies: Sequence[_Copy], stop: Callable[[], None]) -> None:
    """Let every copy work until nothing is left; an error of one, or Ctrl-C, stops all."""
    if len(copies) == 1:
        work(copies[0])
        return
    with ThreadPoolExecutor(len(copies)) as pool:
        try:
            for done in as_completed([pool.submit(work, copy) for copy in copies]):
                done.result()
        finally:
            stop()


def _take(waiting: SimpleQueue[list[int]]) -> list[int]:
    """Give the next batch; an empty one when there is none."""
    try:
        return waiting.get_nowait()
    except Empty:
        return []


def _drain(waiting: SimpleQueue[list[int]]) -> None:
    while _take(waiting):
        pass
