"""Figures with their intervals: tables on a terminal, a line for each figure in a pipe."""

from collections.abc import Iterator, Mapping, Sequence

import click

from ..evaluation.bootstrap import UNLIKELY, Difference, Interval
from ..evaluation.reading_metrics import EM, F1
from ..evaluation.report import Comparison, Evaluation
from .output import on_terminal, print_rows

_NOT_MEASURED = "-"


def print_figures(evaluation: Evaluation) -> None:
    """Print every mode's metrics, and by how much the first differs from each other mode."""
    if not on_terminal():
        print_rows((), _lines(evaluation))
        return
    metrics = list(next(iter(evaluation.modes.values())))
    accuracy = [metric for metric in metrics if metric.startswith("top")]
    reading = [metric for metric in metrics if metric in (EM, F1)]
    others = [metric for metric in metrics if metric not in (*accuracy, *reading)]
    for names in filter(None, (accuracy, others, reading)):
        measured = {mode: found for mode, found in evaluation.modes.items() if not found.keys().isdisjoint(names)}
        print_rows(
            ("%", *names), [[mode, *(_cell(found.get(name)) for name in names)] for mode, found in measured.items()]
        )
    if evaluation.tests:
        rows = [
            [other, *(_difference(tests.get(name)) for name in accuracy)]
            for other, tests in _by_mode(evaluation.tests).items()
        ]
        print_rows((f"{evaluation.tests[0].first} against", *accuracy), rows)
        click.echo(f"points that it is better by; * chance alone gives as much less often than {UNLIKELY:.0%}")


def _lines(evaluation: Evaluation) -> Iterator[list[str]]:
    """Give mode, metric, mean, low, high; and what the first mode is better by, low, high and p."""
    tests = {(test.second, test.metric): test.difference for test in evaluation.tests}
    for mode, found in evaluation.modes.items():
        for metric, interval in found.items():
            test = tests.get((mode, metric))
            beside = [] if test is None else [*_numbers(test), f"{test.p:.4g}"]
            yield [mode, metric, *_numbers(interval), *beside]


def _by_mode(tests: Sequence[Comparison]) -> Mapping[str, Mapping[str, Difference]]:
    found: dict[str, dict[str, Difference]] = {}
    for test in tests:
        found.setdefault(test.second, {})[test.metric] = test.difference
    return found


def _cell(interval: Interval | None) -> str:
    if interval is None:
        return _NOT_MEASURED
    return f"{100 * interval.mean:.1f} [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


def _difference(difference: Difference | None) -> str:
    """Write a difference in points; a star says that chance alone would hardly give it."""
    if difference is None:
        return _NOT_MEASURED
    star = "*" if difference.p < UNLIKELY else " "
    return f"{100 * difference.mean:+z.1f}{star} [{100 * difference.low:+z.1f}, {100 * difference.high:+z.1f}]"


def _numbers(figure: Interval | Difference) -> list[str]:
    return [f"{value:.4f}" for value in (figure.mean, figure.low, figure.high)]
