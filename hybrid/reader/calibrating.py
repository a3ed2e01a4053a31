"""Scores to probabilities: the temperature at which a reader's confidence says how often it is right.

The temperature is the one with the greatest likelihood on some questions; how well it does is told on others, by the
expected calibration error: the mean distance between confidence and share of right answers, in ten classes.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from .answers import ReadRequest, Rule
from .cards import Calibration, Card
from .measuring import judge
from .reader import Reader, choose
from .selecting import Reading

Floats = NDArray[np.float64]
Items = Sequence[tuple[ReadRequest, Sequence[Reading], Sequence[str]]]

#: Temperatures that are tried, from sharp to blunt.
_TRIED = np.geomspace(0.1, 20, 107)
_CLASSES = 10
#: The largest error with which confidences are told.
LIMIT = 0.1
#: No confidence counts as nearer to 0 or 1 in a likelihood.
_LEAST = 1e-6


def is_true(calibration: Calibration) -> bool:
    """Tell whether confidences may be called so: they were held against other questions, and were not far off."""
    return calibration.ece is not None and calibration.ece <= LIMIT


def calibrate(reader: Reader, requests: Sequence[ReadRequest], right: Sequence[Sequence[str]], data: str) -> Card:
    """Choose rule and temperature on the first half of the questions, and measure the error on the second."""
    items = list(zip(requests, reader.find(requests), right, strict=True))
    middle = (len(items) + 1) // 2
    fitted, held_out = items[:middle], items[middle:]
    card = choose_rule(reader.card, fitted)
    temperature = fit_temperature(lambda tried: _judge_at(card, fitted, tried))
    error = measure_error(*_judge_at(card, held_out, temperature)) if held_out else None
    known = Calibration(temperature=temperature, data=data, ece=error, questions=len(held_out))
    return dataclasses.replace(card, calibration=known)


def choose_rule(card: Card, items: Items) -> Card:
    """Give the card with the other rule, if that one finds more right answers."""
    other: Rule = "sum" if card.rule == "passage" else "passage"
    changed = dataclasses.replace(card, rule=other)
    worth = [_judge_at(one, items, 1.0)[1].sum() for one in (card, changed)]
    return changed if worth[1] > worth[0] else card


def fit_temperature(judged_at: Callable[[float], tuple[Floats, Floats]]) -> float:
    """Give the temperature at which confidences make what happened the most likely."""
    return float(min(_TRIED, key=lambda tried: _surprise(*judged_at(float(tried)))))


def measure_error(confidences: Floats, right: Floats) -> float:
    """Give the expected calibration error."""
    classes = np.minimum((confidences * _CLASSES).astype(int), _CLASSES - 1)
    gaps = [abs(float((confidences - right)[classes == one].sum())) for one in range(_CLASSES)]
    return sum(gaps) / max(len(right), 1)


def _judge_at(card: Card, items: Items, temperature: float) -> tuple[Floats, Floats]:
    """Give how sure a reader is of each first answer at a temperature, and whether it is right."""
    card = dataclasses.replace(card, calibration=Calibration(temperature=temperature, data=""))
    judged = [judge(choose(request, readings, card), right) for request, readings, right in items]
    sure = np.array([one.answer.confidence or 0.0 if one.answer else 0.0 for one in judged])
    return sure, np.array([one.em for one in judged])


def _surprise(confidences: Floats, right: Floats) -> float:
    sure = np.clip(confidences, _LEAST, 1 - _LEAST)
    return float(-(right * np.log(sure) + (1 - right) * np.log(1 - sure)).sum())
