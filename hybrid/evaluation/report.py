"""The result of an evaluation: one number a question, mode and metric goes in; means, intervals, tests come out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import orjson

from .bootstrap import LEVEL, Difference, Interval, compare, estimate
from .metrics import Values
from .questions import Question

#: By mode and metric, one number a question.
Measured = Mapping[str, Mapping[str, Values]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One mode against another on the same questions."""

    first: str
    second: str
    metric: str
    difference: Difference


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluation found."""

    questions: int
    modes: Mapping[str, Mapping[str, Interval]]
    tests: Sequence[Comparison]

    def to_json(self) -> dict[str, Any]:
        """Give plain values: shares from 0 to 1, intervals beside them under the same names."""
        return {
            "questions": self.questions,
            "modes": {
                mode: {metric: interval.mean for metric, interval in metrics.items()}
                for mode, metrics in self.modes.items()
            },
            "intervals": {
                mode: {metric: [interval.low, interval.high] for metric, interval in metrics.items()}
                for mode, metrics in self.modes.items()
            },
            "level": LEVEL,
            "tests": [
                {
                    "first": test.first,
                    "second": test.second,
                    "metric": test.metric,
                    "difference": test.difference.mean,
                    "interval": [test.difference.low, test.difference.high],
                    "p": test.difference.p,
                }
                for test in self.tests
            ],
        }


def summarise(measured: Measured, *, pairs: Sequence[tuple[str, str]] | None = None) -> Evaluation:
    """Give means with intervals, and for each pair of modes, all by default, a test of each metric that both have."""
    names = [(mode, metric) for mode, metrics in measured.items() for metric in metrics]
    intervals = estimate([measured[mode][metric] for mode, metric in names])
    modes: dict[str, dict[str, Interval]] = {mode: {} for mode in measured}
    for (mode, metric), interval in zip(names, intervals, strict=True):
        modes[mode][metric] = interval
    tested = [
        (first, second, metric)
        for first, second in (combinations(measured, 2) if pairs is None else pairs)
        for metric in measured[first]
        if metric in measured[second]
    ]
    differences = compare([(measured[first][metric], measured[second][metric]) for first, second, metric in tested])
    mode, metric = names[0]
    return Evaluation(
        questions=len(measured[mode][metric]),
        modes=modes,
        tests=[Comparison(*names, difference) for names, difference in zip(tested, differences, strict=True)],
    )


def write_questions(questions: Sequence[Question], measured: Measured) -> Iterator[bytes]:
    """Give a line of JSON for each question, with what every mode made of it."""
    for number, question in enumerate(questions):
        modes = {
            mode: {metric: float(values[number]) for metric, values in metrics.items()}
            for mode, metrics in measured.items()
        }
        yield orjson.dumps({"id": question.id, "question": question.text, "modes": modes}) + b"\n"
