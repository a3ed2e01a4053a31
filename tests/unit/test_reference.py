"""The reference has known values, and whoever checks with it notices every lie."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid import Hit
from tests.agreement import Tally, Truth, check_hits
from tests.reference import Bm25, one_byte_lengths, propose, ranked, union_score

IDS = ["p10", "p2", "é", "😀", "\uff5e", "a"]
BM25 = np.array([3.0, 2.0, 0.0, 1.0, 1.0, 4.0])
SIM = np.array([0.5, -1.0, 2.0, 0.25, 0.25, np.nan])
PRIOR = (-0.4, 0.88)
LAM = 1.1


def test_lengths_are_rounded_as_lucene_does() -> None:
    exact = np.arange(41)
    assert (one_byte_lengths(exact) == exact).all()
    given_lengths = np.array([41, 42, 43, 55, 56, 57, 100, 350, 1000, 65_535])
    assert one_byte_lengths(given_lengths).tolist() == [40, 42, 42, 54, 56, 56, 96, 344, 984, 61_464]


@given(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))
def test_rounded_lengths_keep_their_order_and_lose_an_eighth_at_most(first: int, second: int) -> None:
    small, large = one_byte_lengths(np.array(sorted([first, second])))
    assert small <= large
    assert max(first, second) * 7 / 8 - 1 < large <= max(first, second)


def test_bm25_of_a_corpus_that_fits_on_a_page() -> None:
    # Three passages with terms, one without: N = 3, average length 2; "fox" is in two of them.
    bm25 = Bm25([["fox", "fox", "dog"], ["fox"], ["dog", "cat"], []], k1=0.9, b=0.4)
    idf = np.log(1 + 1.5 / 2.5)
    first = idf * 2 / (2 + 0.9 * (0.6 + 0.4 * 3 / 2))
    second = idf * 1 / (1 + 0.9 * (0.6 + 0.4 * 1 / 2))
    assert bm25.scores(["fox"]) == pytest.approx([first, second, 0, 0])
    assert bm25.scores(["fox", "fox", "unknown"]) == pytest.approx([2 * first, 2 * second, 0, 0])


def test_a_side_proposes_the_best_of_each_shard_and_leaves_ties_open() -> None:
    scores, shards = np.array([5.0, 4, 4, 4, 1, 9, 8]), np.array([0, 0, 0, 0, 0, 1, 1])
    side = propose(scores, np.ones(7, dtype=np.bool_), 2, shards)
    assert np.flatnonzero(side.certain).tolist() == [0, 5, 6]
    assert np.flatnonzero(side.open).tolist() == [1, 2, 3]
    assert [seats for _, seats in side.tied] == [1]


def test_order_is_by_score_then_by_the_bytes_of_the_id() -> None:
    assert [IDS[row] for row in ranked(np.zeros(6), np.arange(6), IDS, 6)] == ["a", "p10", "p2", "é", "\uff5e", "😀"]


def test_the_true_ranking_passes() -> None:
    tally = Tally()
    check_hits(_true_hits(), _truth(), 6, tally)
    assert (tally.hits, tally.swaps, tally.score_difference) == (6, 0, 0)


def test_neighbours_closer_than_the_tolerance_may_swap_and_are_counted() -> None:
    truth, tally = _truth(), Tally()
    truth.score[0] = truth.score[5] + 1e-5
    hits = [dataclasses.replace(hit, score=truth.score[5]) if hit.id == "p10" else hit for hit in _true_hits()]
    check_hits(hits, truth, 6, tally)
    assert (tally.swaps, tally.equal_swaps) == (2, 0)


def _shift(name: str, by: float) -> Callable[[list[Hit]], list[Hit]]:
    return lambda hits: [
        dataclasses.replace(hit, **{name: getattr(hit, name) + by}) if hit.rank == 2 else hit for hit in hits
    ]


LIES: dict[str, Callable[[list[Hit]], list[Hit]]] = {
    "the best is left out": lambda hits: _numbered(hits[1:]),
    "the last is left out": lambda hits: hits[:-1],
    "the first two are swapped": lambda hits: _numbered([hits[1], hits[0], *hits[2:]]),
    "equal scores are not in the order of ids": lambda hits: _numbered([*hits[:-3], hits[-2], hits[-3], hits[-1]]),
    "one comes twice": lambda hits: _numbered([hits[0], *hits]),
    "ranks begin at 0": lambda hits: [dataclasses.replace(hit, rank=hit.rank - 1) for hit in hits],
    "a score is off": _shift("score", 2e-3),
    "a bm25 is off": _shift("bm25", 2e-3),
    "a sim is off": _shift("sim", 2e-3),
    "a sim is made up": lambda hits: [dataclasses.replace(hit, sim=0.0, sim_expected=None) for hit in hits],
    "a sim is forgotten": lambda hits: [dataclasses.replace(hit, sim=None) for hit in hits],
    "an expected sim is off": lambda hits: [
        dataclasses.replace(hit, sim_expected=9.0) if hit.sim is None else hit for hit in hits
    ],
    "a bm25 is read out of noise": lambda hits: [
        dataclasses.replace(hit, bm25=1e-6) if hit.bm25 == 0 else hit for hit in hits
    ],
}


@pytest.mark.parametrize("lie", LIES)
def test_no_lie_passes(lie: str) -> None:
    with pytest.raises(AssertionError):
        check_hits(LIES[lie](_true_hits()), _truth(), 6, Tally())


@pytest.mark.parametrize(
    ("chosen", "passes"), [(["a", "b"], True), (["b", "c"], True), (["a"], False), ("abc", False)]
)
def test_the_engine_chooses_which_of_the_tied_it_proposes_but_not_how_many(chosen: list[str], passes: bool) -> None:
    ids, bm25 = ["a", "b", "c", "d"], np.array([1.0, 1.0, 1.0, 5.0])
    side = propose(bm25, np.ones(4, dtype=np.bool_), 3, np.zeros(4, dtype=np.int64))
    sim = np.full(4, np.nan)
    truth = Truth(ids, {name: row for row, name in enumerate(ids)}, bm25, sim, bm25, (side,), PRIOR)
    hits = [_hit(rank, name, truth) for rank, name in enumerate(["d", *chosen], start=1)]
    if passes:
        check_hits(hits, truth, 10, Tally())
    else:
        with pytest.raises(AssertionError):
            check_hits(hits, truth, 10, Tally())


def _truth() -> Truth:
    score = union_score(BM25, SIM, LAM, PRIOR)
    everyone = propose(score, np.ones(6, dtype=np.bool_), 6, np.zeros(6, dtype=np.int64))
    return Truth(IDS, {name: row for row, name in enumerate(IDS)}, BM25, SIM, score, (everyone,), PRIOR)


def _true_hits() -> list[Hit]:
    truth = _truth()
    return [
        _hit(rank, IDS[row], truth) for rank, row in enumerate(ranked(truth.score, np.arange(6), IDS, 6), start=1)
    ]


def _hit(rank: int, name: str, truth: Truth) -> Hit:
    row = truth.places[name]
    sim = None if np.isnan(truth.sim[row]) else float(truth.sim[row])
    bm25 = float(truth.bm25[row])
    expected = PRIOR[0] + PRIOR[1] * bm25 if sim is None else None
    return Hit(rank, name, float(truth.score[row]), bm25, sim, "", "", {}, expected)


def _numbered(hits: list[Hit]) -> list[Hit]:
    return [dataclasses.replace(hit, rank=rank) for rank, hit in enumerate(hits, start=1)]
