"""URL parameters that say what a body says, too: they go into it, so that all that follows reads one body.

They mean what they mean to OpenSearch's ``_search``: ``sort`` and ``docvalue_fields`` are added to the body's own,
all others count in its stead.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import GatewayError
from .clauses import listed
from .rewrite import Body

_TRUTH = {"true": True, "false": False}
_WHOLE = re.compile(r"[+-]?[0-9]{1,10}")


def put_into_body(body: Mapping[str, Any], parameters: Mapping[str, str]) -> Body:
    """Give the body that asks by itself for what ``body`` asks for beside ``parameters``, each one of ``MOVED``."""
    put = dict(body)
    for name in parameters.keys() & _READERS.keys():
        put[name] = _READERS[name](name, parameters[name], body.get(name))
    if not _SOURCE.isdisjoint(parameters):
        put["_source"] = _read_source(parameters)
    return put


def _read_number(name: str, value: str, _own: Any = None) -> int:
    if _WHOLE.fullmatch(value) is None:
        raise GatewayError(f"The parameter [{name}] is no whole number.")
    return int(value)


def _read_end(name: str, value: str, own: Any) -> Any:
    """Read ``terminate_after``; a 0 leaves it to the body, whose negative numbers OpenSearch would take."""
    number = _read_number(name, value)
    if number < 0:
        raise GatewayError(f"The parameter [{name}] is negative.")
    return number or own or 0


def _read_truth(name: str, value: str, _own: Any) -> bool:
    if value not in _TRUTH:
        raise GatewayError(f"The parameter [{name}] is neither true nor false.")
    return _TRUTH[value]


def _read_total(name: str, value: str, _own: Any) -> bool | int:
    """Read ``track_total_hits``."""
    return _TRUTH[value] if value in _TRUTH else _read_number(name, value)


def _read_text(_name: str, value: str, _own: Any) -> str:
    return value


def _read_list(_name: str, value: str, _own: Any = None) -> list[str]:
    """Read what stands between commas."""
    return [part for part in value.split(",") if part]


def _read_more(name: str, value: str, own: Any) -> list[Any]:
    """Read a list that is added to the body's."""
    return [*listed(own), *_read_list(name, value)]


def _read_sort(name: str, value: str, own: Any) -> list[Any]:
    """Read ``FIELD:desc,_score``; OpenSearch does not sort by what has another direction."""
    keys: list[Any] = []
    for part in _read_list(name, value):
        field, colon, direction = part.rpartition(":")
        if not colon:
            keys.append(part)
        elif direction in ("asc", "desc"):
            keys.append({field: direction})
    return [*listed(own), *keys]


def _read_source(parameters: Mapping[str, str]) -> Any:
    """Read ``_source``, which may be a list of names itself, and what is to be in it or not."""
    said = parameters.get("_source", "true")
    if said == "false":
        return False
    includes = parameters.get("_source_includes", said if said != "true" else None)
    excludes = parameters.get("_source_excludes")
    given = {"includes": includes, "excludes": excludes}
    return {name: _read_list(name, value) for name, value in given.items() if value is not None} or True


_SOURCE = frozenset({"_source", "_source_excludes", "_source_includes"})
_READERS: Mapping[str, Callable[[str, str, Any], Any]] = {
    "docvalue_fields": _read_more,
    "explain": _read_truth,
    "from": _read_number,
    "seq_no_primary_term": _read_truth,
    "size": _read_number,
    "sort": _read_sort,
    "stored_fields": _read_list,
    "terminate_after": _read_end,
    "timeout": _read_text,
    "track_scores": _read_truth,
    "track_total_hits": _read_total,
    "version": _read_truth,
}
#: Parameters that have a counterpart in the body.
MOVED = _SOURCE | _READERS.keys()
