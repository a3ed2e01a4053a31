"""What a clause asks of one field, as intervals of stored values: a value passes if it lies in one of them."""

import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from .dates import DATE_KINDS, read_date
from .fields import Kind, Value
from .scalars import INTEGER, Scalar, java_text, order_zero, read_double, read_finite, read_whole

#: ``integer`` is the kind of a passage's own numbers.
ColumnKind = Kind | Literal["integer"]
Bound = tuple[str, Value]
#: All of its bounds hold.
Interval = tuple[Bound, ...]
ANYTHING: Interval = ()

_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
#: The names that ``range`` has for them.
LIMITS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
#: Values that one statement asks for at most; SQLite takes about three times as many.
_MAX_PARAMETERS = 10_000
_LAST_LETTER = "\U0010ffff"
_SURROGATES = range(0xD800, 0xE000)


def equal(value: Scalar, kind: ColumnKind) -> list[Interval]:
    """Give where ``term`` finds a value; ValueError where the cluster refuses to compare."""
    if kind in DATE_KINDS:
        return [(_end(">=", value, kind), _end("<=", value, kind))]
    if kind in ("long", "integer") and not read_double(value).is_integer():
        # The cluster looks no further at fractions, infinity and NaN: no whole number equals them.
        return []
    return [(("=", _read(value, kind)),)]


def between(limits: Mapping[str, Scalar | None], kind: ColumnKind) -> list[Interval]:
    """Give where ``range`` finds values; of two limits on one side the last counts, and None is none."""
    ends = {name[0]: (LIMITS[name], limit) for name, limit in limits.items()}
    return [tuple(_end(sign, limit, kind) for sign, limit in ends.values() if limit is not None)]


def starting(prefix: str) -> list[Interval]:
    """Give where ``prefix`` finds strings."""
    kept = prefix.rstrip(_LAST_LETTER)
    if not kept:
        return [((">=", prefix),)]
    following = ord(kept[-1]) + 1
    after = _SURROGATES.stop if following in _SURROGATES else following
    return [((">=", prefix), ("<", kept[:-1] + chr(after)))]


def passes(value: Value, intervals: Sequence[Interval]) -> bool:
    """Tell whether a value lies in one of the intervals."""
    return any(all(_OPERATORS[sign](value, limit) for sign, limit in interval) for interval in intervals)


def to_sql(column: str, intervals: Sequence[Interval]) -> Iterator[tuple[str, list[Value]]]:
    """Write conditions on a column with their parameters; a row is wanted if it meets one of them."""
    points = [interval[0][1] for interval in intervals if [sign for sign, _ in interval] == ["="]]
    for start in range(0, len(points), _MAX_PARAMETERS):
        some = points[start : start + _MAX_PARAMETERS]
        yield f"{column} IN ({','.join('?' * len(some))})", some
    for interval in intervals:
        if [sign for sign, _ in interval] != ["="]:
            yield (
                " AND ".join(f"{column} {sign} ?" for sign, _ in interval) or "TRUE",
                [limit for _, limit in interval],
            )


def _read(value: Scalar, kind: ColumnKind) -> Value:
    """Read a value of a filter as it is stored in fields of a kind."""
    if kind == "keyword":
        return java_text(value)
    if kind == "boolean":
        text = java_text(value)
        if text not in ("true", "false"):
            raise ValueError("it is neither true nor false")
        return int(text == "true")
    if kind == "double":
        return read_finite(value)
    if kind == "long":
        return read_whole(value)
    number = read_double(value)
    if not INTEGER.start <= number <= INTEGER.stop - 1:
        raise ValueError(f"it is not between {INTEGER.start} and {INTEGER.stop - 1}")
    return int(number)


def _end(sign: str, limit: Scalar, kind: ColumnKind) -> Bound:
    """Read one end of a range."""
    if kind in DATE_KINDS:
        # A date that leaves something out is a whole span: below it, and from it on, its first moment counts.
        return sign, read_date(_no_math(java_text(limit)), kind, round_up=sign in (">", "<="))
    if kind == "double":
        number = read_double(limit)
        if math.isnan(number):
            raise ValueError("it is not a number")
        return sign, order_zero(number)
    end = _read(limit, kind)
    if kind in ("long", "integer") and not read_double(limit).is_integer():
        # The fraction is cut off towards 0, so what remains lies within the range on one side of 0 only.
        sign = sign.rstrip("=") + "="
        outside = (sign == ">=") == (read_double(limit) > 0)
        return sign, int(end) + (1 if sign == ">=" else -1) * outside
    return sign, end


def _no_math(text: str) -> str:
    if text.startswith("now") or "||" in text:
        raise ValueError("a local index does not calculate with dates; write the date that is meant")
    return text
