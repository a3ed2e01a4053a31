"""Figures by table, row and column, whoever measured them: what claims and reports are made from.

A column is a set of questions and a metric, ``nq/top20``. Published figures come without intervals; ours are made
of runs, a seed each, with intervals over questions and seeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from benchmarks.paper.intervals import Floats, estimate, estimate_apart
from benchmarks.paper.published import PAPER, Table
from hybrid.evaluation.bootstrap import Interval
from hybrid.evaluation.metrics import DEPTHS, Values, count_found


class MissingError(Exception):
    """Nobody measured this."""


class Figures(Protocol):
    """Where figures come from; ``MissingError`` is raised for what is not there."""

    def rows(self, table: str) -> list[str]:
        """Name the rows of a table that have figures, in its order."""

    def columns(self, table: str, row: str) -> list[str]:
        """Name what was measured of a row."""

    def difference(self, table: str, first: str, second: str, column: str) -> Interval:
        """Give by how much the first row is higher than the second, on the same questions."""

    def gap(self, table: str, first: str, second: str, column: str) -> Interval:
        """Give the same for rows that were measured on different questions."""


class Published:
    """The paper's figures."""

    def __init__(self, tables: Mapping[str, Table]):
        self._tables = tables

    def rows(self, table: str) -> list[str]:
        """Name the rows that the paper gives figures for."""
        return [row.id for row in self._tables[table].rows if row.figures[PAPER]]

    def columns(self, table: str, row: str) -> list[str]:
        """Name a row's columns."""
        return list(self._tables[table].row(row).figures[PAPER])

    def figure(self, table: str, row: str, column: str) -> Interval:
        """Give a figure as a point."""
        found = self._tables[table].row(row).figures[PAPER].get(column)
        if found is None:
            raise MissingError(f"{table}/{row}/{column}")
        return Interval(found, found, found)

    def difference(self, table: str, first: str, second: str, column: str) -> Interval:
        """Give a difference as a point."""
        mean = self.figure(table, first, column).mean - self.figure(table, second, column).mean
        return Interval(mean, mean, mean)

    gap = difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run of one row found, question by question."""

    table: str
    row: str
    seed: int = 0
    #: By set, the rank of what is right for each question; None where it was not found.
    ranks: Mapping[str, Sequence[int | None]] | None = None
    #: By column, a number a question; one number where it is no matter of questions.
    values: Mapping[str, Sequence[float]] | None = None
    #: How it was run: seconds, steps, what it began with.
    facts: Mapping[str, object] | None = None

    def measured(self) -> dict[str, Values]:
        """Give a number a question by column: 100 where something right was found, so that means are per cent."""
        found = {name: np.array(values, dtype=np.float64) for name, values in (self.values or {}).items()}
        for name, ranks in (self.ranks or {}).items():
            found |= {f"{name}/{metric}": 100 * hits for metric, hits in count_found(ranks, DEPTHS).items()}
        return found


class Ours:
    """What our runs found."""

    def __init__(self, runs: Sequence[Run]):
        self._given = runs
        self._measured: dict[str, dict[str, dict[str, dict[int, Values]]]] = {}
        for run in runs:
            row = self._measured.setdefault(run.table, {}).setdefault(run.row, {})
            for column, values in run.measured().items():
                row.setdefault(column, {})[run.seed] = values

    def without(self, ending: str) -> "Ours":
        """Give the same without the rows whose names end so."""
        return Ours([run for run in self._given if not run.row.endswith(ending)])

    def rows(self, table: str) -> list[str]:
        """Name the rows that were run, in the order of the runs."""
        return list(self._measured.get(table, {}))

    def columns(self, table: str, row: str) -> list[str]:
        """Name what was measured of a row."""
        return list(self._measured.get(table, {}).get(row, {}))

    def seeds(self, table: str, row: str, column: str) -> list[float]:
        """Give the means of the single runs."""
        return [float(values.mean()) for values in self._runs(table, row, column).values()]

    def figure(self, table: str, row: str, column: str) -> Interval:
        """Give the mean with its interval; a share's ends where shares end."""
        found = estimate(_stack(self._runs(table, row, column)))
        if "/top" not in column:
            return found
        return Interval(found.mean, max(0.0, found.low), min(100.0, found.high))

    def difference(self, table: str, first: str, second: str, column: str) -> Interval:
        """Give the difference of two rows, question by question, and seed by seed where both have several."""
        ones, others = self._runs(table, first, column), self._runs(table, second, column)
        if len(ones) > 1 and len(others) > 1:
            both = ones.keys() & others.keys()
            ones, others = ({seed: runs[seed] for seed in sorted(both)} for runs in (ones, others))
        return estimate(_stack(ones) - _stack(others))

    def gap(self, table: str, first: str, second: str, column: str) -> Interval:
        """Give the difference of two rows that were measured on different questions."""
        return estimate_apart(_stack(self._runs(table, first, column)), _stack(self._runs(table, second, column)))

    def _runs(self, table: str, row: str, column: str) -> dict[int, Values]:
        found = self._measured.get(table, {}).get(row, {}).get(column)
        if not found:
            raise MissingError(f"{table}/{row}/{column}")
        return found


def _stack(runs: Mapping[int, Values]) -> Floats:
    return np.stack(list(runs.values()))
