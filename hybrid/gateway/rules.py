"""Rules that a JSON value is held against: default deny, built from a handful of shapes.

A rule gives every fault that it finds. A fault is *grave* if what it names reads other indexes or runs a script: such
a thing never passes, whatever the policy.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

#: Keys that run code, or read what the address does not name.
_GRAVE = frozenset(
    {
        *(
            "script",
            "script_score",
            "script_fields",
            "scripted_metric",
            "_script",
            "bucket_script",
            "bucket_selector",
        ),
        *("minimum_should_match_script", "derived", "runtime_mappings", "search_pipeline", "template", "collate"),
        *("pit", "wrapper", "percolate", "indexed_shape", "_index", "index", "indices_boost"),
    }
)

#: Characters of a fault's description.
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that the policy does not let pass."""

    where: str
    what: str
    grave: bool = False

    def __str__(self) -> str:
        # Names of keys are the caller's; a log must not be written by callers.
        said = f"{self.what} at {self.where or 'the top'}"
        return "".join(letter if letter.isprintable() else "?" for letter in said)[:_LONGEST]


@dataclass(slots=True)
class Walk:
    """What is counted on the way, and whether a filter has to hold for all that is read."""

    required: bool
    most_clauses: int
    most_aggregations: int
    most_hits: int
    clauses: int = 0
    aggregations: int = 0


class Rule(Protocol):
    """What a value may be."""

    def find(self, value: Any, where: str, walk: Walk) -> Iterator[Fault]:
        """Give what is wrong with a value."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A string, number, truth value or null, or a flat list of them."""

    def find(self, value: Any, where: str, walk: Walk) -> Iterator[Fault]:  # noqa: ARG002
        """Give a fault for anything nested."""
        parts = value if isinstance(value, list) else [value]
        for part in parts:
            if isinstance(part, dict | list):
                yield Fault(where, f"a nested value ({_sketch(part)})", _holds_grave(part))
                return


@dataclass(frozen=True, slots=True)
class Count:
    """A number of hits or buckets."""

    def find(self, value: Any, where: str, walk: Walk) -> Iterator[Fault]:
        """Give a fault for a number above the limit, or for no number."""
        if isinstance(value, bool) or not isinstance(value, int):
            yield Fault(where, "something that is no whole number", _holds_grave(value))
        elif value > walk.most_hits:
            yield Fault(where, f"{value}, more than {walk.most_hits},")


@dataclass(frozen=True, slots=True)
class Empty:
    """A key that pages send with nothing in it."""

    def find(self, value: Any, where: str, walk: Walk) -> Iterator[Fault]:  # noqa: ARG002
        """Give a fault for anything in it."""
        if value not in ({}, [], None):
            yield Fault(where, "anything", True)


@dataclass(frozen=True, slots=True)
class Object:
    """An object of known keys; ``others`` says what may stand under any other key, such as the name of a field."""

    keys: Mapping[str, Rule]
    others: Rule | None = None

    def find(self, value: Any, where: str, walk: Walk) -> Iterator[Fault]:
        """Give faults of keys and values."""
        if not isinstance(value, dict):
            yield Fault(where, "something that is no object", _holds_grave(value))
            return
        for key, inside in value.items():
            rule = self.keys.get(key, self.others)
            if rule is None:
                yield Fault(where, f'"{key}"', key in _GRAVE or _holds_grave(inside))
            else:
                yield from rule.find(inside, f"{where}.{key}" if where else key, walk)


@dataclass(frozen=True, slots=True)
class Many:
    """One value, or a list of them."""

    rule: Rule

    def find(self, value: Any, where: str, walk: Walk) -> Iterator[Fault]:
        """Give the faults of each."""
        if not isinstance(value, list):
            yield from self.rule.find(value, where, walk)
            return
        for place, one in enumerate(value):
            yield from self.rule.find(one, f"{where}[{place}]", walk)


@dataclass(frozen=True, slots=True)
class Either:
    """An object by one rule, anything else by another."""

    structured: Rule
    plain: Rule = field(default_factory=Scalar)

    def find(self, value: Any, where: str, walk: Walk) -> Iterator[Fault]:
        """Give the faults of whichever it is."""
        yield from (self.structured if isinstance(value, dict) else self.plain).find(value, where, walk)


@dataclass(frozen=True, slots=True)
class Escaping:
    """What looks past the query, and so past a required filter: it passes only where there is none."""

    rule: Rule
    #: Whether a value does so; by default every value does.
    does: Callable[[Any], bool] = lambda _value: True

    def find(self, value: Any, where: str, walk: Walk) -> Iterator[Fault]:
        """Give a fault if there is a filter to escape."""
        if walk.required and self.does(value):
            yield Fault(where, "what a required filter does not reach", True)
        yield from self.rule.find(value, where, walk)


@dataclass(frozen=True, slots=True)
class Geometry:
    """Points and shapes: lists, and objects of nothing but what a shape is made of."""

    keys: frozenset[str]

    def find(self, value: Any, where: str, walk: Walk) -> Iterator[Fault]:
        """Give faults of unknown keys."""
        if isinstance(value, dict):
            yield from Object(dict.fromkeys(self.keys, self)).find(value, where, walk)
        elif isinstance(value, list):
            yield from Many(self).find(value, where, walk)


@dataclass(frozen=True, slots=True)
class Union:
    """Exactly one of several kinds, named by its key: a query clause."""

    kinds: Mapping[str, Rule]

    def find(self, value: Any, where: str, walk: Walk) -> Iterator[Fault]:
        """Give faults of the clause, and count it."""
        walk.clauses += 1
        if walk.clauses == walk.most_clauses + 1:
            yield Fault(where, f"more than {walk.most_clauses} clauses")
        if not isinstance(value, dict) or len(value) != 1:
            yield Fault(where, f"what is no query clause ({_sketch(value)})", _holds_grave(value))
            return
        yield from Object(self.kinds).find(value, where, walk)


@dataclass(frozen=True, slots=True)
class Aggregations:
    """Named aggregations, each of one known kind, with more inside."""

    kinds: Mapping[str, Rule]

    def find(self, value: Any, where: str, walk: Walk) -> Iterator[Fault]:
        """Give faults of each, and count them."""
        if not isinstance(value, dict):
            yield Fault(where, "something that is no object", _holds_grave(value))
            return
        keys = {**self.kinds, "aggs": self, "aggregations": self, "meta": Object({}, Scalar())}
        for name, one in value.items():
            walk.aggregations += 1
            if walk.aggregations == walk.most_aggregations + 1:
                yield Fault(where, f"more than {walk.most_aggregations} aggregations")
            yield from Object(keys).find(one, f"{where}.{name}", walk)


def _holds_grave(value: Any) -> bool:
    """Tell whether a grave key stands anywhere inside."""
    if isinstance(value, dict):
        return any(key in _GRAVE or _holds_grave(inside) for key, inside in value.items())
    return isinstance(value, list) and any(map(_holds_grave, value))


def _sketch(value: Any) -> str:
    """Name a value by its keys, never by its content."""
    return "{" + ", ".join(list(value)[:3]) + "}" if isinstance(value, dict) else type(value).__name__
