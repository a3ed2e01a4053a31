"""The proof of a job adds up, or says that it does not."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.tally import Tally

COUNTS = st.integers(0, 9)
TALLIES = st.builds(Tally, *[COUNTS] * len(dataclasses.fields(Tally)))


@given(TALLIES, TALLIES)
def test_tallies_add_column_by_column(first: Tally, second: Tally) -> None:
    added = dataclasses.asdict(first + second)
    assert added == {name: count + getattr(second, name) for name, count in dataclasses.asdict(first).items()}


@given(TALLIES)
def test_tally_comes_back_from_a_record(tally: Tally) -> None:
    assert Tally.read(dataclasses.asdict(tally)) == tally


def test_empty_record_is_an_empty_tally() -> None:
    assert Tally.read({}) == Tally()
    assert Tally().adds_up


GOOD = Tally(rows=3, accepted=2, rejected=1, passages=10, created=1, updated=2, unchanged=3, duplicate=4, deleted=5)


def test_proof_is_two_equations() -> None:
    assert GOOD.proof().splitlines() == [
        "rows 3 = accepted 2 + rejected 1",
        "passages 10 = created 1 + updated 2 + unchanged 3 + duplicate 4",
    ]


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Tally) if field.name != "deleted"])
def test_count_that_is_off_by_one_shows(name: str) -> None:
    wrong = dataclasses.replace(GOOD, **{name: getattr(GOOD, name) + 1})
    assert GOOD.adds_up
    assert not wrong.adds_up
    assert "≠" in wrong.proof()
