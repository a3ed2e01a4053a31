"""The formula forwards, backwards and as the cluster evaluates it."""

import math
import random
import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.fusion import (
    DEFAULT_PRIOR,
    PAPER_LAMBDA,
    SHIFTED_SIM,
    SimPrior,
    expect_sim,
    fuse,
    is_weight,
    lift,
    order,
    split_score,
)

scores = st.floats(0, 200)
sims = st.floats(-1000, 1000)
weights = st.floats(0, 10)
priors = st.builds(SimPrior, a=st.floats(-100, 100), b=st.floats(0, 10))


@dataclass(frozen=True)
class Item:
    id: str
    score: float


def evaluate_shifted_sim(painless_score: float, lam: float, prior: SimPrior, c: float) -> float:
    """Do in Python what the script says, statement by statement."""
    sim = prior.a if painless_score <= 0 else painless_score - 1 if painless_score >= 1 else 1 - 1 / painless_score
    return max(0, lam * (sim + c))


def knn_score(dot: float) -> float:
    """Give what k-NN's own script makes of a dot product."""
    return 1 + dot if dot >= 0 else 1 / (1 - dot)


def test_score_is_bm25_plus_lambda_times_sim() -> None:
    assert fuse(7.0, 10.0, 1.1) == 18.0
    assert PAPER_LAMBDA == 1.1


@given(scores, sims, weights, priors)
def test_split_gives_back_what_was_fused(bm25: float, sim: float, lam: float, prior: SimPrior) -> None:
    assert split_score(fuse(bm25, sim, lam), sim, lam, prior) == pytest.approx(bm25, abs=1e-9)


@given(scores, weights, priors)
def test_split_inverts_the_expected_sim_too(bm25: float, lam: float, prior: SimPrior) -> None:
    score = fuse(bm25, expect_sim(bm25, prior), lam)
    assert split_score(score, None, lam, prior) == pytest.approx(bm25, abs=1e-9)


@given(scores, scores, weights, priors)
def test_without_vectors_the_order_is_bm25s(left: float, right: float, lam: float, prior: SimPrior) -> None:
    fused = [fuse(bm25, expect_sim(bm25, prior), lam) for bm25 in (left, right)]
    assert left >= right or fused[0] <= fused[1]


@given(st.floats(0, 100), st.floats(0, 100), st.floats(-1, 1), priors)
def test_lift_raises_every_sim_above_zero(question: float, passage: float, cosine: float, prior: SimPrior) -> None:
    c = lift(question, passage, prior)
    assert cosine * question * passage + c >= 0
    assert prior.a + c >= 0


@given(sims, weights)
def test_script_gives_lambda_times_the_lifted_sim(sim: float, lam: float) -> None:
    c = lift(abs(sim), 1.0, DEFAULT_PRIOR)
    assert evaluate_shifted_sim(knn_score(sim), lam, DEFAULT_PRIOR, c) == pytest.approx(lam * (sim + c), abs=1e-6)


def test_script_takes_the_priors_a_without_a_vector() -> None:
    assert evaluate_shifted_sim(0.0, 1.1, SimPrior(-0.4, 0.88), 2.0) == pytest.approx(1.1 * 1.6)


def test_script_names_its_parameters_and_holds_no_number_of_a_request() -> None:
    assert set(re.findall(r"params\.(\w+)", SHIFTED_SIM)) == {"lambda", "a", "c"}
    assert set(re.findall(r"(?<![\w.])\d+(?:\.\d+)?", SHIFTED_SIM)) == {"0", "1"}


@given(st.lists(st.builds(Item, id=st.text(max_size=3), score=st.sampled_from([0.0, 1.0, 1.5])), max_size=12))
def test_order_is_total_whatever_the_order_it_is_given(items: list[Item]) -> None:
    shuffled = items.copy()
    random.Random(1).shuffle(shuffled)
    ranked = order(items)
    assert ranked == order(shuffled)
    keys = [(-item.score, item.id.encode("utf-8", "surrogatepass")) for item in ranked]
    assert keys == sorted(keys)


def test_equal_scores_are_ordered_by_the_bytes_of_their_ids() -> None:
    ids = ["10", "2", "B", "a", "é", "\uffee", "🙂"]
    assert [item.id for item in order(Item(one, 1.0) for one in reversed(ids))] == ids


@pytest.mark.parametrize("value", [0.0, 1.1, 1e9])
def test_finite_numbers_from_zero_on_are_weights(value: float) -> None:
    assert is_weight(value)


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, -math.inf, 10**400])
def test_nothing_else_is_a_weight(value: float) -> None:
    assert not is_weight(value)
