"""Batches through one or several copies of a model: order, sharing, lack of memory, errors."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.encoders.running import FEW, Runner, Vectors
from hybrid.encoders.tokens import Ids
from hybrid.errors import ModelError
from tests.messages import assert_one_clear_line


@dataclass
class Fake:
    """A model whose vector is a text's first token and its length; it has room for ``room`` padded tokens."""

    budget: int = 64
    room: float = float("inf")
    dimension: int = 2
    seen: list[int] = field(default_factory=list)
    refused: int = 0
    #: Waits there for all copies, so that every one of them gets a batch.
    meeting: threading.Barrier | None = None

    def compute(self, batch: Sequence[Ids]) -> Vectors:
        if self.meeting and not self.seen:
            self.meeting.wait(timeout=30)
        tokens = len(batch) * max(map(len, batch))
        if tokens > self.room:
            self.refused += 1
            raise MemoryError("no room")
        self.seen.append(tokens)
        return np.array([[ids[0], len(ids)] for ids in batch], dtype=np.float32)


def texts_of(lengths: Sequence[int]) -> list[Ids]:
    return [np.full(length, number, dtype=np.int32) for number, length in enumerate(lengths)]


def expected(lengths: Sequence[int]) -> list[list[float]]:
    return [[float(number), float(length)] for number, length in enumerate(lengths)]


some_lengths = st.lists(st.integers(1, 40), min_size=1, max_size=80)


@given(some_lengths, st.integers(1, 200), st.integers(1, 4))
def test_vectors_come_in_the_order_of_their_texts(lengths: list[int], budget: int, copies: int) -> None:
    runner = Runner(lambda: [Fake(budget) for _ in range(copies)])
    assert runner.run(texts_of(lengths)).tolist() == expected(lengths)


@given(some_lengths, st.integers(40, 200))
def test_lack_of_memory_halves_batches_and_goes_on(lengths: list[int], room: int) -> None:
    model = Fake(budget=1000, room=room)
    assert Runner(lambda: [model]).run(texts_of(lengths)).tolist() == expected(lengths)


def test_what_did_not_fit_once_is_not_tried_again() -> None:
    model = Fake(budget=640, room=100)
    runner = Runner(lambda: [model])
    runner.run(texts_of([10] * 640))
    assert model.refused == 3  # 640, 320 and 160 tokens; then 80 fit
    assert max(model.seen) == 80
    runner.run(texts_of([10] * 64))
    assert model.refused == 3


def test_single_text_without_room_is_one_clear_line() -> None:
    with pytest.raises(ModelError, match="a single text of 30 tokens") as raised:
        Runner(lambda: [Fake(room=20)]).run(texts_of([30, 10]))
    assert_one_clear_line(raised.value)


def test_all_copies_take_part() -> None:
    meeting = threading.Barrier(3)
    copies = [Fake(budget=10, meeting=meeting) for _ in range(3)]
    lengths = [10] * 30
    assert Runner(lambda: copies).run(texts_of(lengths)).tolist() == expected(lengths)
    assert sum(len(copy.seen) for copy in copies) == 30
    assert all(copy.seen for copy in copies)


def test_single_batch_stays_in_the_thread_that_asks() -> None:
    threads: list[int] = []

    class Noting(Fake):
        def compute(self, batch: Sequence[Ids]) -> Vectors:
            threads.append(threading.get_ident())
            return super().compute(batch)

    runner = Runner(lambda: [Noting() for _ in range(3)])
    assert runner.run(texts_of([3, 1])).tolist() == expected([3, 1])
    assert threads == [threading.get_ident()]
    assert runner.run([]).shape == (0, 2)


class Broken(Fake):
    def compute(self, batch: Sequence[Ids]) -> Vectors:
        super().compute(batch)
        raise RuntimeError("the device fell off")


class Slow(Fake):
    def compute(self, batch: Sequence[Ids]) -> Vectors:
        vectors = super().compute(batch)
        time.sleep(0.01)
        return vectors


def test_error_of_one_copy_ends_the_run() -> None:
    meeting = threading.Barrier(2)
    slow = Slow(budget=1, meeting=meeting)
    with pytest.raises(RuntimeError, match="fell off"):
        Runner(lambda: [slow, Broken(budget=1, meeting=meeting)]).run(texts_of([1] * 10_000))
    assert len(slow.seen) < 1000


def test_model_is_opened_once_and_only_when_needed() -> None:
    opened: list[Fake] = []

    def open_copies() -> list[Fake]:
        opened.append(Fake())
        return opened

    runner = Runner(open_copies)
    assert opened == []
    threads = [threading.Thread(target=runner.run, args=(texts_of([3, 1]),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runner.open()
    assert len(opened) == 1
    assert len(opened[0].seen) == 4


def test_few_texts_are_computed_by_what_is_ready_sooner() -> None:
    opened: list[str] = []

    def open_as(name: str, model: Fake) -> Callable[[], Sequence[Fake]]:
        return lambda: opened.append(name) or [model]  # type: ignore[func-returns-value]

    sooner, faster = Fake(), Fake()
    runner = Runner(open_as("faster", faster), open_as("sooner", sooner))
    runner.open()
    lengths = [3] * (FEW // 2)
    assert runner.run(texts_of(lengths)).tolist() == expected(lengths)
    assert runner.run(texts_of(lengths)).tolist() == expected(lengths)
    assert (opened, bool(sooner.seen), faster.seen) == (["sooner"], True, [])
    for _ in range(2):
        assert runner.run(texts_of([3])).tolist() == expected([3])
    assert (opened, faster.seen) == (["sooner", "faster"], [3, 3])


def test_many_texts_do_not_begin_with_what_is_slower() -> None:
    sooner, faster = Fake(), Fake()
    lengths = [1] * (FEW + 1)
    assert Runner(lambda: [faster], lambda: [sooner]).run(texts_of(lengths)).tolist() == expected(lengths)
    assert not sooner.seen
