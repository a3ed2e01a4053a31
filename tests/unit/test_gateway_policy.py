"""The policy lets real pages pass and nothing else, however deep it hides."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid.errors import GatewayError
from hybrid.gateway.policy import Limits, Policy, nests_deeper
from tests import gateway_dsl as dsl
from tests.gateway_golden import SENT
from tests.messages import assert_one_clear_line

LIKE_ID = {"more_like_this": {"fields": ["text"], "like": [{"_id": "1"}]}}

#: Clauses that run code or read what the address does not name: never let through.
GRAVE_CLAUSES: dict[str, Any] = {
    "script_score": {"script_score": {"query": {"match_all": {}}, "script": {"source": "1"}}},
    "script": {"script": {"script": "doc['a'].value > 1"}},
    "terms lookup": {"terms": {"a": {"index": "secret", "id": "1", "path": "b"}}},
    "terms_set by script": {"terms_set": {"a": {"terms": ["b"], "minimum_should_match_script": {"source": "1"}}}},
    "more_like_this elsewhere": {"more_like_this": {"like": [{"_index": "secret", "_id": "1"}]}},
    "indexed shape": {"geo_shape": {"a": {"indexed_shape": {"index": "secret", "id": "1"}}}},
    "wrapper": {"wrapper": {"query": "eyJtYXRjaF9hbGwiOnt9fQ=="}},
    "percolate": {"percolate": {"field": "q", "index": "secret", "id": "1"}},
    "function by script": {"function_score": {"query": {"match_all": {}}, "script_score": {"script": "1"}}},
    "functions by script": {"function_score": {"functions": [{"script_score": {"script": {"source": "1"}}}]}},
    "template": {"template": {"query": "x"}},
    "nested with scripted hits": {
        "nested": {"path": "a", "query": {"match_all": {}}, "inner_hits": {"script_fields": {"s": {"script": "1"}}}}
    },
}
#: Clauses that nobody needs to be refused by name: what is not known does not pass.
UNKNOWN_CLAUSES: dict[str, Any] = {
    "knn": {"knn": {"v": {"vector": [1], "k": 5}}},
    "neural": {"neural": {"v": {"query_text": "x", "model_id": "m"}}},
    "a new kind": {"some_day": {}},
    "a new option": {"match": {"a": {"query": "x", "some_day": 1}}},
    "two in one": {"match_all": {}, "term": {"a": 1}},
    "none": {},
    "a string": "match_all",
    "a list in a list": [[{"match_all": {}}]],
}
#: What looks past the query: refused where a filter is required.
ESCAPING_CLAUSES: dict[str, Any] = {
    "has_child": {"has_child": {"type": "a", "query": {"match_all": {}}}},
    "has_parent": {"has_parent": {"parent_type": "a", "query": {"match_all": {}}}},
    "parent_id": {"parent_id": {"type": "a", "id": "1"}},
    "more_like_this by id": LIKE_ID,
}
GRAVE_AGGREGATIONS: dict[str, Any] = {
    "scripted_metric": {"scripted_metric": {"map_script": "1"}},
    "terms by script": {"terms": {"script": {"source": "1"}}},
    "bucket_script": {"bucket_script": {"buckets_path": {}, "script": "1"}},
    "sum by script": {"sum": {"script": "1"}},
    "hits by script": {"top_hits": {"script_fields": {"a": {"script": "1"}}}},
    "hits sorted by script": {"top_hits": {"sort": {"_script": {"script": "1"}}}},
}
ESCAPING_AGGREGATIONS: dict[str, Any] = {
    "global": {"global": {}},
    "terms of every document": {"terms": {"field": "a", "min_doc_count": 0}},
    "terms of every document, in words": {"terms": {"field": "a", "min_doc_count": "0"}},
    "pairs of every document": {"multi_terms": {"terms": [{"field": "a"}, {"field": "b"}], "min_doc_count": 0}},
    "significant_terms": {"significant_terms": {"field": "a"}},
    "significant_text": {"significant_text": {"field": "a", "background_filter": {"match_all": {}}}},
    "children": {"children": {"type": "a"}},
    "parent": {"parent": {"type": "a"}},
    "explained hits": {"top_hits": {"explain": True}},
}
GRAVE_KEYS: dict[str, Any] = {
    "script_fields": {"script_fields": {"a": {"script": "1"}}},
    "runtime_mappings": {"runtime_mappings": {"a": {"type": "keyword"}}},
    "derived": {"derived": {"a": {"type": "keyword", "script": "1"}}},
    "search_pipeline": {"search_pipeline": {"request_processors": []}},
    "pit": {"pit": {"id": "x"}},
    "sorting by script": {"sort": {"_script": {"type": "number", "script": "1"}}},
    "indices_boost": {"indices_boost": [{"secret": 2}]},
    "collate": {"suggest": {"a": {"text": "x", "phrase": {"field": "t", "collate": {"query": {"source": "{}"}}}}}},
}
UNKNOWN_KEYS: dict[str, Any] = {
    "slice": {"slice": {"id": 0, "max": 2}},
    "knn": {"knn": {"field": "v", "query_vector": [1]}},
    "stats": {"stats": ["a"]},
    "another extension": {"ext": {"rerank": {}}},
    "another wish": {"ext": {"hybrid": {"some_day": 1}}},
    "a new key": {"some_day": 1},
}
ESCAPING_KEYS: dict[str, Any] = {
    "suggest": {"suggest": {"a": {"prefix": "x", "completion": {"field": "c"}}}},
    "profile": {"profile": True},
    "explain": {"explain": True},
    "explained inner hits": {"collapse": {"field": "a", "inner_hits": {"name": "n", "explain": True}}},
}


def refused(body: Any, *, required: bool = False, policy: Policy | None = None) -> str:
    with pytest.raises(GatewayError) as raised:
        (policy or Policy()).check(body, required=required)
    assert raised.value.status == 400
    return assert_one_clear_line(raised.value)


def passes(body: Any, *, required: bool = False, policy: Policy | None = None) -> None:
    (policy or Policy()).check(body, required=required)


@pytest.mark.parametrize("page", SENT)
def test_real_pages_pass(page: str) -> None:
    passes(SENT[page])


@pytest.mark.parametrize("page", SENT)
def test_real_pages_pass_with_a_required_filter_unless_they_want_suggestions(page: str) -> None:
    if "suggest" in SENT[page]:
        assert "suggest" in refused(SENT[page], required=True)
    else:
        passes(SENT[page], required=True)


CLAUSES_WITH_A_QUERY: dict[str, Callable[[Any], Any]] = {
    "query": lambda one: {"query": one},
    "post_filter": lambda one: {"post_filter": one},
    "must": lambda one: {"query": {"bool": {"must": one}}},
    "must_not in a list": lambda one: {"query": {"bool": {"must_not": [{"match_all": {}}, one]}}},
    "filter": lambda one: {"query": {"bool": {"filter": [one]}}},
    "should": lambda one: {"query": {"bool": {"should": [{"bool": {"must": {"bool": {"filter": one}}}}]}}},
    "dis_max": lambda one: {"query": {"dis_max": {"queries": [one]}}},
    "constant_score": lambda one: {"query": {"constant_score": {"filter": one}}},
    "boosting": lambda one: {"query": {"boosting": {"positive": {"match_all": {}}, "negative": one}}},
    "function_score": lambda one: {"query": {"function_score": {"query": one}}},
    "a function's filter": lambda one: {"query": {"function_score": {"functions": [{"filter": one, "weight": 1}]}}},
    "nested": lambda one: {"query": {"nested": {"path": "a", "query": one}}},
    "inner_hits": lambda one: {
        "query": {
            "nested": {"path": "a", "query": {"match_all": {}}, "inner_hits": {"highlight": {"highlight_query": one}}}
        }
    },
    "highlight": lambda one: {"highlight": {"fields": {"a": {}}, "highlight_query": one}},
    "a field's highlight": lambda one: {"highlight": {"fields": [{"a": {"highlight_query": one}}]}},
    "sort": lambda one: {"sort": [{"a.b": {"order": "asc", "nested": {"path": "a", "filter": one}}}]},
    "rescore": lambda one: {"rescore": [{"window_size": 5, "query": {"rescore_query": one}}]},
    "filter aggregation": lambda one: {"aggs": {"a": {"filter": one}}},
    "filters aggregation": lambda one: {"aggs": {"a": {"filters": {"filters": {"x": one}}}}},
    "listed filters": lambda one: {"aggregations": {"a": {"filters": {"filters": [one]}}}},
    "an inner aggregation": lambda one: {"aggs": {"a": {"missing": {"field": "x"}, "aggs": {"b": {"filter": one}}}}},
    "top_hits": lambda one: {"aggs": {"a": {"top_hits": {"highlight": {"highlight_query": one, "fields": {}}}}}},
}  # fmt: skip


@pytest.mark.parametrize("place", CLAUSES_WITH_A_QUERY)
@pytest.mark.parametrize("kind", [*GRAVE_CLAUSES, *UNKNOWN_CLAUSES])
def test_a_forbidden_clause_passes_nowhere(place: str, kind: str) -> None:
    around = CLAUSES_WITH_A_QUERY[place]
    passes(around({"term": {"a": 1}}))
    refused(around({**GRAVE_CLAUSES, **UNKNOWN_CLAUSES}[kind]))


@pytest.mark.parametrize("place", CLAUSES_WITH_A_QUERY)
@pytest.mark.parametrize("kind", ESCAPING_CLAUSES)
def test_what_escapes_a_filter_is_refused_where_one_is_required(place: str, kind: str) -> None:
    body = CLAUSES_WITH_A_QUERY[place](ESCAPING_CLAUSES[kind])
    passes(body)
    refused(body, required=True)
    refused(body, required=True, policy=Policy(report=True))


@pytest.mark.parametrize("kind", [*GRAVE_AGGREGATIONS, *ESCAPING_AGGREGATIONS])
@pytest.mark.parametrize("deep", [False, True])
def test_a_forbidden_aggregation_passes_nowhere(kind: str, deep: bool) -> None:
    aggregation = {**GRAVE_AGGREGATIONS, **ESCAPING_AGGREGATIONS}[kind]
    body = {"aggs": {"x": {"filter": {"match_all": {}}, "aggs": {"y": aggregation}} if deep else aggregation}}
    refused(body, required=True)
    if kind in GRAVE_AGGREGATIONS:
        refused(body)
    else:
        passes(body)


@pytest.mark.parametrize("kind", [*GRAVE_KEYS, *UNKNOWN_KEYS, *ESCAPING_KEYS])
def test_a_forbidden_key_does_not_pass(kind: str) -> None:
    body = {**GRAVE_KEYS, **UNKNOWN_KEYS, **ESCAPING_KEYS}[kind]
    refused(body, required=True)
    if kind in ESCAPING_KEYS:
        passes(body)
    else:
        refused(body)


def every(*named: dict[str, Any]) -> Iterator[Any]:
    return (value for group in named for value in group.values())


FORBIDDEN = [
    *({"query": one} for one in every(GRAVE_CLAUSES)),
    *({"aggs": {"a": one}} for one in every(GRAVE_AGGREGATIONS)),
    *every(GRAVE_KEYS),
]
UNKNOWN = [*({"query": one} for one in every(UNKNOWN_CLAUSES)), *every(UNKNOWN_KEYS)]


@pytest.mark.parametrize("body", FORBIDDEN, ids=repr)
def test_scripts_and_other_indexes_are_refused_even_if_faults_are_only_reported(body: Any) -> None:
    refused(body, policy=Policy(report=True))
    refused({"query": {"some_day": body}}, policy=Policy(report=True))


@pytest.mark.parametrize("body", UNKNOWN, ids=repr)
def test_what_is_not_known_is_reported_and_passes_if_that_is_wanted(
    body: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        passes(body, policy=Policy(report=True))
    assert "would refuse" in caplog.text
    refused(body, required=True, policy=Policy(report=True))


def places_of(value: Any) -> Iterator[tuple[Any, Any]]:
    """Give every place in a body where a query stands, as the container and the key."""
    for key, inside in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        if key in ("query", "filter", "positive", "negative") and isinstance(inside, dict) and len(inside) == 1:
            yield value, key
        if isinstance(key, int) and isinstance(inside, dict) and len(inside) == 1 and "weight" not in inside:
            yield value, key
        yield from places_of(inside)


bad_clauses = st.sampled_from(list(every(GRAVE_CLAUSES, UNKNOWN_CLAUSES)))


@settings(max_examples=200)
@given(dsl.queries(), bad_clauses, st.data())
def test_a_forbidden_clause_in_any_place_of_any_query_is_refused(query: Any, bad: Any, data: st.DataObject) -> None:
    body = json.loads(json.dumps({"query": query}))
    passes(body, required=True)
    container, key = data.draw(st.sampled_from(list(places_of(body))))
    container[key] = bad
    refused(body)


@pytest.mark.slow
def test_no_forbidden_clause_passes_in_ten_thousand_queries() -> None:
    test = test_a_forbidden_clause_in_any_place_of_any_query_is_refused
    inner = test.hypothesis.inner_test  # type: ignore[attr-defined]
    settings(max_examples=10_000)(given(dsl.queries(), bad_clauses, st.data())(inner))()


def nest(levels: int) -> Any:
    body: Any = {"match_all": {}}
    for _ in range(levels):
        body = {"bool": {"must": body}}
    return {"query": body}


def test_limits() -> None:
    small = Policy(Limits(depth=20, clauses=3, aggregations=2, hits=10))
    term, many = {"term": {"a": 1}}, [{"term": {"a": 1}}] * 3
    passes({"query": {"bool": {"must": many[:2]}}, "size": 10}, policy=small)
    assert "more than 3 clauses" in refused({"query": {"bool": {"must": many}}}, policy=small)
    assert "levels deep" in refused(nest(20), policy=small)
    assert "more than 10" in refused({"size": 11}, policy=small)
    assert "more than 10" in refused({"aggs": {"a": {"terms": {"field": "x", "size": 11}}}}, policy=small)
    three = {name: {"filter": term} for name in "abc"}
    assert "more than 2 aggregations" in refused({"aggs": three}, policy=small)
    sizes: list[Any] = ["10", 1.5, True, None, [], {}]
    for size in sizes:
        assert "whole number" in refused({"size": size})


def test_depth_is_counted_without_recursion() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert nests_deeper(deep, 50)
    assert not nests_deeper([[[]]], 3)
    assert nests_deeper([[[]]], 2)
    assert "levels deep" in refused({"query": deep})


def test_a_refusal_names_keys_and_places_but_no_values() -> None:
    message = refused({"query": {"bool": {"must": [{"term": {"a": {"password": "hunter2"}}}]}}})
    assert '"password" at query.bool.must[0].term.a' in message
    assert "hunter2" not in refused({"query": {"terms": {"a": [["hunter2"]]}}})


def test_names_of_keys_cannot_write_into_a_log(caplog: pytest.LogCaptureFixture) -> None:
    body = {"query": {"term": {"a\nERROR forged": {"b\x1b[31m\n": 1}}}, "x" * 10_000: 1}
    message = refused(body)
    assert "a?ERROR forged" in message
    assert len(message) < 1000
    with caplog.at_level(logging.WARNING):
        passes(body, policy=Policy(report=True))
    assert all(line.isprintable() for record in caplog.records for line in [record.getMessage()])
