"""Which groups of arrays are merged: few are left, each row is rewritten seldom, and neighbours stay neighbours."""

import math
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.engines.local import segments
from hybrid.engines.local.database import _SCHEMA
from hybrid.engines.local.segments import (
    MERGE_FACTOR,
    POSTINGS,
    Segment,
    add_segment,
    choose_merge,
    drop_segments,
    pack_mask,
    read_segments,
    save_mask,
)

SIZES = st.lists(st.integers(1, 40), max_size=150)
BURSTS = st.lists(
    st.tuples(st.integers(1, 12), st.sampled_from([1, 2, 7, 8, 9, 60, 512, 2000, 100_000])), max_size=40
)


def tiers(rows: int) -> int:
    """Give how many sizes are told apart among groups of up to so many rows."""
    return int(math.log(max(1, rows)) / math.log(MERGE_FACTOR)) + 1


class Growing:
    """An index that is only written to, as sizes: merges as soon as there is something to merge."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        #: Of each batch: where it begins, and how often it was rewritten.
        self.rewritten: dict[int, int] = {}
        self.rows = 0

    def add(self, size: int) -> None:
        self.segments.append(Segment(f"s{self.rows}", POSTINGS, self.rows, size, 0))
        self.rewritten[self.rows] = 0
        self.rows += size
        while chosen := choose_merge(self.segments):
            self._merge(chosen)

    def _merge(self, chosen: Sequence[Segment]) -> None:
        place = self.segments.index(chosen[0])
        assert self.segments[place : place + len(chosen)] == chosen, "only neighbours may be merged"
        assert len(chosen) >= MERGE_FACTOR
        first, stop = chosen[0].first, chosen[-1].first + chosen[-1].size
        for start in self.rewritten:
            self.rewritten[start] += first <= start < stop
        self.segments[place : place + len(chosen)] = [Segment(f"m{first}-{stop}", POSTINGS, first, stop - first, 0)]


@given(st.one_of(SIZES, BURSTS.map(lambda bursts: [size for times, size in bursts for _ in range(times)])))
def test_few_groups_are_left_and_each_row_is_rewritten_a_logarithmic_number_of_times(sizes: list[int]) -> None:
    growing = Growing()
    for size in sizes:
        growing.add(size)
        assert len(growing.segments) <= (MERGE_FACTOR - 1) * tiers(growing.rows)
    assert max(growing.rewritten.values(), default=0) <= MERGE_FACTOR * tiers(growing.rows)


@pytest.mark.parametrize("size", [1, 3, 2000])
def test_equal_batches_are_rewritten_once_for_each_power_of_the_factor(size: int) -> None:
    growing = Growing()
    for number in range(1, 1500):
        growing.add(size)
        assert len(growing.segments) <= (MERGE_FACTOR - 1) * tiers(number)
    assert max(growing.rewritten.values()) <= tiers(1500)


def test_large_group_is_not_rewritten_for_small_ones_that_follow() -> None:
    growing = Growing()
    growing.add(1_000_000)
    for _ in range(1000):
        growing.add(1)
    assert growing.rewritten[0] == 0


@pytest.mark.parametrize("number", range(MERGE_FACTOR))
def test_fewer_than_the_factor_are_left_alone(number: int) -> None:
    assert choose_merge([Segment(f"s{place}", POSTINGS, place, 1, 0) for place in range(number)]) == []


def test_empty_groups_count_as_small() -> None:
    empty = [Segment(f"s{place}", POSTINGS, place, 0, 0) for place in range(MERGE_FACTOR)]
    assert choose_merge(empty) == empty


@given(st.lists(st.booleans(), max_size=70))
def test_mask_comes_back_as_it_was(values: list[bool]) -> None:
    mask = np.array(values, dtype=np.bool_)
    packed = pack_mask(mask)
    assert (packed is None) == all(values)
    assert Segment("s", POSTINGS, 0, len(mask), 0, packed).mask.tolist() == values


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as opened:
        opened.executescript(_SCHEMA)
        yield opened


def test_groups_are_read_back_oldest_first(connection: sqlite3.Connection) -> None:
    made = [
        Segment("b", POSTINGS, 7, 2, 2**32 - 1),
        Segment("a", "vec_01234567", 1, 3, 0),
        Segment("c", "v", 2, 1, 5),
    ]
    for segment in made:
        add_segment(connection, segment)
    save_mask(connection, "b", np.array([True, False]))
    found = read_segments(connection)
    assert [segment.name for segment in found] == ["a", "c", "b"]
    assert [(one.kind, one.first, one.size, one.checksum) for one in found][2] == (POSTINGS, 7, 2, 2**32 - 1)
    assert found[2].mask.tolist() == [True, False]
    drop_segments(connection, ["a", "b", "never there"])
    assert [segment.name for segment in read_segments(connection)] == ["c"]


def test_merging_sooner_is_a_matter_of_one_number(monkeypatch: pytest.MonkeyPatch) -> None:
    three = [Segment(f"s{place}", POSTINGS, place, 1, 0) for place in range(3)]
    assert choose_merge(three) == []
    monkeypatch.setattr(segments, "MERGE_FACTOR", 3)
    assert choose_merge(three) == three
