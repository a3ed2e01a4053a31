"""Checks of figures, out of which claims are made: whether one row is higher than another, or about the same.

Higher means beyond chance where figures come with intervals. A check speaks of every set that its rows were measured
on, and raises ``MissingError`` where there is none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.paper.figures import Figures, MissingError
from hybrid.evaluation.bootstrap import Interval

#: Points within which two ways count as alike, where the paper says that it does not matter much.
ALIKE = 2.5


@dataclass(frozen=True, slots=True)
class Seen:
    """Whether figures bear a claim out, and which they are."""

    yes: bool
    shown: str
    #: Whether it is so beyond chance for some of the sets, and for none of them the other way round.
    partly: bool = False


Check = Callable[[Figures], Seen]


def beats(
    table: str, first: str, second: str, metric: str, *, only: Sequence[str] = (), but: Sequence[str] = ()
) -> Check:
    """Check that one row is higher than another on every set, beyond chance."""

    def check(figures: Figures) -> Seen:
        found = [
            (column, figures.difference(table, first, second, column))
            for column in _columns(figures, table, (first, second), metric, only, but)
        ]
        partly = any(one.low > 0 for _, one in found) and all(one.high > 0 for _, one in found)
        return Seen(all(one.low > 0 for _, one in found), f"{first} over {second}: {_tell(found)}", partly)

    return check


def beats_somewhere(table: str, first: str, others: Sequence[str], metric: str) -> Check:
    """Check that on some set one row is higher than all the others, beyond chance."""

    def check(figures: Figures) -> Seen:
        shown, yes = [], False
        for column in _columns(figures, table, (first, *others), metric, (), ()):
            found = min(
                (figures.difference(table, first, other, column) for other in others), key=lambda one: one.mean
            )
            shown.append((column, found))
            yes = yes or found.low > 0
        return Seen(yes, f"{first} over the better of {', '.join(others)}: {_tell(shown)}")

    return check


def alike(table: str, first: str, second: str, metric: str, within: float = ALIKE) -> Check:
    """Check that two rows are about the same on every set."""

    def check(figures: Figures) -> Seen:
        found = [
            (column, figures.difference(table, first, second, column))
            for column in _columns(figures, table, (first, second), metric, (), ())
        ]
        return Seen(all(abs(one.mean) <= within for _, one in found), f"{first} over {second}: {_tell(found)}")

    return check


def no_better(table: str, first: str, second: str, metric: str) -> Check:
    """Check that one row is not higher than another beyond chance."""

    def check(figures: Figures) -> Seen:
        found = beats(table, first, second, metric)(figures)
        return Seen(not found.yes, found.shown)

    return check


def every(*checks: Check) -> Check:
    """Check several things at once."""

    def check(figures: Figures) -> Seen:
        found = [one(figures) for one in checks]
        partly = all(one.yes or one.partly for one in found)
        return Seen(all(one.yes for one in found), "; ".join(one.shown for one in found), partly)

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


def _tell(found: Sequence[tuple[str, Interval]]) -> str:
    return ", ".join(f"{column} {describe(one)}" for column, one in found)


def describe(one: Interval) -> str:
    """Write a difference in points, with its interval, if it has one."""
    if one.low == one.high:
        return f"{one.mean:+.1f}"
    return f"{one.mean:+.1f} [{one.low:+.1f}, {one.high:+.1f}]"
