"""What keeps a search lexical, what a request may wish, and what holds for every body."""

import json
from typing import Any

import pytest

from hybrid import Profile
from hybrid.engines.opensearch.queries import Target
from hybrid.errors import GatewayError
from hybrid.gateway.find_text import find_text
from hybrid.gateway.intake import Intake, Search
from hybrid.gateway.obstacles import find_obstacle
from hybrid.gateway.plan import Lexical, Plan, agree, make_plan, to_lexical
from hybrid.gateway.policy import Policy
from hybrid.gateway.reasons import Reason
from hybrid.gateway.restore import attach_parts, read_parts, restore, strip
from hybrid.gateway.restrict import hide
from hybrid.gateway.rewrite import WINDOW
from hybrid.gateway.served import Known, Served, read_known
from hybrid.gateway.sites import Site, find_site
from hybrid.gateway.wishes import Wishes, read_wishes, without_wishes
from tests.messages import assert_one_clear_line

MATCH = {"match": {"text": "who wrote it"}}
TERM = {"term": {"a": 1}}
KNOWN = Known(
    Target("wiki", ("wiki",), Profile(pair_id="p", fingerprint="0123456789", dimension=2), 1),
    frozenset({"text", "title"}),
    ("vec_01234567",),
)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"sort": [{"year": "desc"}]}, Reason.SORT),
        ({"sort": ["_score", "year"]}, Reason.SORT),
        ({"sort": {"_score": "asc"}}, Reason.SORT),
        ({"sort": "year"}, Reason.SORT),
        ({"sort": {"_score": "desc", "year": "asc"}}, Reason.SORT),
        ({"collapse": {"field": "document_id"}}, Reason.COLLAPSE),
        ({"search_after": [1]}, Reason.SEARCH_AFTER),
        ({"min_score": 1}, Reason.MIN_SCORE),
        ({"terminate_after": 5}, Reason.TERMINATE_AFTER),
        ({"suggest": {"s": {"prefix": "who", "completion": {"field": "c"}}}}, Reason.SUGGEST),
        ({"rescore": {"query": {}}}, Reason.RESCORE),
        ({"explain": True}, Reason.EXPLAIN),
        ({"profile": True}, Reason.PROFILE),
        ({"from": WINDOW - 9}, Reason.PAGE),
        ({"from": WINDOW, "size": 1}, Reason.PAGE),
        ({"aggs": {"a": {"terms": {"field": "x"}, "aggs": {"b": {"top_hits": {}}}}}}, Reason.SCORED_FACETS),
        ({"aggregations": {"a": {"sampler": {}, "aggregations": {}}}}, Reason.SCORED_FACETS),
    ],
)
def test_what_a_hybrid_search_cannot_keep_its_promise_beside(keys: Any, reason: Reason) -> None:
    assert find_obstacle({"query": MATCH, **keys}, {}) is reason


@pytest.mark.parametrize(
    "keys",
    [
        {"sort": "_score"},
        {"sort": ["_score"]},
        {"sort": {"_score": "desc"}},
        {"sort": [{"_score": {"order": "desc"}}]},
        {"sort": {"_score": {}}},
        {"sort": []},
        {"explain": False, "profile": False},
        {"from": WINDOW - 10},
        {"size": 0, "from": WINDOW},
        {"aggs": {"top_hits": {"terms": {"field": "x"}}}},
        {"post_filter": TERM, "highlight": {"fields": {"text": {}}}, "track_total_hits": True},
    ],
)
def test_what_is_no_obstacle(keys: Any) -> None:
    assert find_obstacle({"query": MATCH, **keys}, {}) is None


def test_a_scroll_is_lexical() -> None:
    assert find_obstacle({"query": MATCH}, {"scroll": "1m"}) is Reason.SCROLL


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"function_score": {"query": MATCH, "boost_mode": "replace"}}, Reason.NO_SCORE),
        ({"function_score": {"query": MATCH, "min_score": 1}}, Reason.MIN_SCORE),
        ({"script_score": {"query": MATCH, "script": {"source": "1"}}}, Reason.SCRIPT),
        ({"bool": {"must": MATCH, "filter": TERM, "boost": 0}}, Reason.NO_SCORE),
        ({"constant_score": {"filter": {"bool": {"must": [MATCH], "filter": [TERM]}}}}, Reason.NO_SCORE),
        (
            {"bool": {"should": [{"bool": {"must": MATCH, "filter": TERM}}, {"bool": {"must": MATCH}}]}},
            Reason.SCATTERED,
        ),
        ({"dis_max": {"queries": [MATCH, MATCH, TERM]}}, Reason.SCATTERED),
        ({"bool": {"should": [MATCH, MATCH, TERM], "minimum_should_match": 2}}, Reason.COUNTED),
        ({"bool": {"must": [MATCH, MATCH, TERM], "should": MATCH, "minimum_should_match": 1}}, Reason.COUNTED),
        ({"bool": {"filter": TERM, "should": [MATCH, MATCH], "minimum_should_match": "50%"}}, Reason.COUNTED),
    ],
)
def test_where_no_place_can_take_the_score(query: Any, reason: Reason) -> None:
    text = find_text(query, KNOWN.text_fields)
    assert not isinstance(text, Reason)
    assert find_site(query, text) is reason


@pytest.mark.parametrize(
    ("query", "factor", "adds"),
    [
        (MATCH, 1.0, True),
        ({"bool": {"must": [MATCH], "filter": [TERM], "boost": 3}}, 3.0, True),
        ({"bool": {"must": {"bool": {"must": [MATCH], "filter": TERM, "boost": 3}}, "boost": 2}}, 6.0, True),
        ({"function_score": {"query": MATCH, "weight": 2, "boost_mode": "sum", "boost": 5}}, 5.0, True),
        ({"function_score": {"query": MATCH, "weight": 2, "boost_mode": "avg"}}, 0.5, True),
        ({"function_score": {"query": MATCH, "weight": 2}}, 1.0, False),
        ({"boosting": {"positive": MATCH, "negative": TERM, "negative_boost": 0.5}}, 1.0, False),
        ({"dis_max": {"queries": [MATCH, TERM]}}, 1.0, False),
        ({"dis_max": {"queries": [{"bool": {"must": MATCH, "filter": TERM}}], "boost": 2}}, 2.0, True),
        ({"bool": {"filter": TERM, "should": [{"bool": {"must": MATCH, "filter": TERM}}]}}, 1.0, False),
        ({"bool": {"should": [{"bool": {"must": MATCH, "filter": TERM}}]}}, 1.0, True),
    ],
)  # fmt: skip
def test_what_becomes_of_the_score_on_the_way_to_the_hit(query: Any, factor: float, adds: bool) -> None:
    text = find_text(query, KNOWN.text_fields)
    assert not isinstance(text, Reason)
    site = find_site(query, text)
    assert isinstance(site, Site)
    assert site.adds is adds
    assert not adds or site.factor == factor


def plan(body: Any) -> Plan | Lexical:
    return make_plan(body, {}, Wishes(), KNOWN)


def test_searches_of_one_text_agree() -> None:
    page, facets = {"query": MATCH, "sort": "year"}, {"query": MATCH, "size": 0}
    other = {"query": {"match": {"text": "something else"}}}
    typing = {"query": {"match_bool_prefix": {"text": "who wrote it"}}}
    plans = {number: plan(body) for number, body in enumerate([page, facets, other, facets, typing])}
    agreed = agree(plans, {0: "wiki", 1: "wiki", 2: "wiki", 3: "news", 4: "wiki"})
    assert agreed[1] == Lexical(Reason.COMPANION, "who wrote it")
    assert isinstance(agreed[2], Plan), "another text"
    assert isinstance(agreed[3], Plan), "another index"
    assert [agreed[0], agreed[4]] == [plans[0], plans[4]]


def test_a_word_while_it_is_typed_does_not_keep_the_results_lexical() -> None:
    plans = {1: plan({"query": MATCH}), 2: plan({"query": {"match_bool_prefix": {"text": "who wrote it"}}})}
    assert agree(plans, {1: "wiki", 2: "wiki"}) == plans


@pytest.mark.parametrize(
    ("source", "hidden"),
    [
        ({}, {"excludes": ["v"]}),
        ({"_source": True}, {"excludes": ["v"]}),
        ({"_source": "title"}, {"includes": "title", "excludes": ["v"]}),
        ({"_source": ["title", "v*"]}, {"includes": ["title", "v*"], "excludes": ["v"]}),
        ({"_source": {"includes": ["a"]}}, {"includes": ["a"], "excludes": ["v"]}),
        ({"_source": {"excludes": "a"}}, {"excludes": ["a", "v"]}),
        ({"_source": {"exclude": ["a"]}}, {"exclude": ["a", "v"]}),
        ({"stored_fields": ["_source"]}, {"excludes": ["v"]}),
        ({"stored_fields": ["*"], "_source": {"excludes": []}}, {"excludes": ["v"]}),
    ],
)
def test_vectors_are_left_out_of_the_source(source: Any, hidden: Any) -> None:
    assert hide(source, ["v"])["_source"] == hidden


@pytest.mark.parametrize("body", [{"_source": False}, {"stored_fields": ["title"]}, {"stored_fields": "_none_"}])
def test_a_source_that_is_not_wanted_is_not_asked_for(body: Any) -> None:
    assert hide(body, ["v"]) == body


def test_vectors_are_taken_out_of_answers_wherever_hits_are() -> None:
    def hit() -> Any:
        source = {"v": [1], "a": 1, "fields": {"b": 1}}
        return {"_index": "i", "_source": source, "fields": {"v": [1], "a": [1]}, "highlight": {"v": ["1"]}}

    def around(one: Any) -> Any:
        top = {"hits": {"hits": [one]}}
        return {
            "hits": {"hits": [{**one, "inner_hits": {"x": top, "_source": top}}]},
            "aggregations": {"v": {"buckets": [{"top": top}]}, "fields": {"_source": top}, "highlight": top},
            "suggest": {"s": [{"options": [one]}]},
        }

    answer = json.loads(json.dumps(around(hit())))
    strip(answer, ["v"])
    clean = {"_index": "i", "_source": {"a": 1, "fields": {"b": 1}}, "fields": {"a": [1]}, "highlight": {}}
    assert answer == around(clean)


@pytest.mark.parametrize(
    ("source", "nested", "left"),
    [
        ({"m": {"v": [1], "a": 1}, "m.v": [1], "v": 1}, None, {"m": {"a": 1}, "v": 1}),
        ({"n": [{"x": [{"v": [1], "a": 1}]}, {"x": {"v": [1]}}]}, None, {"n": [{"x": [{"a": 1}]}, {"x": {}}]}),
        ({"x": {"v": [1]}, "x.v": [1], "v": 1}, {"field": "n"}, {"x": {}, "v": 1}),
        ({"v": [1], "a": 1}, {"field": "n", "_nested": {"field": "x"}}, {"a": 1}),
        ({"vector": [1]}, {"field": "w"}, None),
        ({"deeper": [1]}, {"field": "w", "_nested": {"field": "x"}}, None),
        ({"w": [{"vector": [1]}], "wide": 1}, None, {"wide": 1}),
    ],
)
def test_vectors_are_taken_out_of_objects_and_of_what_is_nested(source: Any, nested: Any, left: Any) -> None:
    hit = {"_index": "i", "_source": source, **({} if nested is None else {"_nested": nested})}
    strip(hit, ["m.v", "n.x.v", "w"])
    assert hit.get("_source") == left


def test_scores_are_restored_where_there_are_any() -> None:
    answer = {"hits": {"max_score": 5.0, "hits": [{"_score": 5.0}, {"_score": 2.0}]}}
    restore(answer, 3.0)
    assert answer == {"hits": {"max_score": 2.0, "hits": [{"_score": 2.0}, {"_score": -1.0}]}}
    empties: list[Any] = [{"hits": {"max_score": None, "hits": []}}, {"took": 1}, {"hits": {"hits": [{"_id": "1"}]}}]
    for empty in empties:
        before = repr(empty)
        restore(empty, 3.0)
        assert repr(empty) == before


def test_parts_are_given_to_the_hits_they_belong_to() -> None:
    found = {"_index": "w", "_id": "1", "_score": 2.5, "fields": {"sim": [4.0]}}
    pending = {"_index": "w", "_id": "2", "_score": 0.0, "fields": {"sim": [None]}}
    answer: Any = {"hits": {"hits": [{"_index": "w", "_id": name} for name in "123"]}}
    attach_parts(answer, read_parts({"hits": {"hits": [found, pending]}}))
    assert [hit.get("_hybrid") for hit in answer["hits"]["hits"]] == [
        {"bm25": 2.5, "sim": 4.0},
        {"bm25": 0.0, "sim": None},
        None,
    ]


def test_a_required_filter_holds_and_highlights_stay_the_pages_own() -> None:
    served = Served(shown="w", name="w", required=TERM)
    body = {"query": MATCH, "highlight": {"fields": {"text": {}}}, "size": 3}
    assert to_lexical(body, served, ()) == {
        "query": {"bool": {"must": [MATCH], "filter": [TERM]}},
        "highlight": {"fields": {"text": {}}, "highlight_query": MATCH},
        "size": 3,
    }
    assert to_lexical({}, served, ())["query"] == {"bool": {"must": [{"match_all": {}}], "filter": [TERM]}}
    assert to_lexical(body, Served(shown="w", name="w"), ()) == body


def test_the_word_closest_to_the_search_counts() -> None:
    intake = Intake({"w": Served(shown="w", name="w", mode="off")}, Policy())

    def mode(body: bytes, headers: dict[str, str]) -> str:
        (search,) = intake.read_search("w", body, headers, {}).searches
        assert isinstance(search, Search)
        return search.mode

    header = {"x-search-mode": "shadow"}
    assert mode(b'{"ext": {"hybrid": {"mode": "on"}}}', header) == "on"
    assert mode(b"{}", header) == "shadow"
    assert mode(b"{}", {}) == "off"


def test_wishes_are_read_and_taken_off() -> None:
    said = {"mode": "on", "query_text": "x y z", "text": "body", "lambda": 0.5, "explain": True}
    body = {"query": MATCH, "ext": {"hybrid": said}}
    assert read_wishes(body, {}) == Wishes("on", "x y z", "body", 0.5, True)
    assert without_wishes(body) == {"query": MATCH}
    assert without_wishes({"ext": {"hybrid": {}, "rerank": {}}}) == {"ext": {"rerank": {}}}
    assert read_wishes({}, {"x-search-query": "typed"}).hint == "typed"
    assert read_wishes(body, {"x-search-query": "typed"}).hint == "x y z"


def test_a_path_leads_to_the_text() -> None:
    body = {
        "query": {"bool": {"must": [TERM, MATCH]}},
        "ext": {"hybrid": {"query_text_path": "query.bool.must.1.match.text"}},
    }
    assert read_wishes(body, {}).hint == "who wrote it"


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"mode": "hybrid"}, "ext.hybrid.mode"),
        ({"text": "title"}, "ext.hybrid.text"),
        ({"lambda": "1"}, "lambda"),
        ({"lambda": -1}, "lambda"),
        ({"lambda": True}, "lambda"),
        ({"explain": 1}, "explain"),
        ({"query_text": 5}, "no string"),
        ({"query_text_path": "query.bool"}, "leads nowhere"),
        ({"query_text_path": "query"}, "no string"),
    ],
)
def test_wishes_that_cannot_be_read_are_refused(said: Any, word: str) -> None:
    with pytest.raises(GatewayError, match=word) as raised:
        read_wishes({"query": MATCH, "ext": {"hybrid": said}}, {})
    assert_one_clear_line(raised.value)


def test_a_mode_that_nobody_knows_is_refused() -> None:
    with pytest.raises(GatewayError, match="X-Search-Mode"):
        read_wishes({}, {"x-search-mode": "hybrid"})


def test_fields_are_read_off_the_mapping() -> None:
    properties = {
        "title": {"type": "text", "fields": {"raw": {"type": "keyword"}, "english": {"type": "text"}}},
        "meta": {"properties": {"abstract": {"type": "match_only_text"}, "year": {"type": "long"}}},
        "vec_b": {"type": "knn_vector", "dimension": 2},
        "vec_a": {"type": "knn_vector", "dimension": 2},
        "chunks": {"type": "nested", "properties": {"face": {"type": "knn_vector", "dimension": 2}}},
        "face": {"type": "alias", "path": "chunks.face"},
        "name": {"type": "alias", "path": "title"},
    }
    known = read_known(KNOWN.target, {"one": {"mappings": {"properties": properties}}, "two": {"mappings": {}}})
    assert known.text_fields == {"title", "title.english", "meta.abstract"}
    assert known.vector_fields == ("chunks.face", "face", "vec_a", "vec_b")
