"""Short conditions for the command line: ``year>=2000`` in, an OpenSearch query clause out."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .errors import FilterError
from .passages import DOCUMENT_ID, ID, META, NUMBER, PENDING

_CONDITION = re.compile(r"\s*(?P<field>[\w.@-]+)\s*(?P<sign>!=|>=|<=|=|>|<)\s*(?P<value>.*\S)\s*", re.DOTALL)
_RANGES = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt"}
#: Fields that are addressed by their own name; every other name means metadata.
_OWN_FIELDS = frozenset({ID, DOCUMENT_ID, NUMBER, PENDING})

#: Clauses whose body names a field, and what else may stand in such a body.
_OF_FIELDS = frozenset(
    {"term", "terms", "range", "exists", "prefix", "wildcard", "regexp", "fuzzy", "match", "match_phrase"}
)
_BESIDE = frozenset({"boost", "_name"})


def parse_condition(text: str) -> dict[str, Any]:
    """Read ``FIELD SIGN VALUE``; a bare field name means ``meta.NAME``."""
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise FilterError(f"{text!r} is no condition; say FIELD=VALUE, with =, !=, >=, <=, > or < between them.")
    sign = found["sign"]
    if found["value"][0] in "=<>":
        raise FilterError(
            f"{text!r} has {sign}{found['value'][0]} in it; the signs are =, !=, >=, <=, > and <, "
            "and a value that begins with one goes in double quotes."
        )
    field, value = _name_field(found["field"]), _read_value(found["value"])
    if sign in _RANGES:
        return {"range": {field: {_RANGES[sign]: value}}}
    equal = {"term": {field: value}}
    return equal if sign == "=" else {"bool": {"must_not": [equal]}}


def name_fields(clause: Any) -> Iterator[str]:
    """Name the fields that a clause of a filter, or a list of them, asks for, wherever they stand in it."""
    if isinstance(clause, list):
        for one in clause:
            yield from name_fields(one)
    elif isinstance(clause, Mapping):
        for kind, body in clause.items():
            if kind in _OF_FIELDS and isinstance(body, Mapping):
                yield from (
                    [body.get("field", "")] if kind == "exists" else [one for one in body if one not in _BESIDE]
                )
            else:
                yield from name_fields(body)


def _name_field(name: str) -> str:
    return name if name in _OWN_FIELDS or name.startswith(f"{META}.") else f"{META}.{name}"


def _read_value(text: str) -> str | int | float | bool:
    """Read a number, a truth value or a quoted string as JSON does; anything else is the text itself."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return text
    return value if isinstance(value, str | int | float | bool) else text
