"""Metadata as a cluster types it: a field gets its kind from the first value that it meets, as the mapping says.

A value that does not fit the kind of its field is refused, as on a cluster; ``mappings/passages.json`` is the model.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import orjson

from ...passages import META
from .dates import guess_date, read_date
from .scalars import LONG, Scalar, json_text, read_finite, read_whole

Kind = Literal["keyword", "long", "double", "date", "slash_date", "boolean", "object"]
#: What a field can be declared as; the other kinds come from values alone.
KINDS: tuple[Kind, ...] = ("keyword", "long", "double", "date", "boolean")
Value = str | int | float

#: Longer strings, in units of UTF-16, are kept but cannot be filtered by (``ignore_above``).
MAX_KEYWORD = 1024
#: ``mapping.total_fields.limit`` less what every index has; objects count as well.
MAX_FIELDS = 480
#: How deep objects may lie inside each other below ``meta``, and lists around a value.
MAX_OBJECTS = 18
MAX_LISTS = 20
_PREFIX = f"{META}."
_LONGEST_SHOWN = 60


def read_values(
    meta: Mapping[str, Any], kinds: Mapping[str, Kind]
) -> tuple[list[tuple[str, Value]], dict[str, Kind]]:
    """Flatten metadata: values with their fields, without ``meta.``, and the kinds of fields that are new.

    Objects are fields too, without values. ValueError says why a passage cannot be stored.
    """
    values: dict[tuple[str, Value], None] = {}
    new: dict[str, Kind] = {}
    for field, value in _flatten("", _as_json(meta), 0):
        known = kinds.get(field)
        kind = known or new.setdefault(field, _guess(value))
        fits = (value is None) == (known == "object") if known else _guess(value) == kind
        if not fits:
            raise ValueError(f"{_PREFIX + field!r} is {_name(kind)} and cannot hold {_name(_guess(value))}")
        if value is None:
            _check_depth(field)
        elif (stored := _convert(field, value, kind)) is not None:
            values[field, stored] = None
    if len(kinds) + len(new) > MAX_FIELDS:
        raise ValueError(f"with {len(new)} new metadata fields there would be more than {MAX_FIELDS}")
    return list(values), new


def declare_kinds(types: Mapping[str, str]) -> dict[str, Kind]:
    """Give the kinds of fields that are not to be guessed, and of the objects around them; ValueError if none fit."""
    kinds: dict[str, Kind] = {}
    for field, kind in types.items():
        if kind not in KINDS:
            raise ValueError(f"the type {kind!r} of {field} is not known in a folder; say one of {', '.join(KINDS)}")
        wanted: dict[str, Kind] = dict.fromkeys(_name_parents(field), "object")
        for name, one in (wanted | {field: kind}).items():
            if kinds.setdefault(name, one) != one:
                raise ValueError(f"{name} cannot be {_name(kinds[name])} and {_name(one)}")
    return kinds


def _as_json(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Give metadata as a cluster would read it from a request."""
    try:
        read: dict[str, Any] = orjson.loads(orjson.dumps(dict(meta)))
    except TypeError as error:
        raise ValueError(f"the metadata cannot be written as JSON: {error}") from error
    return read


def _flatten(prefix: str, found: Mapping[str, Any], lists: int) -> Iterator[tuple[str, Scalar | None]]:
    """Give fields with their values, one at a time; None stands for an object."""
    for key, value in found.items():
        if not all(part.strip() for part in key.split(".")):
            raise ValueError(f"{_PREFIX + prefix + key!r} has a part without a name")
        if value is not None:
            yield from ((prefix + parent, None) for parent in _name_parents(key))
            yield from _flatten_value(prefix + key, value, lists)


def _flatten_value(field: str, value: Any, lists: int) -> Iterator[tuple[str, Scalar | None]]:
    if isinstance(value, dict):
        yield field, None
        yield from _flatten(f"{field}.", value, lists)
    elif isinstance(value, list):
        if lists == MAX_LISTS:
            raise ValueError(f"the metadata has lists more than {MAX_LISTS} deep")
        for one in value:
            yield from _flatten_value(field, one, lists + 1)
    elif value is not None:
        yield field, value


def _name_parents(field: str) -> Iterator[str]:
    """Give ``a`` and ``a.b`` of ``a.b.c``."""
    return (field[:place] for place, letter in enumerate(field) if letter == ".")


def _check_depth(field: str) -> None:
    if field.count(".") >= MAX_OBJECTS:
        raise ValueError(f"the metadata has objects more than {MAX_OBJECTS} deep")


def _guess(value: Scalar | None) -> Kind:
    """Give the kind of field that a first value makes."""
    if value is None:
        return "object"
    if isinstance(value, str):
        return guess_date(value) or "keyword"
    if isinstance(value, bool):
        return "boolean"
    return "long" if isinstance(value, int) else "double"


def _convert(field: str, value: Scalar, kind: Kind) -> Value | None:
    """Give a value as it is stored, or None where the cluster keeps it but does not index it."""
    try:
        return _CONVERT[kind](value)
    except ValueError as error:
        shown = json_text(value)
        shown = shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"
        raise ValueError(f"{_PREFIX + field!r} is {_name(kind)} and cannot hold {shown!r}: {error}") from error


def _to_keyword(value: Scalar) -> str | None:
    text = json_text(value)
    return text if len(text.encode("utf-16-le")) <= 2 * MAX_KEYWORD else None


def _to_long(value: Scalar) -> int | None:
    if value == "":
        return None
    if isinstance(value, float) and abs(value) <= LONG.stop:
        return min(int(value), LONG.stop - 1)
    return read_whole(value)


def _to_double(value: Scalar) -> float | None:
    return None if value == "" else read_finite(value)


def _to_date(value: Scalar) -> int:
    return read_date(json_text(value), "date")


def _to_slash_date(value: Scalar) -> int:
    return read_date(json_text(value), "slash_date")


def _to_boolean(value: Scalar) -> int:
    if isinstance(value, bool) or value in ("true", "false", ""):
        return int(value in (True, "true"))
    raise ValueError("it is neither true nor false")


def _name(kind: Kind) -> str:
    return f"an {kind}" if kind == "object" else f"a {kind.replace('_', ' ')}"


_CONVERT: Mapping[Kind, Callable[[Scalar], Value | None]] = {
    "keyword": _to_keyword,
    "long": _to_long,
    "double": _to_double,
    "date": _to_date,
    "slash_date": _to_slash_date,
    "boolean": _to_boolean,
}
