"""Spans by hand and by brute force: each rule of choosing them has a test that fails without it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.reader.rows import count_numbers, make_row, read_row
from hybrid.reader.spans import WIDTH, Span, find_spans

LOGITS = st.lists(st.tuples(st.integers(-6, 6), st.integers(-6, 6)), min_size=1, max_size=30)


def scores(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array(values, dtype=np.float32)


def test_best_span_is_the_best_sum_of_start_and_end() -> None:
    found = find_spans(scores(0, 5, 1, 0), scores(1, 0, 4, 2))
    assert found[0] == Span(1, 2, 9.0)


def test_no_span_ends_before_it_starts() -> None:
    # The best start is the last token and the best end the first one.
    found = find_spans(scores(0, 1, 9), scores(9, 1, 0))
    assert [(span.first, span.last) for span in found] == [(0, 0), (2, 2), (1, 1)]
    assert found[0].score == found[1].score == 9.0


@pytest.mark.parametrize(("longest", "last"), [(3, 2), (4, 3), (10, 3)])
def test_no_span_is_longer_than_the_limit(longest: int, last: int) -> None:
    found = find_spans(scores(9, 0, 0, 0), scores(0, 0, 5, 7), longest=longest)
    assert (found[0].first, found[0].last) == (0, last)


def test_only_the_ten_best_starts_and_ends_are_paired() -> None:
    # Ten starts at the end of the text and ten ends at its beginning are better than the one pair that would fit.
    starts, ends = np.zeros(40, np.float32), np.zeros(40, np.float32)
    starts[30:40], ends[0:10] = 5, 5
    starts[15], ends[16] = 4, 4
    assert WIDTH == 10
    assert find_spans(starts, ends) == []


def test_spans_of_one_passage_do_not_touch_each_other() -> None:
    found = find_spans(scores(5, 4, 0, 3), scores(0, 5, 4, 3))
    assert [(span.first, span.last) for span in found] == [(0, 1), (3, 3), (2, 2)]


def test_of_equal_spans_the_first_and_shortest_comes_first() -> None:
    found = find_spans(scores(1, 1, 1), scores(1, 1, 1), count=1)
    assert (found[0].first, found[0].last) == (0, 0)


def test_no_more_spans_than_wanted() -> None:
    assert len(find_spans(scores(*range(9)), scores(*range(9)), count=3)) == 3


def test_passage_without_tokens_has_no_span() -> None:
    assert find_spans(scores(), scores()) == []


def test_numbers_that_are_none_make_no_span() -> None:
    assert [span.first for span in find_spans(scores(np.nan, 1), scores(np.nan, 1))] == [1]


@given(LOGITS, st.integers(1, 12))
def test_spans_are_those_of_a_search_through_all(logits: list[tuple[int, int]], longest: int) -> None:
    starts, ends = scores(*(one for one, _ in logits)), scores(*(one for _, one in logits))
    places = range(len(logits))
    firsts = sorted(places, key=lambda place: (-starts[place], place))[:10]
    lasts = sorted(places, key=lambda place: (-ends[place], place))[:10]
    every = sorted(
        ((-float(starts[a] + ends[b]), a, b) for a in firsts for b in lasts if a <= b < a + longest),
    )
    wanted: list[Span] = []
    for minus, a, b in every:
        if len(wanted) < 5 and all(b < one.first or one.last < a for one in wanted):
            wanted.append(Span(a, b, -minus))
    assert find_spans(starts, ends, longest=longest) == wanted


def test_row_gives_back_what_was_written() -> None:
    written = np.arange(8, dtype=np.float32).reshape(4, 2)
    row = make_row(6, 0.5, written)
    assert len(row) == count_numbers(6)
    relevance, starts, ends = read_row(row, 1, 2)
    assert relevance == 0.5
    np.testing.assert_array_equal(np.stack([starts, ends], axis=1), written[1:3])
