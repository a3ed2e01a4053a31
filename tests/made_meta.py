"""Made-up metadata and filters: seeded, and full of values that change or break the type of a field."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

_STRINGS = (
    "", " ", "a", "b", "ab", "Ab", "a b", "é", "日本", "😀", "a\0b", "x" * 1024, "x" * 1025, "😀" * 512, "😀" * 513,
    "true", "True", "null", "\uffff", "\U0010ffff", "a\U0010ffff", "'; DROP TABLE meta; --", "%", "_",
)  # fmt: skip
_NUMBERS = (
    0, 1, -1, 5, 7, 2020, 20201, -5, 10**6, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 2**64 - 1,
    0.0, -0.0, 0.5, -0.5, 5.0, 5.7, -5.7, 1e-7, 1e16, 1e18, 1e19, 9.3e18, 1.5e300, 5e-324, 0.1, 1234567.5, 12345678.5,
)  # fmt: skip
_NUMERALS = (
    "5",
    "5.7",
    "-5.7",
    "+5",
    "5.",
    ".5",
    "1e3",
    " 5",
    "5 ",
    "5d",
    "1e19",
    "1e400",
    "NaN",
    "Infinity",
    "-0",
    "0",
)
_DATES = (
    "2020", "2020-05", "2020-05-06", "2020-05-06T10", "2020-05-06T10:20", "2020-05-06T10:20:30",
    "2020-05-06T10:20:30Z", "2020-05-06T10:20:30.123+02:00", "2020-05-06T23:59:59.999-0100",
    "2020-05-06T10:20:30,5", "1969-12-31T23:59:59.9995", "2020-02-30", "2020-13", "2020T10", "0000-01-01",
    "-0044-03-15", "+12345-06-07", "1577836800000", "-1.5", "-86400000", "2020/05/06", "2020/05/06 10:20:30",
    "2020/02/30", "2020/02/31", "0000/01/01", "+12345/01/01", "2020-05-06 10:20",
)  # fmt: skip
_SCALARS: Sequence[Sequence[Any]] = (_STRINGS, _NUMBERS, _NUMERALS, _DATES, (True, False), (None,))
#: Top-level names: what a field mostly holds is the same each time, so that most passages are taken.
_FIELDS: Mapping[str, Sequence[Any]] = {
    "word": ("a", "b", "ab", "Ab", "é", "日本", "😀", "", *_STRINGS),
    "whole": (0, 1, -1, 5, 7, 2020, 2**53 + 1, 2**63 - 1, -(2**63)),
    "part": (0.0, -0.0, 0.5, -0.5, 5.0, 5.7, 1e-7, 1e16, 1.5e300, 5e-324),
    "flag": (True, False),
    "day": _DATES[1:11],
    "slashed": ("2020/05/06", "2020/05/06 10:20:30", "2020/05/07", "+12345/01/01", "0001/01/01"),
}


def make_meta(rng: random.Random) -> dict[str, Any]:
    """Make the metadata of one passage: mostly well-behaved, sometimes not."""
    return {_make_name(rng): _make_value(rng) for _ in range(rng.randrange(3))} | {
        name: _make_usual(rng, values) for name, values in _FIELDS.items() if rng.random() < 0.5
    }


def make_leaf(rng: random.Random, kinds: Mapping[str, str]) -> dict[str, Any]:
    """Make a clause on some field, often with a value that suits it."""
    field = f"meta.{rng.choice([*_FIELDS, *kinds, 'nowhere'])}"
    own = _FIELDS.get(field.removeprefix("meta."))

    def values() -> Sequence[Any]:
        return own if own and rng.random() < 0.7 else rng.choice(_SCALARS[:-1])

    def value() -> Any:
        return rng.choice(values())

    clause = rng.choice(("term", "terms", "range", "range", "exists", "prefix"))
    if clause == "exists":
        return {clause: {"field": rng.choice((field, field.rpartition(".")[0]))}}
    if clause == "terms":
        return {clause: {field: rng.choices(values(), k=rng.randrange(4))}}
    if clause == "range":
        names = rng.sample(("gt", "gte", "lt", "lte"), rng.randint(1, 2))
        # NaN as a limit is refused by a local index alone.
        limits = {name: None if (limit := value()) == "NaN" else limit for name in names}
        return {clause: {field: limits}}
    if clause == "prefix":
        return {clause: {field: str(value())[: rng.randrange(3)]}}
    return {clause: {field: rng.choice((value(), {"value": value()}))}}


def make_bool(rng: random.Random, leaves: Sequence[dict[str, Any]], depth: int) -> dict[str, Any]:
    """Make a combination of clauses that are valid on their own."""

    def part() -> dict[str, Any]:
        return make_bool(rng, leaves, depth - 1) if depth > 1 and rng.random() < 0.3 else rng.choice(leaves)

    body: dict[str, Any] = {}
    for name in rng.sample(("must", "filter", "must_not", "should"), rng.randint(1, 3)):
        parts = [part() for _ in range(rng.randint(0, 3))]
        body[name] = parts[0] if len(parts) == 1 and rng.random() < 0.5 else parts
    if rng.random() < 0.3:
        body["minimum_should_match"] = rng.choice((-1, 0, 1, 2, "1", None))
    return {"bool": body}


def _make_usual(rng: random.Random, values: Sequence[Any]) -> Any:
    if rng.random() < 0.25:
        return [rng.choice(values) for _ in range(rng.randrange(4))]
    return rng.choice(values) if rng.random() < 0.9 else rng.choice(rng.choice(_SCALARS))


def _make_name(rng: random.Random) -> str:
    name = ".".join(rng.choice("abc") for _ in range(rng.choice((1, 1, 1, 2, 3))))
    return rng.choice((name,) * 20 + ("", ".a", "a..b", "a b", "é", "a-b", "a,b"))


def _make_value(rng: random.Random, depth: int = 3) -> Any:
    kind = rng.random()
    if depth and kind < 0.2:
        return {_make_name(rng): _make_value(rng, depth - 1) for _ in range(rng.randrange(3))}
    if depth and kind < 0.35:
        return [_make_value(rng, depth - 1) for _ in range(rng.randrange(3))]
    return rng.choice(rng.choice(_SCALARS))
