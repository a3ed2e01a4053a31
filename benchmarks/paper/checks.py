"""Checks of figures, out of which claims are made: whether one row is higher than another, or about the same.

Higher means beyond chance where figures come with intervals, and about the same means that a difference which would
matter is ruled out; what intervals are too wide for is undecided. A check speaks of every set that its rows were
measured on, and raises ``MissingError`` where there is none.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from benchmarks.paper.figures import Figures, MissingError
from hybrid.evaluation.bootstrap import Interval

#: Points within which two ways count as alike, where the paper says that it does not matter much.
ALIKE = 2.5

Verdict = Literal["seen", "seen in part", "undecided", "not seen"]
#: Of several things at once the worst counts.
_FROM_WORST: tuple[Verdict, ...] = ("not seen", "undecided", "seen in part", "seen")


@dataclass(frozen=True, slots=True)
class Seen:
    """Whether figures bear a claim out, and which they are.

    In part means: beyond chance for some of the sets, and for none of them the other way round.
    """

    verdict: Verdict
    shown: str


Check = Callable[[Figures], Seen]


def beats(
    table: str, first: str, second: str, metric: str, *, only: Sequence[str] = (), but: Sequence[str] = ()
) -> Check:
    """Check that one row is higher than another on every set, beyond chance."""

    def check(figures: Figures) -> Seen:
        columns = _columns(figures, table, (first, second), metric, only, but)
        found = {column: figures.difference(table, first, second, column) for column in columns}
        return Seen(_judge_higher(found.values()), f"{first} over {second}: {_tell(found)}")

    return check


def exceeds(table: str, first: str, second: str, metric: str) -> Check:
    """Check that one row is higher than another that has other questions, on every set, beyond chance."""

    def check(figures: Figures) -> Seen:
        columns = _columns(figures, table, (first, second), metric, (), ())
        found = {column: figures.gap(table, first, second, column) for column in columns}
        return Seen(_judge_higher(found.values()), f"{first} over {second}: {_tell(found)}")

    return check


def beats_somewhere(table: str, first: str, others: Sequence[str], metric: str) -> Check:
    """Check that on some set one row is higher than all the others, beyond chance."""

    def check(figures: Figures) -> Seen:
        found = {}
        for column in _columns(figures, table, (first, *others), metric, (), ()):
            over = (figures.difference(table, first, other, column) for other in others)
            found[column] = min(over, key=lambda one: one.low)
        highest = max(found.values(), key=lambda one: one.low)
        return Seen(_judge_higher([highest]), f"{first} over the better of {', '.join(others)}: {_tell(found)}")

    return check


def alike(table: str, first: str, second: str, metric: str, within: float = ALIKE) -> Check:
    """Check that two rows are about the same on every set."""
    return _lies_between(table, first, second, metric, -within, within)


def no_better(table: str, first: str, second: str, metric: str, within: float = ALIKE) -> Check:
    """Check that one row is not higher than another by more than a little, on any set."""
    return _lies_between(table, first, second, metric, -math.inf, within)


def _lies_between(table: str, first: str, second: str, metric: str, low: float, high: float) -> Check:
    def check(figures: Figures) -> Seen:
        columns = _columns(figures, table, (first, second), metric, (), ())
        found = {column: figures.difference(table, first, second, column) for column in columns}
        verdicts = [_judge_between(one, low, high) for one in found.values()]
        return Seen(_find_worst(verdicts), f"{first} over {second}: {_tell(found)}")

    return check


def every(*checks: Check) -> Check:
    """Check several things at once."""

    def check(figures: Figures) -> Seen:
        found = [one(figures) for one in checks]
        return Seen(_find_worst([one.verdict for one in found]), "; ".join(one.shown for one in found))

    return check


def climbs(table: str, metric: str, leave_out: Sequence[str] = ()) -> Check:
    """Check that every row is higher than the one before it."""

    def check(figures: Figures) -> Seen:
        rows = [row for row in figures.rows(table) if row not in leave_out]
        if len(rows) < 2:
            raise MissingError(f"{table}, two rows")
        return every(*(beats(table, after, row, metric) for row, after in pairwise(rows)))(figures)

    return check


def more(table: str, first: str, second: str) -> Check:
    """Check that one plain number is greater than another."""
    return beats(table, first, second, "value")


def _columns(
    figures: Figures, table: str, rows: Sequence[str], metric: str, only: Sequence[str], but: Sequence[str]
) -> list[str]:
    """Name the columns of a metric that all rows have."""
    first, *others = (figures.columns(table, row) for row in rows)
    found = [
        column
        for column in first
        if column.rpartition("/")[2] == metric
        and all(column in other for other in others)
        and (not only or column.partition("/")[0] in only)
        and column.partition("/")[0] not in but
    ]
    if not found:
        raise MissingError(f"table {table}: {', '.join(rows)}")
    return found


def _judge_higher(found: Collection[Interval]) -> Verdict:
    if any(one.high <= 0 for one in found):
        return "not seen"
    higher = [one.low > 0 for one in found]
    return "seen" if all(higher) else "seen in part" if any(higher) else "undecided"


def _judge_between(one: Interval, low: float, high: float) -> Verdict:
    if low <= one.low and one.high <= high:
        return "seen"
    return "not seen" if one.high < low or one.low > high else "undecided"


def _find_worst(verdicts: Sequence[Verdict]) -> Verdict:
    return min(verdicts, key=_FROM_WORST.index)


def _tell(found: Mapping[str, Interval]) -> str:
    return ", ".join(f"{column} {describe(one)}" for column, one in found.items())


def describe(one: Interval) -> str:
    """Write a difference in points, with its interval, if it has one."""
    if one.low == one.high:
        return f"{one.mean:+.1f}"
    return f"{one.mean:+.1f} [{one.low:+.1f}, {one.high:+.1f}]"
