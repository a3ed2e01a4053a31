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
class Examples:
    """What is learnt from: all rows, and how many and how often those of each set."""

    rows: tuple[Row, ...]
    shares: tuple[tuple[int, float], ...]
    left: Left

    @property
    def per_epoch(self) -> int:
        """How many examples an epoch shows."""
        return sum(_count(size, rate) for size, rate in self.shares)

    def order(self, seed: int, epoch: int) -> Places:
        """Give the rows of an epoch in its order."""
        rng = np.random.default_rng((seed, epoch))
        picked, start = [], 0
        for size, rate in self.shares:
            whole, rest = divmod(_count(size, rate), size)
            picked += [start + one for one in (*[np.arange(size)] * whole, rng.permutation(size)[:rest])]
            start += size
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
    shares: list[tuple[int, float]] = []
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
        shares.append((len(useful), one.rate))
    return Examples(tuple(kept), tuple(shares), Left(without_positives, without_negatives))


def has_negatives(row: Row, plan: Plan) -> bool:
    """Tell whether a row brings a passage that is wrong for its question."""
    return bool(row.negatives or (plan.hard_negatives and row.hard_negatives))


def _as_sets(data: Sequence[Row] | Sequence[DataSet]) -> Iterable[DataSet]:
    rows = [one for one in data if isinstance(one, Row)]
    if rows or not data:
        return [DataSet(rows)]
    return [one for one in data if isinstance(one, DataSet)]


def _count(size: int, rate: float) -> int:
    return max(1, round(size * rate))
