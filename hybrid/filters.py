"""Short conditions for the command line: ``year>=2000`` in, an OpenSearch query clause out."""

import json
import re
from typing import Any

from .errors import FilterError
from .passages import DOCUMENT_ID, ID, META, NUMBER, PENDING

_CONDITION = re.compile(r"\s*(?P<field>[\w.@-]+)\s*(?P<sign>!=|>=|<=|=|>|<)\s*(?P<value>.*\S)\s*", re.DOTALL)
_RANGES = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt"}
#: Fields that are addressed by their own name; every other name means metadata.
_OWN_FIELDS = frozenset({ID, DOCUMENT_ID, NUMBER, PENDING})


def parse_condition(text: str) -> dict[str, Any]:
    """Read ``FIELD SIGN VALUE``; a bare field name means ``meta.NAME``."""
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise FilterError(f"{text!r} is no condition; say FIELD=VALUE, with =, !=, >=, <=, > or < between them.")
    field, value = _name_field(found["field"]), _read_value(found["value"])
    sign = found["sign"]
    if sign in _RANGES:
        return {"range": {field: {_RANGES[sign]: value}}}
    equal = {"term": {field: value}}
    return equal if sign == "=" else {"bool": {"must_not": [equal]}}


def read_meta_field(text: str) -> str | None:
    """Give the metadata field that a condition names, without ``meta.``; None for a field of our own."""
    found = _CONDITION.fullmatch(text)
    field = _name_field(found["field"]) if found else ""
    return field.removeprefix(f"{META}.") if field.startswith(f"{META}.") else None


def _name_field(name: str) -> str:
    return name if name in _OWN_FIELDS or name.startswith(f"{META}.") else f"{META}.{name}"


def _read_value(text: str) -> str | int | float | bool:
    """Read a number, a truth value or a quoted string as JSON does; anything else is the text itself."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return text
    return value if isinstance(value, str | int | float | bool) else text
