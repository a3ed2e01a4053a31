"""Cutting a stream of writes into batches: nothing lost, nothing moved, nothing too large."""

import itertools
from collections.abc import Iterator

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st

from hybrid import Passage
from hybrid.engines.opensearch.bulk import Action, delete_action, index_action, split_batches

sizes = st.lists(st.integers(1, 40), max_size=60)


def actions(lengths: list[int]) -> list[Action]:
    return [Action(str(number), b"x" * length) for number, length in enumerate(lengths)]


@given(sizes, st.integers(1, 100), st.integers(1, 10))
def test_batches_hold_every_action_in_order(lengths: list[int], max_bytes: int, max_actions: int) -> None:
    given = actions(lengths)
    assert list(itertools.chain.from_iterable(split_batches(given, max_bytes, max_actions))) == given


@given(sizes, st.integers(1, 100), st.integers(1, 10))
def test_batches_keep_both_bounds_unless_one_action_alone_is_too_large(
    lengths: list[int], max_bytes: int, max_actions: int
) -> None:
    for batch in split_batches(actions(lengths), max_bytes, max_actions):
        size = sum(len(action.payload) for action in batch)
        assert 1 <= len(batch) <= max_actions
        assert size <= max_bytes or len(batch) == 1


@given(sizes, st.integers(1, 100), st.integers(1, 10))
def test_no_batch_could_have_taken_the_next_action(lengths: list[int], max_bytes: int, max_actions: int) -> None:
    batches = list(split_batches(actions(lengths), max_bytes, max_actions))
    for batch, following in itertools.pairwise(batches):
        size = sum(len(action.payload) for action in batch) + len(following[0].payload)
        assert size > max_bytes or len(batch) == max_actions


def test_stream_is_read_no_further_than_the_batch_that_is_asked_for() -> None:
    read: list[int] = []

    def stream() -> Iterator[Action]:
        for number in itertools.count():
            read.append(number)
            yield Action(str(number), b"x")

    next(split_batches(stream(), max_actions=3))
    assert len(read) == 4


def test_passage_is_written_whole_under_its_own_id() -> None:
    action = index_action(Passage(id="p/1\n", text="t"), "vec_01234567", np.array([3, 4], np.float32))
    assert isinstance(action, Action)
    head, document, rest = action.payload.split(b"\n")
    assert orjson.loads(head) == {"index": {"_id": "p/1\n"}}
    assert orjson.loads(document)["vec_01234567"] == [3.0, 4.0]
    assert (rest, action.norm) == (b"", 5.0)


def test_passage_without_a_vector_has_no_length() -> None:
    action = index_action(Passage(id="1", text="t"), "vec_01234567", None)
    assert isinstance(action, Action)
    assert action.norm == 0.0


def test_delete_is_one_line() -> None:
    assert delete_action("1") == Action("1", b'{"delete":{"_id":"1"}}\n')
