"""Single JSON values as the cluster's Java reads and writes them."""

import math
import re
from decimal import Decimal

import orjson

Scalar = str | int | float | bool

LONG = range(-(2**63), 2**63)
INTEGER = range(-(2**31), 2**31)
#: Stands for −0, which Lucene sorts before 0; nothing else is ever as small.
MINUS_ZERO = -5e-324

_DECIMAL = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,9})?"
_EXACT = re.compile(_DECIMAL)
_DOUBLE = re.compile(rf"[\x00- ]*(?P<number>{_DECIMAL}|[+-]?(?:NaN|Infinity))(?:(?<=[0-9.])[fFdD])?[\x00- ]*")
#: Java writes numbers from 10⁻³ to 10⁷ without an exponent.
_PLAIN = (1e-3, 1e7)


def json_text(value: Scalar) -> str:
    """Write a value as it stands in a JSON body, a string without its quotes."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def java_text(value: Scalar) -> str:
    """Write a value that Java has read from JSON: 1e16 is ``1.0E16``."""
    if not isinstance(value, float) or value == 0 or _PLAIN[0] <= abs(value) < _PLAIN[1]:
        return json_text(value)
    digits = len(Decimal(repr(value)).normalize().as_tuple().digits)
    # Java writes as few digits as tell the number from all others, but two at least: 5e-324 is 4.9E-324.
    mantissa, exponent = f"{value:.{max(digits - 1, 1)}e}".split("e")
    return f"{mantissa}E{int(exponent)}"


def read_double(value: Scalar) -> float:
    """Read a number or a string as Java's ``Double`` does, infinity and NaN too; ValueError for anything else."""
    if not isinstance(value, str):
        _refuse_bool(value)
        return float(value)
    found = _DOUBLE.fullmatch(value)
    if found is None:
        raise ValueError("it is not a number")
    return float(found["number"])


def read_whole(value: Scalar, numbers: range = LONG) -> int:
    """Read a number or a string and cut off its fraction; ValueError for anything else, and beyond ``numbers``."""
    _refuse_bool(value)
    text = java_text(value)
    if _EXACT.fullmatch(text) is None:
        raise ValueError("it is not a number")
    # What is far too large is known before it is written out.
    whole = int(Decimal(text)) if abs(float(text)) <= 2**64 else numbers.stop
    if whole not in numbers:
        raise ValueError(f"it is not between {numbers.start} and {numbers.stop - 1}")
    return whole


def read_finite(value: Scalar) -> float:
    """Read a number as it is stored and compared: finite, with −0 below 0."""
    number = read_double(value)
    if not math.isfinite(number):
        raise ValueError("it is not a finite number")
    return order_zero(number)


def order_zero(number: float) -> float:
    """Let −0 be less than 0."""
    return MINUS_ZERO if number == 0 and math.copysign(1, number) < 0 else number


def _refuse_bool(value: Scalar) -> None:
    if isinstance(value, bool):
        raise ValueError("it is a truth value, not a number")
