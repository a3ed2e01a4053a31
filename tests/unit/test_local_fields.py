"""Metadata typed as the cluster types it; what a real node does with the same is in the parity tests."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.engines.local.fields import (
    KINDS,
    MAX_FIELDS,
    MAX_LISTS,
    MAX_OBJECTS,
    Kind,
    declare_kinds,
    read_values,
)
from hybrid.engines.local.scalars import java_text, order_zero, read_double, read_whole
from tests.messages import assert_one_clear_line
from tests.meta_facts import REFUSED, STORED


def pairs(table: dict[Kind, list[Any]]) -> list[Any]:
    return [
        pytest.param(kind, case, id=f"{kind}-{str(case)[:40]}") for kind, cases in table.items() for case in cases
    ]


@pytest.mark.parametrize(("kind", "case"), pairs(STORED))
def test_value_is_stored_in_the_form_of_its_field(kind: Kind, case: tuple[Any, Any]) -> None:
    given_value, stored = case
    values, new = read_values({"f": given_value}, {"f": kind})
    assert values == ([] if stored is None else [("f", stored)])
    assert [type(value) for _, value in values] == ([] if stored is None else [type(stored)])
    assert new == {}


@pytest.mark.parametrize(("kind", "case"), pairs(REFUSED))
def test_value_that_does_not_fit_is_refused_with_its_field(kind: Kind, case: Any) -> None:
    with pytest.raises(ValueError, match=r"'meta\.f' is an? \w+.* and cannot hold") as raised:
        read_values({"f": case}, {"f": kind})
    assert_one_clear_line(raised.value)


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (5, "long"), (-(2**63), "long"), (5.0, "double"), (1e16, "double"), (True, "boolean"), ("a", "keyword"),
        ("", "keyword"), ("5", "keyword"), ("true", "keyword"), ("2020", "keyword"), ("2020-05-06", "date"),
        ("2020/05/06", "slash_date"), ({}, "object"), ([{}], "object"), ([[5]], "long"), ([None, 5], "long"),
        (dt.date(2020, 5, 6), "date"), (dt.datetime(2020, 5, 6, tzinfo=dt.UTC), "date"), ((5,), "long"),
    ],
    ids=str,
)  # fmt: skip
def test_first_value_makes_the_kind_of_a_field(first: Any, kind: Kind) -> None:
    assert read_values({"f": first}, {})[1] == {"f": kind}


@pytest.mark.parametrize("nothing", [None, [], [None], [[]], float("nan"), float("inf")])
def test_nothing_makes_no_field(nothing: Any) -> None:
    assert read_values({"f": nothing}, {}) == ([], {})


def test_objects_and_dotted_names_are_the_same_fields() -> None:
    expected = {"a": "object", "a.b": "object", "a.b.c": "long"}
    for meta in ({"a": {"b": {"c": 5}}}, {"a.b.c": 5}, {"a": {"b.c": 5}}, {"a": [{"b.c": [5, 5]}]}):
        assert read_values(meta, {}) == ([("a.b.c", 5)], expected)


def test_values_of_a_list_are_values_of_the_field_once_each() -> None:
    values, _ = read_values({"f": [3, 1, [3, 2], None], "o": [{"f": "a"}, {"f": ["b", "a"]}]}, {})
    assert values == [("f", 3), ("f", 1), ("f", 2), ("o.f", "a"), ("o.f", "b")]


@pytest.mark.parametrize(
    "meta",
    [
        {"f": [1, "x"]}, {"f": [1, 2.5]}, {"f": [True, 1]}, {"f": ["2020-05-06", "x"]},
        {"f": ["2020-05-06", "2020/05/06"]},
        {"f": ["5", 5]}, {"f": ["", 5]}, {"f": [1, {"g": 2}]}, {"f": [{"g": 2}, 1]}, {"f": [{"g": 2}, {"g": "x"}]},
        {"f.g": 1, "f": 5}, {"f": 5, "f.g": 1}, {"f": {"g": 1}, "f.g": "x"},
    ],
    ids=str,
)  # fmt: skip
def test_passage_cannot_make_a_field_of_two_kinds(meta: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        read_values(meta, {})


@pytest.mark.parametrize("meta", [{"f": {}}, {"f.g": 1}, {"f.g": []}, {"f": {"g": None}}])
def test_what_was_a_value_cannot_be_an_object(meta: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is a long and cannot hold an object"):
        read_values(meta, {"f": "long"})
    assert read_values({"f.g": None, "f": [None, []]}, {"f": "long"}) == ([], {})


def test_refused_passage_leaves_the_kinds_as_they_were() -> None:
    kinds: dict[str, Kind] = {"f": "long"}
    with pytest.raises(ValueError, match="cannot hold"):
        read_values({"new": 5, "f": "x"}, kinds)
    assert kinds == {"f": "long"}
    read_values({"new": 5}, kinds)
    assert kinds == {"f": "long"}


@pytest.mark.parametrize("name", ["", " ", ".", "..", ".f", "f.", "f..g", "f. ", "\u00a0", "f.\t.g"])
def test_field_without_a_name_is_refused(name: str) -> None:
    for meta in ({name: 5}, {name: None}, {"f": {name: 5}}):
        with pytest.raises(ValueError, match="a part without a name"):
            read_values(meta, {})


def test_fields_and_objects_are_counted() -> None:
    full = {f"f{number}": number for number in range(MAX_FIELDS)}
    _, kinds = read_values(full, {})
    assert len(kinds) == MAX_FIELDS
    assert read_values(full | {"new": None}, kinds)[1] == {}
    one_more: list[dict[str, Any]] = [{"new": 5}, {"new": "x"}, {"new.x": []}]
    for meta in one_more:
        with pytest.raises(ValueError, match="more than 480"):
            read_values(meta, kinds)
    with pytest.raises(ValueError, match="more than 480"):
        read_values({"a": {"b": 1}}, dict(list(kinds.items())[1:]))


def nest(depth: int, inner: Any) -> Any:
    for _ in range(depth):
        inner = {"f": inner}
    return inner


def enlist(depth: int, inner: Any) -> Any:
    for _ in range(depth):
        inner = [inner]
    return inner


@pytest.mark.parametrize("inner", [5, None])
def test_objects_lie_in_each_other_so_deep_and_no_deeper(inner: Any) -> None:
    read_values(nest(MAX_OBJECTS + 1, inner), {})
    read_values({".".join("f" * (MAX_OBJECTS + 1)): 5}, {})
    for meta in (nest(MAX_OBJECTS + 2, inner), nest(MAX_OBJECTS + 1, {}), nest(200, 5), {".".join("f" * 20): 5}):
        with pytest.raises(ValueError, match="objects more than 18 deep"):
            read_values(meta, {})


def test_lists_lie_in_each_other_so_deep_and_no_deeper() -> None:
    assert read_values({"f": enlist(MAX_LISTS, 5)}, {})[0] == [("f", 5)]
    assert read_values({"f": enlist(10, {"g": enlist(10, 5)})}, {})[0] == [("f.g", 5)]
    for meta in ({"f": enlist(MAX_LISTS + 1, 5)}, {"f": enlist(11, {"g": enlist(10, 5)})}):
        with pytest.raises(ValueError, match="lists more than 20 deep"):
            read_values(meta, {})


@pytest.mark.parametrize("meta", [{"f": 2**64}, {"f": "\ud800"}, {5: 5}, {"f": object()}, {"f": {1, 2}}, {"f": b"x"}])
def test_what_no_request_can_carry_is_refused(meta: Any) -> None:
    with pytest.raises(ValueError, match="cannot be written as JSON") as raised:
        read_values(meta, {})
    assert_one_clear_line(raised.value)


def test_declared_fields_bring_the_objects_around_them() -> None:
    assert declare_kinds({"year": "long", "by.first.name": "keyword", "by.age": "double"}) == {
        "year": "long",
        "by": "object",
        "by.first": "object",
        "by.first.name": "keyword",
        "by.age": "double",
    }
    assert set(declare_kinds({kind: kind for kind in KINDS}).values()) == set(KINDS)


@pytest.mark.parametrize(
    "types", [{"f": "text"}, {"f": "object"}, {"f": "long", "f.g": "long"}, {"f.g": "long", "f": "long"}]
)
def test_impossible_declarations_are_refused(types: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"not known in a folder|f cannot be") as raised:
        declare_kinds(types)
    assert_one_clear_line(raised.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"), (True, "true"), ("x", "x"), (5.0, "5.0"), (-0.0, "-0.0"), (0.001, "0.001"), (0.00099, "9.9E-4"),
        (1e-7, "1.0E-7"), (9999999.0, "9999999.0"), (1e7, "1.0E7"), (12345678.5, "1.23456785E7"), (1e16, "1.0E16"),
        (-1.5e300, "-1.5E300"), (5e-324, "4.9E-324"), (1e-323, "9.9E-324"), (2e-323, "2.0E-323"),
        (1e23, "1.0E23"), (2**64 - 1, "18446744073709551615"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_java_writes_them(value: Any, text: str) -> None:
    assert java_text(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_number_written_for_java_is_the_same_number(number: float) -> None:
    assert read_double(java_text(number)) == number
    assert order_zero(number) == number or number == 0


@given(st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers_keep_every_digit(number: int) -> None:
    assert read_whole(number) == read_whole(str(number)) == read_whole(f"{number}.0") == number


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=5) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.sampled_from("ab. "), max_size=3), inner),
)


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "a.b", "c"]), _JSON), max_size=4))
def test_any_metadata_is_typed_or_refused(metas: list[dict[str, Any]]) -> None:
    types = {"keyword": str, "long": int, "double": float, "date": int, "slash_date": int, "boolean": int}
    kinds: dict[str, Kind] = {}
    for meta in metas:
        try:
            values, new = read_values(meta, kinds)
        except ValueError as error:
            assert_one_clear_line(error)
            continue
        assert not new.keys() & kinds.keys()
        kinds |= new
        assert [type(value) for _, value in values] == [types[kinds[field]] for field, _ in values]
        assert len(values) == len(set(values))
        # What was taken once is taken again, and is no news.
        assert read_values(meta, kinds) == (values, {})
