"""Every rule of fusion against a second implementation that goes by dictionaries and lists."""

import statistics
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.errors import UsageError
from hybrid.evaluation.fusion_rules import (
    MIN_MAX_FLOOR,
    Candidates,
    Scores,
    add_head_bonus,
    add_min_max,
    add_reciprocal_ranks,
    add_true_scores,
    add_z_scores,
    fill_minimum,
    fill_zero,
    order,
)
from hybrid.evaluation.rules import FUSIONS, MODES, choose_rules, cut_depth, pick_best, weigh

#: Scores by id; what is in neither is no candidate.
Found = dict[str, float]
#: All true scores, and the two lists that were made of them.
Case = tuple[dict[str, tuple[float, float]], list[str], list[str]]

# Few distinct values, so that scores tie.
NUMBERS = st.integers(-8, 24).map(lambda number: number / 4)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Make passages with scores, and lists of the best by either."""
    scores = draw(st.dictionaries(st.text("abé語", min_size=1, max_size=3), st.tuples(NUMBERS, NUMBERS), max_size=9))
    lexical, dense = (sorted(scores, key=lambda one: (-scores[one][side], one)) for side in (0, 1))
    return scores, lexical[: draw(st.integers(0, 9))], dense[: draw(st.integers(0, 9))]


def candidates_of(case: Case) -> Candidates:
    scores, lexical, dense = case
    ids = [one for one in scores if one in lexical or one in dense]
    return Candidates(
        ids=ids,
        bm25=np.array([scores[one][0] for one in ids], dtype=np.float64),
        sim=np.array([scores[one][1] for one in ids], dtype=np.float64),
        rank_bm25=np.array([lexical.index(one) + 1 if one in lexical else 0 for one in ids], dtype=np.int64),
        rank_dense=np.array([dense.index(one) + 1 if one in dense else 0 for one in ids], dtype=np.int64),
    )


def lists_of(case: Case) -> tuple[Found, Found]:
    scores, lexical, dense = case
    return {one: scores[one][0] for one in lexical}, {one: scores[one][1] for one in dense}


def union(case: Case, score: Callable[[str], float]) -> Found:
    _, lexical, dense = case
    return {one: score(one) for one in {*lexical, *dense}}


def scaled_by_min_max(found: Found) -> Found:
    if not found:
        return {}
    low, high = min(found.values()), max(found.values())
    if low == high:
        return dict.fromkeys(found, 1.0)
    return {one: (score - low) / (high - low) or MIN_MAX_FLOOR for one, score in found.items()}


def standardised(found: Found) -> Found:
    if len(set(found.values())) < 2:
        return dict.fromkeys(found, 0.0)
    mean, spread = statistics.fmean(found.values()), statistics.pstdev(found.values())
    return {one: (score - mean) / spread for one, score in found.items()}


def lowest(found: Found) -> float:
    return min(found.values(), default=0.0)


def check(case: Case, scores: Scores, expected: Found) -> None:
    ids = candidates_of(case).ids
    assert dict(zip(ids, scores.tolist(), strict=True)) == pytest.approx(expected, abs=1e-9)


@given(cases(), st.floats(0, 10))
def test_sum_of_true_scores(case: Case, lam: float) -> None:
    scores = case[0]
    expected = union(case, lambda one: scores[one][0] + lam * scores[one][1])
    check(case, add_true_scores(candidates_of(case), lam), expected)


@given(cases(), st.floats(0, 10))
def test_missing_scores_as_pyserini_fills_them(case: Case, lam: float) -> None:
    bm25, sim = lists_of(case)
    expected = union(case, lambda one: bm25.get(one, lowest(bm25)) + lam * sim.get(one, lowest(sim)))
    check(case, fill_minimum(candidates_of(case), lam), expected)


@given(cases(), st.floats(0, 10))
def test_missing_scores_as_zeros(case: Case, lam: float) -> None:
    bm25, sim = lists_of(case)
    expected = union(case, lambda one: bm25.get(one, 0.0) + lam * sim.get(one, 0.0))
    check(case, fill_zero(candidates_of(case), lam), expected)


@given(cases(), st.floats(0, 1))
def test_min_max(case: Case, weight: float) -> None:
    bm25, sim = map(scaled_by_min_max, lists_of(case))
    expected = union(case, lambda one: (1 - weight) * bm25.get(one, 0.0) + weight * sim.get(one, 0.0))
    check(case, add_min_max(candidates_of(case), weight), expected)


@given(cases(), st.floats(0, 1))
def test_z_scores(case: Case, weight: float) -> None:
    bm25, sim = map(standardised, lists_of(case))
    expected = union(
        case, lambda one: (1 - weight) * bm25.get(one, lowest(bm25)) + weight * sim.get(one, lowest(sim))
    )
    check(case, add_z_scores(candidates_of(case), weight), expected)


@given(cases(), st.integers(1, 100))
def test_reciprocal_ranks(case: Case, k: int) -> None:
    _, *lists = case
    expected = union(case, lambda one: sum(1 / (k + found.index(one) + 1) for found in lists if one in found))
    check(case, add_reciprocal_ranks(candidates_of(case), k), expected)


@given(cases(), st.floats(0, 10), st.floats(0, 10), st.floats(1, 100))
def test_head_bonus(case: Case, weight: float, bonus: float, half: float) -> None:
    scores, *lists = case

    def score(one: str) -> float:
        best = min(found.index(one) + 1 for found in lists if one in found)
        return scores[one][0] + weight * scores[one][1] + bonus * half / (half + best)

    check(case, add_head_bonus(candidates_of(case), weight, bonus, half), union(case, score))


@given(cases(), st.integers(1, 9), st.floats(0, 10), st.integers(1, 12))
def test_cutting_the_depth_is_asking_for_shorter_lists(case: Case, depth: int, lam: float, k: int) -> None:
    scores, lexical, dense = case
    cut, asked = candidates_of(case), candidates_of((scores, lexical[:depth], dense[:depth]))
    best, whole = pick_best(cut, cut_depth(depth, lam), k), pick_best(asked, weigh(lam), k)
    assert [cut.ids[place] for place in best.places] == [asked.ids[place] for place in whole.places]
    assert best.scores.tolist() == whole.scores.tolist()


@given(cases(), st.sampled_from([*MODES, *FUSIONS]), st.integers(1, 12))
def test_the_best_are_the_first_of_all_in_order(case: Case, name: str, k: int) -> None:
    candidates = candidates_of(case)
    (rule,) = choose_rules([name] if name in MODES else [], [], [name] if name in FUSIONS else [], 1.1)
    held = {"lexical": case[1], "dense": case[2]}.get(name, candidates.ids)
    scores = dict(zip(candidates.ids, rule.score(candidates).tolist(), strict=True))
    expected = sorted(held, key=lambda one: (-scores[one], one))[:k]
    best = pick_best(candidates, rule, k)
    assert [candidates.ids[place] for place in best.places] == expected
    assert best.scores.tolist() == [scores[one] for one in expected]


def test_rules_are_chosen_by_name() -> None:
    rules = choose_rules(["hybrid", "dense"], [0.5, 1.1, 0.5], ["rrf", "zero"], 1.1)
    assert [rule.name for rule in rules] == ["hybrid", "dense", "lambda 0.5", "lambda 1.1", "rrf", "zero"]


@pytest.mark.parametrize(
    ("modes", "lambdas", "fusions", "message"),
    [
        (["hybird"], [], [], "'hybird' is no mode; say some of hybrid, lexical, dense"),
        ([], [-1.0], [], "lambda is -1.0; say a finite number"),
        ([], [], ["sum"], "'sum' is no rule of fusion; say some of rrf"),
    ],
)
def test_rules_that_there_are_not_are_refused(
    modes: list[str], lambdas: list[float], fusions: list[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        choose_rules(modes, lambdas, fusions, 1.1)


@given(cases())
def test_order_is_by_score_and_then_by_id(case: Case) -> None:
    candidates = candidates_of(case)
    scores = add_true_scores(candidates, 1.0)
    ranked = [candidates.ids[place] for place in order(candidates.ids, scores)]
    pairs = zip(candidates.ids, scores.tolist(), strict=True)
    assert ranked == [one for one, _ in sorted(pairs, key=lambda pair: (-pair[1], pair[0].encode()))]


def test_rules_disagree_where_they_should() -> None:
    """One passage at the head of the dense list only, one in the middle of both."""
    candidates = Candidates(
        ids=["lexical", "both", "dense"],
        bm25=np.array([10.0, 6.0, 5.0]),
        sim=np.array([1.0, 4.0, 8.0]),
        rank_bm25=np.array([1, 2, 0]),
        rank_dense=np.array([0, 2, 1]),
    )
    found = {
        rule.__name__: candidates.ids[order(candidates.ids, scores)[0]]
        for rule, scores in (
            (add_true_scores, add_true_scores(candidates, 1.1)),
            (fill_zero, fill_zero(candidates, 1.1)),
            (add_reciprocal_ranks, add_reciprocal_ranks(candidates)),
            (add_head_bonus, add_head_bonus(candidates)),
        )
    }
    assert found == {
        "add_true_scores": "dense",
        "fill_zero": "both",
        "add_reciprocal_ranks": "both",
        "add_head_bonus": "dense",
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sim": np.zeros(1)}, "differ in length"),
        ({"bm25": np.array([0.0, np.nan])}, "no finite number"),
        ({"rank_bm25": np.array([1, 0]), "rank_dense": np.array([1, 0])}, "in neither list"),
    ],
)
def test_candidates_that_cannot_be_are_refused(changes: dict[str, Scores], message: str) -> None:
    columns = {"bm25": np.zeros(2), "sim": np.zeros(2), "rank_bm25": np.array([1, 2]), "rank_dense": np.zeros(2, int)}
    with pytest.raises(UsageError, match=message):
        Candidates(ids=["a", "b"], **{**columns, **changes})
