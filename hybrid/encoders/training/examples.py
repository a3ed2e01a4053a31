"""Rows of DPR's JSON to examples: several sets of them, each as often as its rate says, and in which order."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ...training.dpr_json import Row, read_rows
from .plan import Plan

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DataSet:
    """Rows that an epoch shows ``rate`` times each; 0.5 shows a random half of them, another one in every epoch."""

    rows: Sequence[Row]
    rate: float = 1.0
    name: str = ""


@dataclass(frozen=True, slots=True)
class Left:
    """Rows that nothing can be learnt from."""

    without_positives: int = 0
    #: Counted only where a question has no passages but its own.
    without_negatives: int = 0


@dataclass(frozen=True, slots=True)
class Used:
    """What of a set is learnt from: its file, its useful rows, and how often an epoch shows them."""

    name: str
    rows: int
    rate: float

    @property
    def per_epoch(self) -> int:
        """How many examples of it an epoch shows."""
        return max(1, round(self.rows * self.rate))


@dataclass(frozen=True, slots=True)
class Examples:
    """What is learnt from: all rows, and how many and how often those of each set."""

    rows: tuple[Row, ...]
    sets: tuple[Used, ...]
    left: Left

    @property
    def per_epoch(self) -> int:
        """How many examples an epoch shows."""
        return sum(one.per_epoch for one in self.sets)

    def order(self, seed: int, epoch: int) -> Places:
        """Give the rows of an epoch in its order."""
        rng = np.random.default_rng((seed, epoch))
        picked, start = [], 0
        for one in self.sets:
            whole, rest = divmod(one.per_epoch, one.rows)
            parts = (*[np.arange(one.rows)] * whole, rng.permutation(one.rows)[:rest])
            picked += [start + part for part in parts]
            start += one.rows
        return rng.permutation(np.concatenate(picked))


def read_set(given: str) -> DataSet:
    """Read what ``FILE`` or ``FILE=RATE`` names."""
    name, sign, last = given.rpartition("=")
    if not sign or Path(given).is_file():
        name, last = given, "1"
    try:
        rate = float(last)
    except ValueError as error:
        raise UsageError(f"{given}: {last!r} is no rate; say FILE or FILE=RATE, such as {name}=2.") from error
    if not Path(name).is_file():
        raise UsageError(f"There is no file {name}.")
    rows = list(read_rows(Path(name)))
    if not rows:
        raise UsageError(f"{name} holds no rows.")
    return DataSet(rows, rate, name)


def gather(data: Sequence[Row] | Sequence[DataSet], plan: Plan) -> Examples:
    """Put sets together, without the rows that nothing can be learnt from; rows by themselves are one set."""
    examples = _gather(data, plan)
    if plan.is_alone or examples.per_epoch > 1:
        return examples
    # The only question has no others beside it.
    return _gather(data, dataclasses.replace(plan, batch=1))


def _gather(data: Sequence[Row] | Sequence[DataSet], plan: Plan) -> Examples:
    kept: list[Row] = []
    sets: list[Used] = []
    without_positives = without_negatives = 0
    for one in _as_sets(data):
        if not 0 < one.rate < float("inf"):
            raise UsageError(f"The rate {one.rate} of {one.name or 'a set'} is no number above 0.")
        right = [row for row in one.rows if row.positives]
        without_positives += len(one.rows) - len(right)
        useful = [row for row in right if not plan.is_alone or has_negatives(row, plan)]
        without_negatives += len(right) - len(useful)
        if not useful:
            raise UsageError(
                f"{one.name or 'A set of questions'} holds nothing to learn from: of {len(one.rows):,} rows "
                f"{len(one.rows) - len(right):,} have no right passage"
                + (f", and {len(right):,} no wrong one." if right else ".")
            )
        kept += useful
        sets.append(Used(Path(one.name).name, len(useful), one.rate))
    return Examples(tuple(kept), tuple(sets), Left(without_positives, without_negatives))


def has_negatives(row: Row, plan: Plan) -> bool:
    """Tell whether a row brings a passage that is wrong for its question."""
    return bool(row.negatives or (plan.hard_negatives and row.hard_negatives))


def _as_sets(data: Sequence[Row] | Sequence[DataSet]) -> Iterable[DataSet]:
    rows = [one for one in data if isinstance(one, Row)]
    if rows or not data:
        return [DataSet(rows)]
    return [one for one in data if isinstance(one, DataSet)]
