"""Texts that kill are found in few deaths, and no other text is given up on."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hybrid.messages import MESSAGE_SIZE
from hybrid.queue.begun import LIMIT, plan_groups

COUNTS = st.lists(st.integers(0, LIMIT + 2), max_size=2 * MESSAGE_SIZE)


@given(COUNTS)
def test_every_text_is_in_one_group_unless_it_was_begun_too_often(counts: list[int]) -> None:
    groups = list(plan_groups(counts))
    planned = [place for group in groups for place in group]
    assert sorted(planned) == [place for place, count in enumerate(counts) if count < LIMIT]


@given(COUNTS)
def test_suspects_come_last_and_in_smaller_groups_the_more_often_they_were_begun(counts: list[int]) -> None:
    groups = list(plan_groups(counts))
    begun = [{counts[place] for place in group} for group in groups]
    assert all(len(one) == 1 for one in begun)
    assert [min(one) for one in begun] == sorted(min(one) for one in begun)
    for group, (count,) in zip(groups, begun, strict=True):
        assert not count or len(group) <= max(1, MESSAGE_SIZE // 4**count)
        assert count < LIMIT - 1 or len(group) == 1


@given(st.sets(st.integers(0, MESSAGE_SIZE - 1), max_size=4))
def test_texts_that_kill_are_isolated_and_only_they_are_given_up(poison: set[int]) -> None:
    counts, encoded, deaths = [0] * MESSAGE_SIZE, set[int](), 0
    while not work_off(counts, encoded, poison):
        deaths += 1
    assert encoded == set(range(MESSAGE_SIZE)) - poison
    assert deaths <= LIMIT * max(1, len(poison))


def work_off(counts: list[int], encoded: set[int], poison: set[int]) -> bool:
    """Encode what is left as a worker does, until the process dies; tells whether it lived."""
    left = [place for place in range(MESSAGE_SIZE) if place not in encoded]
    for group in plan_groups([counts[place] for place in left]):
        places = [left[one] for one in group]
        for place in places:
            counts[place] += 1
        if poison & set(places):
            return False
        for place in places:
            counts[place] = 0
        encoded.update(places)
    return True


def test_worker_that_is_killed_for_no_fault_of_a_text_gets_through_in_the_end() -> None:
    rng = np.random.default_rng(20201116)
    counts, encoded = [0] * MESSAGE_SIZE, set[int]()
    for _ in range(10_000):
        # One step is a group begun: a kill may come at any of them.
        if work_off_some(counts, encoded, steps=int(rng.integers(1, 4))):
            break
    assert encoded == set(range(MESSAGE_SIZE))


def work_off_some(counts: list[int], encoded: set[int], steps: int) -> bool:
    left = [place for place in range(MESSAGE_SIZE) if place not in encoded]
    groups: Sequence[list[int]] = list(plan_groups([counts[place] for place in left]))
    for group in groups:
        places = [left[one] for one in group]
        for place in places:
            counts[place] += 1
        steps -= 1
        if not steps:
            return False
        for place in places:
            counts[place] = 0
        encoded.update(places)
    return True
