"""The scale that makes sims spread like MiniLM's, and the sim to expect of a BM25, found out from samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.encoders import Sample, find_scale, fit_prior
from hybrid.encoders.scales import LIFT, REFERENCE_SPREAD, measure_spread
from hybrid.errors import UsageError
from tests.messages import assert_one_clear_line


def samples_of(rng: np.random.Generator, spread: float, questions: int = 20) -> list[Sample]:
    """Make cosines whose p90 − p10 is ``spread`` for every question, at a level of its own."""
    line = np.linspace(0, 1, 101)
    return [Sample(rng.permutation(line), rng.random() + line * spread / 0.8) for _ in range(questions)]


@given(st.floats(1e-4, 1.0))
def test_scale_brings_the_spread_to_the_reference(spread: float) -> None:
    samples = samples_of(np.random.default_rng(1), spread)
    scale = find_scale(samples)
    assert scale == pytest.approx(REFERENCE_SPREAD / spread, rel=1e-6)
    scaled = [Sample(one.bm25, np.asarray(one.sims) * scale) for one in samples]
    assert measure_spread(scaled) == pytest.approx(REFERENCE_SPREAD, rel=1e-6)


def test_odd_question_does_not_move_the_scale(rng: np.random.Generator) -> None:
    samples = samples_of(rng, 0.1)
    odd = Sample(np.arange(50.0), np.linspace(-1, 1, 50))
    assert find_scale([*samples, odd]) == pytest.approx(find_scale(samples))


def test_question_with_hardly_a_passage_says_nothing(rng: np.random.Generator) -> None:
    samples = samples_of(rng, 0.1)
    assert find_scale([*samples, *[Sample([1.0, 2.0], [0.1, 0.9])] * 100]) == pytest.approx(find_scale(samples))


@pytest.mark.parametrize("samples", [[], [Sample([], [])], [Sample([1.0], [0.5])]])
def test_sample_without_passages_is_refused(samples: list[Sample]) -> None:
    with pytest.raises(UsageError, match="say --scale X") as raised:
        find_scale(samples)
    assert_one_clear_line(raised.value)


def test_encoder_that_tells_nothing_apart_has_no_scale() -> None:
    with pytest.raises(UsageError, match="equally similar"):
        find_scale([Sample(np.arange(20.0), np.full(20, 0.7))])


@given(st.floats(-50, 50), st.floats(0, 5), st.floats(0.5, 100))
def test_line_through_a_sample_is_found_again(a: float, b: float, scale: float) -> None:
    bm25 = [np.linspace(1, 12, 30), np.linspace(3, 30, 50)]
    prior = fit_prior([Sample(one, (a + b * one) / scale) for one in bm25], scale)
    assert prior.a == pytest.approx(a, abs=1e-6)
    assert prior.b == pytest.approx(b, abs=1e-6)


def test_better_match_never_counts_for_less() -> None:
    assert fit_prior([Sample([1.0, 2.0, 3.0], [3.0, 2.0, 1.0])]).b == 0.0
    assert fit_prior([Sample([5.0, 5.0], [1.0, 2.0])]).b == 0.0


def test_expectation_stands_above_the_line_by_a_share_of_the_scatter() -> None:
    bm25 = np.array([1.0, 1.0, 5.0, 5.0])
    prior = fit_prior([Sample(bm25, 2 + bm25 + [3, -3, 3, -3])])
    assert prior.b == pytest.approx(1.0)
    assert prior.a == pytest.approx(2 + LIFT * 3)


def test_nothing_can_be_expected_from_nothing() -> None:
    for samples in ([], [Sample([], [])]):
        with pytest.raises(UsageError, match="finds a passage"):
            fit_prior(samples)
