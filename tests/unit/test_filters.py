"""Short conditions of the command line: what a person types becomes one clause, or one clear error."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.errors import FilterError
from hybrid.filters import name_fields, parse_condition
from hybrid.requests import make_request
from tests.conftest import small_profile
from tests.messages import assert_one_clear_line


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        ("lang=en", {"term": {"meta.lang": "en"}}),
        ("year>=2000", {"range": {"meta.year": {"gte": 2000}}}),
        ("year <= 2000", {"range": {"meta.year": {"lte": 2000}}}),
        ("weight>0.5", {"range": {"meta.weight": {"gt": 0.5}}}),
        ("weight<-1e3", {"range": {"meta.weight": {"lt": -1000.0}}}),
        ("draft=true", {"term": {"meta.draft": True}}),
        ("lang!=en", {"bool": {"must_not": [{"term": {"meta.lang": "en"}}]}}),
        ("published>=2020-01-31", {"range": {"meta.published": {"gte": "2020-01-31"}}}),
        ('code="042"', {"term": {"meta.code": "042"}}),
        ("code=042", {"term": {"meta.code": "042"}}),
        ("by.name=Ann Lee", {"term": {"meta.by.name": "Ann Lee"}}),
        ("meta.lang=en", {"term": {"meta.lang": "en"}}),
        ("document_id=d1", {"term": {"document_id": "d1"}}),
        ("sum=a=b", {"term": {"meta.sum": "a=b"}}),
        ("x=null", {"term": {"meta.x": "null"}}),
        ("x=[1]", {"term": {"meta.x": "[1]"}}),
        ('x="=1"', {"term": {"meta.x": "=1"}}),
    ],
)
def test_condition_becomes_the_clause_that_it_says(text: str, clause: dict[str, Any]) -> None:
    assert parse_condition(text) == clause


@pytest.mark.parametrize("text", ["", "lang", "=en", "lang=", "lang= ", "la ng=en", "lang~en"])
def test_anything_else_is_refused_with_what_to_say(text: str) -> None:
    with pytest.raises(FilterError, match="say FIELD=VALUE") as raised:
        parse_condition(text)
    assert_one_clear_line(raised.value)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize("text", ["lang==en", "year=>2000", "year=<2000", "year>==2000", "year<>2000", "lang!==en"])
def test_sign_that_there_is_not_is_refused(text: str) -> None:
    with pytest.raises(FilterError, match="the signs are =, !=, >=, <=, > and <") as raised:
        parse_condition(text)
    assert_one_clear_line(raised.value)


@pytest.mark.parametrize(
    ("filters", "fields"),
    [
        (None, []),
        ({"term": {"topic": "x"}}, ["topic"]),
        ([{"terms": {"a": [1], "boost": 2}}, {"range": {"meta.b": {"gt": 1}}}], ["a", "meta.b"]),
        ({"exists": {"field": "c"}}, ["c"]),
        ({"bool": {"must": {"term": {"a": 1}}, "must_not": [{"prefix": {"b": "x"}}]}}, ["a", "b"]),
        ({"constant_score": {"filter": {"wildcard": {"a": "x*"}}}}, ["a"]),
        ({"nested": {"path": "n", "query": {"match": {"n.a": "x"}}}}, ["n.a"]),
        ({"ids": {"values": ["term"]}}, []),
        ({"match_all": {}}, []),
    ],
    ids=str,
)
def test_fields_of_a_filter_are_named(filters: Any, fields: list[str]) -> None:
    assert list(name_fields(filters)) == fields


@given(st.text() | st.from_regex(r"\w+(=|!=|<|>|<=|>=).*"))
def test_any_text_is_a_filter_that_a_request_takes_or_one_clear_error(text: str) -> None:
    try:
        clause = parse_condition(text)
    except FilterError as error:
        said = str(error)
    else:
        said = ""
        assert make_request("q", small_profile(), mode="lexical", filter=clause).filters == (clause,)
    assert len(said.splitlines()) <= 1
