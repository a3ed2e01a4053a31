"""Which search bodies pass: a body in, nothing or a refusal out. Default deny, with limits on what costs."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import GatewayError
from .dsl_bodies import BODY
from .rules import Fault, Walk

log = logging.getLogger(__name__)

#: Faults named in one refusal or line of the log.
_MOST_NAMED = 5
#: Options that name the fields or objects to read. What only chooses what a hit shows (``_source``, ``fields``,
#: ``docvalue_fields``, ``stored_fields``) is not among them: vectors are taken out of hits again.
_NAMING = frozenset(
    {"field", "path", "default_field", "source_fields", "matched_fields", "minimum_should_match_field", "sort"}
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may cost."""

    #: Bytes of a request, after decompression.
    body_bytes: int = 2 * 1024 * 1024
    #: Seconds to send a whole request in.
    receive_seconds: float = 10.0
    #: Levels of nesting.
    depth: int = 50
    #: Query clauses in one search, and aggregations.
    clauses: int = 1024
    aggregations: int = 200
    #: Hits of a page, and buckets of a facet.
    hits: int = 10_000
    #: Searches in one ``_msearch``.
    items: int = 100


@dataclass(frozen=True, slots=True)
class Policy:
    """What passes to an index."""

    limits: Limits = field(default_factory=Limits)
    #: Whether faults are only logged; scripts, other indexes and ways past a required filter are refused anyway.
    report: bool = False

    def check(self, body: Mapping[str, Any], *, required: bool) -> None:
        """Refuse a body that must not pass; ``required`` says that a filter has to hold for all that it reads."""
        if nests_deeper(body, self.limits.depth):
            raise GatewayError(f"The search is nested more than {self.limits.depth} levels deep.")
        limits = self.limits
        walk = Walk(required, limits.clauses, limits.aggregations, limits.hits)
        faults = list(_first(BODY.find(body, "", walk)))
        # What the rules do not know might get past a filter, so with one there is nothing to be lenient about.
        refused = [fault for fault in faults if fault.grave or required or not self.report]
        if refused:
            raise GatewayError(f"The gateway does not let this pass: {_name(refused)}.")
        if faults:
            log.warning("the policy would refuse %s", _name(faults))


def check_vectors(body: Mapping[str, Any], fields: Sequence[str]) -> None:
    """Refuse a body that reads ``fields``, or what lies in them: a highlight or a facet may show what they hold."""
    for name, where in _list_named(body, "", ""):
        if any(name == field or name.startswith(f"{field}.") for field in fields):
            raise GatewayError(f"The gateway does not let this pass: {Fault(where, 'a field of vectors')}.")


def _list_named(value: Any, key: str, where: str) -> Iterator[tuple[str, str]]:
    """Give every key, since it may be a field's name, and every field that an option names; with the place."""
    if isinstance(value, dict):
        for name, inside in value.items():
            place = f"{where}.{name}" if where else name
            yield name, place
            if not _only_counts(name, inside):
                yield from _list_named(inside, name, place)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _list_named(one, key, f"{where}[{number}]")
    elif key in _NAMING and isinstance(value, str):
        yield value, where


def _only_counts(name: str, value: Any) -> bool:
    """Tell an ``exists`` clause, which says no more than that there is a vector, from what just has its name."""
    return name == "exists" and not any(isinstance(one, dict | list) for one in _children(value))


def nests_deeper(value: Any, most: int) -> bool:
    """Tell whether a JSON value has more than ``most`` levels; without recursion, since it may have thousands."""
    level = [value]
    for _ in range(most):
        level = [inside for one in level for inside in _children(one)]
        if not level:
            return False
    return any(isinstance(one, dict | list) for one in level)


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        return iter(value.values())
    return iter(value if isinstance(value, list) else ())


def _first(faults: Iterator[Fault]) -> Iterator[Fault]:
    """Give the faults to be named, and all grave ones."""
    for number, fault in enumerate(faults):
        if number < _MOST_NAMED or fault.grave:
            yield fault


def _name(faults: list[Fault]) -> str:
    return "; ".join(map(str, faults[:_MOST_NAMED]))
