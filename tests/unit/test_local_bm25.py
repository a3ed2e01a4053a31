"""Lucene's BM25, to the last bit of float32."""

import math
from collections import Counter
from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.engines.local import bm25
from hybrid.engines.local.bm25 import Statistics
from hybrid.engines.local.ranking import score_terms
from tests.local import view_of
from tests.reference import Bm25, one_byte_lengths

#: Scores that OpenSearch 3.5 gave for these passages (whitespace analyzer, k1 0.9, b 0.4, one shard, no deletions).
PASSAGES = ["fox fox dog", "fox", "dog cat", "fox " * 7 + "w " * 350, "cat " * 3 + "u " * 60, ""]
LUCENE: dict[str, list[float]] = {
    "fox": [0.4222992, 0.3490401, 0, 0.4195215, 0, 0],
    "dog": [0.56384504, 0, 0.5653837, 0, 0, 0],
    "cat": [0, 0, 0.5653837, 0, 0.69233996, 0],
    "w": [0, 0, 0, 1.3784431, 0, 0],
    "fox dog": [0.98614424, 0.3490401, 0.5653837, 0.4195215, 0, 0],
    "fox fox cat": [0.8445984, 0.6980802, 0.5653837, 0.839043, 0.69233996, 0],
    "fox cat dog u w": [0.98614424, 0.3490401, 1.1307673, 1.7979646, 2.0605395, 0],
    "": [0, 0, 0, 0, 0, 0],
    "nothing of that": [0, 0, 0, 0, 0, 0],
}

WORDS = st.sampled_from(["a", "b", "c", "d", "e"])
BAGS = st.lists(
    st.one_of(
        st.lists(WORDS, max_size=60),
        st.builds(lambda word, times: [word] * times, WORDS, st.integers(0, 3000)),
    ),
    min_size=1,
    max_size=20,
)
K1 = st.sampled_from([0.0, 0.4, 0.9, 1.2, 3.0])
B = st.sampled_from([0.0, 0.4, 0.75, 1.0])


def encode_by_lucene(length: int) -> int:
    """Do what ``SmallFloat.intToByte4`` does."""
    if length < 24:
        return length
    excess = length - 24
    bits = excess.bit_length()
    if bits < 4:
        return 24 + excess
    shift = bits - 4
    return 24 + ((excess >> shift) & 7 | (shift + 1) << 3)


def score_by_lucene(bags: Sequence[Sequence[str]], terms: Sequence[str], k1: float, b: float) -> list[float]:
    """Do what ``BM25Similarity`` does, one float32 operation after the other."""
    f32 = np.float32
    one, filled = f32(1), [bag for bag in bags if bag]
    average = f32(sum(map(len, bags)) / len(filled)) if filled else one
    sums = [0.0] * len(bags)
    for term, asked in Counter(terms).items():
        containing = sum(term in bag for bag in bags)
        idf = f32(math.log(1 + (len(filled) - containing + 0.5) / (containing + 0.5)))
        weight = f32(asked) * idf
        for row, bag in enumerate(bags):
            if term in bag:
                length = f32(int(bm25.BYTE_LENGTHS[encode_by_lucene(len(bag))]))
                with np.errstate(divide="ignore"):
                    inverse = one / (f32(k1) * ((one - f32(b)) + f32(b) * length / average))
                sums[row] += float(weight - weight / (one + f32(bag.count(term)) * inverse))
    return [float(f32(one_sum)) for one_sum in sums]


def test_every_byte_means_the_length_that_lucene_means() -> None:
    lengths = bm25.BYTE_LENGTHS
    assert len(lengths) == 256
    assert (np.diff(lengths) > 0).all()
    assert lengths[:41].tolist() == list(range(41))
    assert lengths[[47, 48, 55, 56, 255]].tolist() == [54, 56, 84, 88, 2_013_265_944]
    assert [encode_by_lucene(int(length)) for length in lengths] == list(range(256))


def test_lengths_get_the_byte_that_lucene_gives_them() -> None:
    lengths = np.arange(70_000)
    codes = bm25.encode_lengths(lengths)
    assert codes.dtype == np.uint8
    assert codes.tolist() == [encode_by_lucene(length) for length in range(70_000)]
    assert (bm25.BYTE_LENGTHS[codes] == one_byte_lengths(lengths)).all()


@given(st.integers(0, 2**31 - 1))
def test_lengths_of_any_size_get_the_byte_that_lucene_gives_them(length: int) -> None:
    assert bm25.encode_lengths(np.array([length])).tolist() == [encode_by_lucene(length)]


@pytest.mark.parametrize("question", LUCENE)
def test_scores_are_those_that_lucene_gave(question: str) -> None:
    found = score_terms(view_of([one.split() for one in PASSAGES]), question.split(), k1=0.9, b=0.4)
    assert found.tolist() == [float(np.float32(score)) for score in LUCENE[question]]


@given(BAGS, st.lists(WORDS, max_size=6), K1, B)
def test_every_step_is_rounded_as_lucene_rounds_it(
    bags: list[list[str]], terms: list[str], k1: float, b: float
) -> None:
    found = score_terms(view_of(bags), terms, k1, b)
    assert found.dtype == np.float64
    assert found.tolist() == score_by_lucene(bags, terms, k1, b)


@given(st.integers(1, 10**6), st.integers(1, 10**9), st.floats(0, 3), st.floats(0, 1))
def test_table_of_lengths_is_rounded_as_lucene_rounds_it(passages: int, terms: int, k1: float, b: float) -> None:
    f32, one = np.float32, np.float32(1)
    average = f32(terms / passages)
    with np.errstate(divide="ignore", over="ignore"):
        wanted = [
            one / (f32(k1) * ((one - f32(b)) + f32(b) * f32(length) / average))
            for length in bm25.BYTE_LENGTHS.tolist()
        ]
        found = bm25.length_factors(Statistics(passages, terms), k1, b)
    assert found.tobytes() == np.array(wanted, dtype=np.float32).tobytes()


@given(BAGS, st.lists(WORDS, max_size=6), K1, B)
def test_scores_are_the_formula_in_float64_but_for_float32s_rounding(
    bags: list[list[str]], terms: list[str], k1: float, b: float
) -> None:
    assert score_terms(view_of(bags), terms, k1, b) == pytest.approx(Bm25(bags, k1, b).scores(terms), rel=2e-6)


@given(BAGS, st.lists(WORDS, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_however_the_passages_are_divided_scores_stay_the_same_to_the_bit(
    bags: list[list[str]], terms: list[str], random: Random
) -> None:
    cuts = sorted(random.randrange(len(bags) + 1) for _ in range(3))
    parts = [bags[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(bags)], strict=True)]
    apart = score_terms(view_of(*parts), terms, 0.9, 0.4)
    assert apart.tolist() == score_terms(view_of(bags), terms, 0.9, 0.4).tolist()


@given(BAGS, BAGS, st.lists(WORDS, min_size=1, max_size=6))
def test_dead_passages_count_nowhere(living: list[list[str]], dead: list[list[str]], terms: list[str]) -> None:
    bags = [bag for pair in zip(living, dead, strict=False) for bag in pair]
    rest = living[len(bags) // 2 :]
    alive = [True, False] * (len(bags) // 2) + [True] * len(rest)
    found = score_terms(view_of(bags + rest, alive=alive), terms, 0.9, 0.4)
    assert found[np.array(alive)].tolist() == score_terms(view_of(living), terms, 0.9, 0.4).tolist()


def test_more_occurrences_never_score_less_and_more_words_never_score_more() -> None:
    factors = bm25.length_factors(Statistics(passages=10, terms=1000), 0.9, 0.4)
    weight, freqs = np.float32(3.7), np.arange(1, 5000, dtype=np.uint16)
    for code in range(256):
        norms = np.full(len(freqs), code, dtype=np.uint8)
        assert (np.diff(bm25.score_term(weight, freqs, norms, factors)) >= 0).all()
    for freq in (1, 2, 7, 100):
        scores = bm25.score_term(weight, np.full(256, freq, dtype=np.uint8), np.arange(256, dtype=np.uint8), factors)
        assert (np.diff(scores) <= 0).all()


def test_nothing_in_the_index_is_no_division_by_zero() -> None:
    assert score_terms(view_of([]), ["a"], 0.9, 0.4).tolist() == []
    assert score_terms(view_of([[], []]), ["a"], 0.9, 0.4).tolist() == [0, 0]
    assert Statistics(0, 0).average_length == 1


def test_term_that_nobody_asked_for_twice_is_not_counted_twice() -> None:
    view = view_of([["a", "b"], ["b"]])
    once, twice = (score_terms(view, terms, 0.9, 0.4) for terms in (["b"], ["b", "b"]))
    assert twice.tolist() == (2 * once).tolist()
