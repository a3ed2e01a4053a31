"""Confidence: the temperature that was put in is found again, and the error is that of a count by hand."""

import numpy as np
import pytest

from hybrid.reader.answers import ReadPassage, ReadRequest
from hybrid.reader.calibrating import Floats, choose_rule, fit_temperature, is_true, measure_error
from hybrid.reader.cards import Calibration, Card
from hybrid.reader.selecting import Candidate, Reading


def sigmoid(scores: Floats, temperature: float) -> Floats:
    return 1 / (1 + np.exp(-scores / temperature))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_temperature_is_found_again(temperature: float, rng: np.random.Generator) -> None:
    scores = rng.normal(scale=3, size=20_000)
    right = (rng.random(scores.size) < sigmoid(scores, temperature)).astype(float)
    found = fit_temperature(lambda tried: (sigmoid(scores, tried), right))
    assert found == pytest.approx(temperature, rel=0.12)
    assert measure_error(sigmoid(scores, found), right) < 0.02 < measure_error(sigmoid(scores, 10 * found), right)


def test_error_is_the_mean_distance_in_ten_classes() -> None:
    sure = np.array([0.05, 0.09, 0.55, 0.95, 1.0])
    right = np.array([0.0, 1.0, 1.0, 1.0, 0.0])
    # 0.14 sure of 2, 1 right; 0.55 sure of 1, 1 right; 1.95 sure of 2, 1 right.
    assert measure_error(sure, right) == pytest.approx((0.86 + 0.45 + 0.95) / 5)


def test_rule_that_finds_more_right_answers_is_chosen() -> None:
    """Two passages that say the same outweigh a better one, if sums count."""
    passages = tuple(ReadPassage(str(place), "", text) for place, text in enumerate(("sun", "moon", "Moon")))
    readings = [
        Reading(place, 1.1 - 0.1 * place, (Candidate(0, len(one.text), 1.0),)) for place, one in enumerate(passages)
    ]
    request = ReadRequest("what", passages)
    assert choose_rule(Card(), [(request, readings, ("moon",))]).rule == "sum"
    assert choose_rule(Card(), [(request, readings, ("sun",))]).rule == "passage"
    assert choose_rule(Card(rule="sum"), [(request, readings, ("sun",))]).rule == "passage"
    assert choose_rule(Card(rule="sum"), []).rule == "sum"


@pytest.mark.parametrize(("error", "true"), [(0.0, True), (0.1, True), (0.11, False), (None, False)])
def test_confidences_count_only_if_they_were_held_against_other_questions(error: float | None, true: bool) -> None:
    assert is_true(Calibration(temperature=1.0, data="made up", ece=error)) is true


def test_nothing_judged_is_no_error() -> None:
    assert measure_error(np.array([]), np.array([])) == 0.0
