"""Intervals and tests against exact distributions and a second implementation."""

import itertools
import math
import random
from dataclasses import astuple
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.errors import UsageError
from hybrid.evaluation import bootstrap
from hybrid.evaluation.bootstrap import compare, estimate

FOUND = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=9)


def exact_p(differences: list[float]) -> float:
    """Try all signs."""
    reached = abs(sum(differences)) - 1e-9
    signs = itertools.product((-1, 1), repeat=len(differences))
    sums = [abs(sum(sign * one for sign, one in zip(flips, differences, strict=True))) for flips in signs]
    return sum(one >= reached for one in sums) / len(sums)


def count_chances(number: int, share: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Give the chances of 0, 1, … up to all of ``number`` tries."""
    return np.array(
        [math.comb(number, one) * share**one * (1 - share) ** (number - one) for one in range(number + 1)]
    )


def test_interval_of_shares_is_the_binomial_distributions() -> None:
    found = np.repeat([0.0, 1.0], [280, 720])
    (interval,) = estimate([found])
    low, high = np.searchsorted(np.cumsum(count_chances(1000, 0.72)), [0.025, 0.975]) / 1000
    assert interval.mean == 0.72
    assert interval.low == pytest.approx(low, abs=0.0021)
    assert interval.high == pytest.approx(high, abs=0.0021)


def test_interval_of_other_numbers_is_as_wide_as_their_spread(rng: np.random.Generator) -> None:
    values = rng.gamma(2.0, size=2000)
    (interval,) = estimate([values])
    width = values.std() / math.sqrt(values.size) * NormalDist().inv_cdf(0.975)
    assert interval.low == pytest.approx(values.mean() - width, rel=0.01)
    assert interval.high == pytest.approx(values.mean() + width, rel=0.01)


def test_interval_covers_the_truth_as_often_as_it_says(rng: np.random.Generator) -> None:
    samples = (rng.random((400, 300)) < 0.7).astype(float)
    covered = [one.low <= 0.7 <= one.high for one in (estimate([values], resamples=500)[0] for values in samples)]
    # Of 400 tries with 95 % each, fewer than 360 or more than 395 would come less than once in a thousand times.
    assert 360 <= sum(covered) <= 395


def test_several_measurements_are_estimated_as_if_alone(rng: np.random.Generator) -> None:
    columns = list(rng.random((3, 50)))
    for one, column in zip(estimate(columns), columns, strict=True):
        (alone,) = estimate([column])
        assert astuple(one) == pytest.approx(astuple(alone))


def test_same_seed_gives_the_same(rng: np.random.Generator) -> None:
    values = rng.random(100)
    assert estimate([values]) == estimate([values])
    assert estimate([values], seed=1) != estimate([values], seed=2)


def test_drawing_in_portions_gives_the_same(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    values = rng.random(100)
    (whole,) = estimate([values], resamples=500)
    monkeypatch.setattr(bootstrap, "_AT_ONCE", 700)
    (portioned,) = estimate([values], resamples=500)
    assert astuple(portioned) == pytest.approx(astuple(whole))


def test_all_equal_leaves_no_doubt() -> None:
    (interval,) = estimate([[0.5] * 4])
    assert (interval.mean, interval.low, interval.high) == (0.5, 0.5, 0.5)


@given(FOUND, st.randoms(use_true_random=False))
def test_p_value_is_that_of_all_signs(first: list[float], shuffler: random.Random) -> None:
    second = list(first)
    shuffler.shuffle(second)
    (difference,) = compare([(first, second)])
    exact = exact_p([left - right for left, right in zip(first, second, strict=True)])
    assert difference.p == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 10_000) + 2e-4)


def test_p_value_of_questions_won_is_the_sign_tests() -> None:
    won, lost, equal = 60, 40, 900
    first, second = np.repeat([1.0, 0.0, 1.0], [won, lost, equal]), np.repeat([0.0, 1.0, 1.0], [won, lost, equal])
    (difference,) = compare([(first, second)])
    assert difference.mean == pytest.approx(0.02)
    assert difference.p == pytest.approx(2 * count_chances(won + lost, 0.5)[won:].sum(), abs=0.01)
    assert difference.low < difference.mean < difference.high


def test_difference_of_two_equal_modes_is_nothing() -> None:
    (difference,) = compare([([0.1, 0.2, 0.7], [0.1, 0.2, 0.7])])
    assert (difference.mean, difference.low, difference.high, difference.p) == (0.0, 0.0, 0.0, 1.0)


def test_difference_turns_with_its_sides(rng: np.random.Generator) -> None:
    first, second = rng.random(200), rng.random(200) - 0.1
    one, other = compare([(first, second), (second, first)])
    assert one.mean == pytest.approx(-other.mean)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert one.p == other.p


def test_clear_difference_has_the_smallest_p_there_is() -> None:
    (difference,) = compare([(np.ones(50), np.zeros(50))], resamples=999)
    assert difference.p == 1 / 1000


def test_sums_that_only_rounding_tells_apart_are_equal() -> None:
    # Added up in another order, these give another last bit; only all signs alike reach the sum.
    differences = [0.6, 0.3, 0.0, 0.0, 0.8, 0.9, 0.6, 0.7, 0.5, 0.9]
    (difference,) = compare([(differences, np.zeros(10))])
    assert difference.p == pytest.approx(2 / 2**8, abs=0.003)


def test_nothing_to_test_gives_nothing() -> None:
    assert compare([]) == []


@pytest.mark.parametrize(
    ("measured", "message"),
    [
        ([], r"Measured on \[\] questions"),
        ([[]], "no question was evaluated"),
        ([[1.0], [1.0, 0.0]], r"Measured on \[1, 2\] questions; all must be on the same ones"),
        ([[math.nan]], "no finite number"),
        ([[[1.0]]], "Measured on"),
    ],
)
def test_what_cannot_be_averaged_is_refused(measured: list[list[float]], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        estimate(measured)
    if measured and len(measured) == 2:
        with pytest.raises(UsageError, match=message):
            compare([(measured[0], measured[0]), (measured[1], measured[1])])
