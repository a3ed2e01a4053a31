"""The inverted index says what a dictionary of dictionaries says, however it was put together."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.engines.local.arrays import Array, map_group, write_group
from hybrid.engines.local.postings import Postings, build_postings, merge_postings, read_postings
from hybrid.errors import StorageError
from tests.messages import assert_one_clear_line

Bags = Sequence[Sequence[str]]
#: Terms that order differently by code unit, by code point and by collation, or are equal but for their form.
TERMS = ["a", "ab", "b", "z", "Z", "é", "e\u0301", "\uff5e", "😀", "𠜎", "日本", "\x00", "a\x00", "x" * 300, "ÿ"]
WORDS = st.one_of(st.sampled_from(TERMS), st.text(min_size=1, max_size=3))
BAGS = st.lists(st.lists(WORDS, max_size=12), max_size=8)


def read(bags: Bags, first: int = 0) -> Postings:
    return read_postings(build_postings(range(first, first + len(bags)), bags))


def held(postings: Postings, term: str) -> dict[int, int]:
    """Give which slots hold a term, and how often."""
    found = postings.find(term)
    if found is None:
        return {}
    rows, freqs = found
    return dict(zip(postings.slots[rows].tolist(), freqs.tolist(), strict=True))


def wanted(bags: Bags, slots: Sequence[int], term: str) -> dict[int, int]:
    return {slot: bag.count(term) for slot, bag in zip(slots, bags, strict=True) if term in bag}


def assert_equal_arrays(first: dict[str, Array], second: dict[str, Array]) -> None:
    assert first.keys() == second.keys()
    for name, array in first.items():
        assert array.tolist() == second[name].tolist(), name


@given(BAGS, st.integers(0, 2**40))
def test_every_term_is_found_with_its_passages(bags: list[list[str]], first: int) -> None:
    postings, slots = read(bags, first), list(range(first, first + len(bags)))
    assert len(postings) == len(bags)
    assert postings.lengths.tolist() == [len(bag) for bag in bags]
    for term in {*TERMS, *(term for bag in bags for term in bag), "never there", ""}:
        assert held(postings, term) == wanted(bags, slots, term)


@given(BAGS)
def test_terms_stand_in_the_order_of_their_bytes_once_each(bags: list[list[str]]) -> None:
    terms = list(read(bags).all_terms())
    assert terms == sorted({term.encode() for bag in bags for term in bag})


@given(BAGS)
def test_passages_of_a_term_ascend(bags: list[list[str]]) -> None:
    postings = read(bags)
    for term in {term for bag in bags for term in bag}:
        found = postings.find(term)
        assert found is not None
        assert (np.diff(found[0]) > 0).all()
        assert (found[1] > 0).all()


@given(st.lists(BAGS, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_merged_is_what_would_have_been_built_of_the_living_at_once(
    groups: list[list[list[str]]], random: Random
) -> None:
    parts, masks, slots, bags, first = [], [], [], [], 0
    for group in groups:
        parts.append(read(group, first))
        masks.append(np.array([random.random() < 0.6 for _ in group], dtype=np.bool_))
        slots += [first + row for row in np.flatnonzero(masks[-1]).tolist()]
        bags += [bag for bag, living in zip(group, masks[-1], strict=True) if living]
        first += len(group)
    assert_equal_arrays(merge_postings(parts, masks), build_postings(slots, bags))


def test_terms_of_other_forms_are_other_terms() -> None:
    nfc, nfd = unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é")
    postings = read([[nfc], [nfd], ["É"]])
    assert [held(postings, term) for term in (nfc, nfd, "É", "e")] == [{0: 1}, {1: 1}, {2: 1}, {}]


@pytest.mark.parametrize("bags", [[], [[]], [[], []]])
def test_nothing_is_found_in_nothing(bags: list[list[str]]) -> None:
    postings = read(bags)
    assert postings.find("a") is None
    assert list(postings.all_terms()) == []
    merged = read_postings(merge_postings([postings, postings], [np.ones(len(bags), dtype=np.bool_)] * 2))
    assert (len(merged), merged.find("a")) == (2 * len(bags), None)


def test_merging_the_dead_leaves_nothing() -> None:
    postings = read([["a", "b"], ["b"]])
    merged = read_postings(merge_postings([postings], [np.zeros(2, dtype=np.bool_)]))
    assert len(merged) == 0
    assert list(merged.all_terms()) == []


@pytest.mark.parametrize("times", [1, 255, 256, 65_535, 65_536, 200_000])
def test_counts_of_any_size_are_kept(times: int) -> None:
    postings = read([["a"] * times, ["a", "b"]])
    assert held(postings, "a") == {0: times, 1: 1}
    merged = read_postings(merge_postings([postings, read([["a"]], 2)], [np.ones(2, np.bool_), np.ones(1, np.bool_)]))
    assert held(merged, "a") == {0: times, 1: 1, 2: 1}
    assert merged.lengths.tolist() == [times, 2, 1]


def test_written_and_mapped_they_are_the_same(tmp_path: Path) -> None:
    made = build_postings([3, 5, 9], [["a", "é"], [], ["é", "é", "b"]])
    write_group(tmp_path, "group", made)
    mapped = map_group(tmp_path, "group")
    assert_equal_arrays(made, mapped)
    assert held(read_postings(mapped), "é") == {3: 1, 9: 2}


def test_words_of_a_real_language_are_all_there() -> None:
    text = Path(__file__).read_text(encoding="utf-8").split()
    bags = [text[start : start + 40] for start in range(0, len(text), 40)]
    postings = read(bags)
    for term, times in Counter(text).items():
        assert sum(held(postings, term).values()) == times


def damage(**changes: Array) -> dict[str, Array]:
    return {**build_postings([0, 1, 2], [["a"], ["b", "c"], ["a", "c"]]), **changes}


@pytest.mark.parametrize(
    "arrays",
    [
        damage(lengths=np.zeros(2, np.int32)),
        damage(norms=np.zeros(4, np.uint8)),
        damage(slots=np.zeros(0, np.int64)),
        damage(starts=np.zeros(0, np.int64)),
        damage(starts=np.zeros(4, np.int64)),
        damage(term_starts=np.array([0, 1, 2, 7])),
        damage(terms=np.zeros(2, np.uint8)),
        damage(rows=np.zeros(4, np.int32)),
        damage(freqs=np.zeros(6, np.uint8)),
        {name: array for name, array in damage().items() if name != "rows"},
        damage(strange=np.zeros(1, np.uint8)),
        damage(slots=np.array([0.0, 1.0, 2.0])),
        damage(freqs=np.ones(5, np.float32)),
        damage(rows=np.zeros((5, 1), np.int32)),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(arrays: dict[str, Array]) -> None:
    with pytest.raises(StorageError) as caught:
        read_postings(arrays)
    assert_one_clear_line(caught.value)


@pytest.mark.parametrize("row", [3, 1000, -1, -4, 2**31 - 1])
def test_row_that_is_nowhere_is_noticed_before_it_is_used(row: int) -> None:
    postings = read_postings(damage(rows=np.array([0, row, 1, 1, 2], dtype=np.int32)))
    with pytest.raises(StorageError, match="damaged"):
        [postings.find(term) for term in "abc"]
