"""What a reader sees of one commit: rows by slot, vectors by row, whatever order they were written in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.engines.local.arrays import Array
from hybrid.engines.local.postings import build_postings
from hybrid.engines.local.segments import POSTINGS, Segment, pack_mask
from hybrid.engines.local.view import View, find_sorted, open_view
from hybrid.errors import StorageError
from tests.local import FIELD
from tests.messages import assert_one_clear_line

NUMBERS = st.lists(st.integers(0, 30), unique=True, max_size=20).map(sorted)


def vectors_of(slots: list[int], dimension: int = 2) -> dict[str, Array]:
    """Give vectors that name their slot."""
    numbers = np.array(slots, dtype=np.int64)
    return {"slots": numbers, "vectors": np.repeat(numbers[:, np.newaxis], dimension, axis=1).astype(np.float32)}


def view_of_slots(slots: list[int], dead: list[int], *chunks: list[int]) -> View:
    """Give a view of a segment, and of vectors in several groups."""
    mask = np.array([slot not in dead for slot in slots], dtype=np.bool_)
    arrays = {"postings": build_postings(slots, [["a"]] * len(slots))}
    segments = [Segment("postings", POSTINGS, slots[0] if slots else 0, len(slots), 0, pack_mask(mask))]
    for number, chunk in enumerate(chunks):
        arrays[f"vectors{number}"] = vectors_of(chunk)
        segments.append(Segment(f"vectors{number}", FIELD, chunk[0] if chunk else 0, len(chunk), 0))
    return open_view(segments, lambda segment: arrays[segment.name], FIELD, 2)


@given(NUMBERS, st.lists(st.integers(-5, 35), max_size=20))
def test_place_of_every_number_is_found(haystack: list[int], wanted: list[int]) -> None:
    found = find_sorted(np.array(haystack, dtype=np.int64), np.array(wanted, dtype=np.int64))
    assert found.tolist() == [haystack.index(one) if one in haystack else -1 for one in wanted]


@given(NUMBERS, st.data())
def test_every_row_has_the_vector_of_its_slot(slots: list[int], data: st.DataObject) -> None:
    dead = data.draw(st.lists(st.sampled_from(slots), unique=True)) if slots else []
    owners = {slot: data.draw(st.integers(0, 3)) for slot in range(31)}
    chunks = [sorted(slot for slot in owners if owners[slot] == number) for number in range(3)]
    view = view_of_slots(slots, dead, *chunks)
    assert view.slots.tolist() == slots
    assert view.alive.tolist() == [slot not in dead for slot in slots]
    assert view.all_alive == (not dead)
    assert view.encoded.tolist() == [owners[slot] < 3 for slot in slots]
    rows = np.array(data.draw(st.permutations(range(len(slots)))), dtype=np.int64)
    for row, vector in zip(rows, view.vectors(rows), strict=True):
        slot = slots[row]
        assert np.isnan(vector).all() if owners[slot] == 3 else (vector == slot).all()


def test_chunks_that_lie_in_a_row_are_known_as_such() -> None:
    view = view_of_slots([2, 3, 5, 8], [], [3, 5], [2, 8], [5, 6], [99], [])
    assert [chunk.block for chunk in view.chunks] == [slice(1, 3), None, None, None, None]


def test_vectors_of_passages_that_are_gone_are_passed_over() -> None:
    view = view_of_slots([5], [], [1, 5, 9])
    assert view.chunks[0].rows.tolist() == [-1, 0, -1]
    assert view.vectors(np.array([0])).tolist() == [[5, 5]]
    assert view_of_slots([], [], [1, 2]).encoded.tolist() == []


def test_view_of_nothing_is_empty() -> None:
    view = open_view([], lambda _: {}, FIELD, 2)
    assert (len(view), view.all_alive, view.statistics.passages) == (0, True, 0)
    assert view.vectors(np.zeros(0, dtype=np.int64)).shape == (0, 2)
    assert view.find(np.array([1])).tolist() == []


@pytest.mark.parametrize(
    "arrays",
    [
        vectors_of([1, 2], dimension=3),
        {**vectors_of([1, 2]), "slots": np.array([1])},
        {**vectors_of([1, 2]), "slots": np.array([1, 2], dtype=np.int32)},
        {**vectors_of([1, 2]), "slots": np.array([[1], [2]])},
        {**vectors_of([1, 2]), "vectors": np.zeros((2, 2), dtype=np.float64)},
        {**vectors_of([1, 2]), "vectors": np.zeros(4, dtype=np.float32)},
        {"slots": np.array([1, 2])},
        {"vectors": np.zeros((2, 2), dtype=np.float32)},
        {},
    ],
)
def test_vectors_of_another_shape_are_refused(arrays: dict[str, Array]) -> None:
    with pytest.raises(StorageError, match="damaged") as caught:
        open_view([Segment("s", FIELD, 1, 2, 0)], lambda _: arrays, FIELD, 2)
    assert_one_clear_line(caught.value)


def test_postings_of_another_size_than_the_database_says_are_refused() -> None:
    made = build_postings([1, 2], [["a"], ["b"]])
    with pytest.raises(StorageError, match="damaged") as caught:
        open_view([Segment("s", POSTINGS, 1, 3, 0)], lambda _: made, FIELD, 2)
    assert_one_clear_line(caught.value)
