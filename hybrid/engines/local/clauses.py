"""The bodies of a filter's clauses: read as OpenSearch reads them, or refused with what to write instead."""

import re
from typing import Any

import orjson

from ...errors import FilterError
from .scalars import Scalar

#: Options that change a score or a name, and so nothing here.
IDLE = frozenset({"boost", "_name"})
_WHOLE = re.compile(r"[+-]?[0-9]{1,9}")
_LONGEST_SHOWN = 80
EXAMPLES = {
    "term": '{"term": {"meta.lang": "en"}}',
    "terms": '{"terms": {"meta.lang": ["en", "de"]}}',
    "range": '{"range": {"meta.year": {"gte": 2000, "lt": 2010}}}',
    "exists": '{"exists": {"field": "meta.lang"}}',
    "prefix": '{"prefix": {"meta.lang": "e"}}',
    "ids": '{"ids": {"values": ["a", "b"]}}',
    "bool": '{"bool": {"must": [{"match_all": {}}], "must_not": [{"term": {"meta.lang": "en"}}]}}',
    "match_all": '{"match_all": {}}',
    "match_none": '{"match_none": {}}',
}

Body = dict[str, Any]


def one_field(clause: str, body: Body) -> tuple[str, Any]:
    """Give the only entry of a clause's body: a field, and what is asked of it."""
    if len(body) != 1 or "" in body:
        raise malformed(clause, body)
    return next(iter(body.items()))


def list_clauses(body: Body, *names: str) -> list[Any]:
    """Give a bool's clauses of some names: each a list, one clause, or nothing."""
    found: list[Any] = []
    for name in names:
        given = body.get(name)
        if not isinstance(given, list | dict | None):
            raise malformed("bool", body)
        found += [given] if isinstance(given, dict) else given or []
    return found


def read_scalar(clause: str, value: Any) -> Scalar:
    """Let a string, a number or a truth value through."""
    if not isinstance(value, str | int | float):
        raise malformed(clause, value)
    return value


def read_least(given: Any, clauses: int) -> int:
    """Give how many should clauses must match; a negative number says how many need not."""
    if given is None:
        return 0
    if isinstance(given, bool) or not _WHOLE.fullmatch(text := str(given).strip()):
        raise FilterError(f"A local index does not know minimum_should_match {given!r}; write a whole number.")
    least = int(text)
    return max(least + clauses if least < 0 else least, 0)


def check_options(clause: str, options: Body, known: set[str]) -> None:
    """Refuse options that would mean something, and those that OpenSearch would refuse."""
    for name, value in options.items():
        if name not in known | IDLE or (name == "case_insensitive" and value is not False):
            allowed = ", ".join(sorted(known | IDLE))
            raise FilterError(f"A local index does not know {name!r}: {show(value)} in {clause}; it knows {allowed}.")
    boost = options.get("boost", 1)
    if isinstance(boost, bool) or not isinstance(boost, int | float) or boost < 0:
        raise FilterError(f"The boost of the filter's {clause} is {show(boost)}; it must be 0 or more.")


def malformed(clause: str, given: Any) -> FilterError:
    """Say that a clause cannot be read, and how it is written."""
    return FilterError(f"The filter's {clause} cannot be read: {show(given)}; write it like {EXAMPLES[clause]}.")


def show(given: Any) -> str:
    """Write what was given, cut to what fits on a line."""
    text = "".join(one if one.isprintable() else " " for one in orjson.dumps(given).decode())
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
