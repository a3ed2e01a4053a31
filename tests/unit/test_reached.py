"""How far an adoption has come: no refused write is ever forgotten, however many there are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.cli import reached
from hybrid.cli.reached import Reached

#: Pages of one shard: writes in their order, and whether each is refused.
PAGES = st.lists(st.lists(st.booleans(), max_size=6), max_size=8)


@given(PAGES, st.integers(1, 5))
def test_what_was_refused_is_kept_or_read_again(pages: list[list[bool]], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reached, "MOST", most)
        noted, number, refused = Reached({}), -1, set()
        for page in pages:
            fresh = {number + place for place, bad in enumerate(page, 1) if bad}
            refused |= fresh
            number += len(page)
            noted.advance(3, number, fresh)
            kept = Reached(noted.to_counts())
            assert len(kept.refused(3)) <= most
            assert {one for one in refused if one <= kept.position(3)} <= set(kept.refused(3)) <= refused
            # This run goes on where it is; only the next one reads again.
            assert noted.position(3) == number
        if len(refused) <= most:
            assert Reached(noted.to_counts()).position(3) == number


def test_what_was_taken_in_the_end_is_forgotten() -> None:
    noted = Reached({"shard 0": 7, "shard 1": 9, "shard 0 refused 3": 3, "shard 0 refused 5": 5, "truncated": 2})
    assert (noted.position(0), noted.position(1), noted.position(2)) == (7, 9, -1)
    assert (noted.refused(0), noted.refused(1)) == ([3, 5], [])
    noted.settle(0, [5])
    assert noted.to_counts() == {"shard 0": 7, "shard 1": 9, "shard 0 refused 5": 5}
