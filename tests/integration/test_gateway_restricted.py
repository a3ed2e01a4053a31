"""A required filter holds for hits, totals, facets and highlights, whoever asks, for what, and in which mode."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import gateway_dsl as dsl
from tests.conftest import MakeIndex
from tests.gateway_corpus import ADMIT, Corpus, fill
from tests.gateway_dsl import ASKED
from tests.gateway_server import Answer, Server, gateway
from tests.services.discover import Service

TENANTS = ("a", "b")
ALL = 500
MATCH = {"match": {"text": ASKED}}
modes = st.sampled_from(["off", "on", "shadow"])


def filter_of(tenant: str) -> Any:
    return {"term": {"meta.tenant": tenant}}


@pytest.fixture(scope="module")
def corpus(make_index: MakeIndex, raw: Any) -> Corpus:
    return fill(make_index, raw)


def options(corpus: Corpus, *tenants: str) -> list[str]:
    """Offer one index under a name a tenant, each with a filter of its own."""
    given = ["--admit", str(ADMIT), "--patience", "60", "--policy", "report"]
    for tenant in tenants:
        given += ["--name", f"{tenant}={corpus.name}", "--filter", f"{tenant}={json.dumps(filter_of(tenant))}"]
    return given


@pytest.fixture(scope="module")
def shared(corpus: Corpus, opensearch: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with gateway(tmp_path_factory.mktemp("gateway"), opensearch.url, *options(corpus, *TENANTS)) as server:
        yield server


def owned(corpus: Corpus, tenant: str) -> set[str]:
    return {one.id for one in corpus.passages if one.meta["tenant"] == tenant}


def within(query: Any, tenant: str) -> Any:
    return {"bool": {"must": [query], "filter": [filter_of(tenant)]}}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=dsl.queries(), tenant=st.sampled_from(TENANTS), mode=modes)
def test_no_query_finds_what_belongs_to_another(
    query: Any, tenant: str, mode: str, corpus: Corpus, shared: Server, direct: Server
) -> None:
    facets = {"tenant": {"terms": {"field": "meta.tenant"}}, "ids": {"terms": {"field": "id", "size": ALL}}}
    body = {"query": query, "size": ALL, "_source": False, "aggs": facets, "track_total_hits": True}
    answer = shared.search(tenant, body, X_Search_Mode=mode)
    own = owned(corpus, tenant)
    assert set(answer.ids) <= own
    assert answer.total == len(answer.ids)
    assert {one["key"] for one in answer.json["aggregations"]["tenant"]["buckets"]} <= {tenant}
    assert {one["key"] for one in answer.json["aggregations"]["ids"]["buckets"]} == set(answer.ids)
    if not answer.notes[0].startswith("on"):
        lexical = direct.search(corpus.name, {**body, "query": within(query, tenant)})
        assert answer.json["hits"] == lexical.json["hits"]
        assert answer.json["aggregations"] == lexical.json["aggregations"]


@pytest.mark.parametrize("tenant", TENANTS)
def test_the_dense_set_is_the_nearest_of_what_one_may_see(tenant: str, corpus: Corpus, shared: Server) -> None:
    nothing = {"match": {"text": "zzyzx qwghlm"}}
    answer = shared.search(tenant, {"query": nothing, "size": ALL, "_source": False})
    own, sims = owned(corpus, tenant), corpus.sims("zzyzx qwghlm")
    ranked = sorted(own, key=lambda name: -sims[name])
    assert set(answer.ids) == set(ranked[:ADMIT])


def test_what_one_asked_changes_nothing_for_another(
    corpus: Corpus, shared: Server, opensearch: Service, tmp_path: Path
) -> None:
    body = {
        "query": {"match": {"text": "who wrote of quiet tides"}},
        "size": ALL,
        "aggs": {"n": {"terms": {"field": "id"}}},
    }

    def shown(answer: Answer) -> Any:
        return {**answer.json, "took": 0}

    first = shared.search("a", body)
    after_another = shared.search("b", body)
    with gateway(tmp_path, opensearch.url, *options(corpus, "b")) as alone:
        assert shown(alone.search("b", body)) == shown(after_another)
    assert not set(first.ids) & set(after_another.ids)


def test_highlights_do_not_show_the_filter(corpus: Corpus, shared: Server, direct: Server) -> None:
    body = {"query": MATCH, "size": ALL, "highlight": {"fields": {"*": {}}}}
    plain = {hit["_id"]: hit["highlight"] for hit in direct.search(corpus.name, body).json["hits"]["hits"]}
    for mode in ("off", "on"):
        for hit in shared.search("a", body, X_Search_Mode=mode).json["hits"]["hits"]:
            assert hit.get("highlight") == plain.get(hit["_id"])


ESCAPES: dict[str, Any] = {
    "global": {"size": 0, "aggs": {"g": {"global": {}, "aggs": {"i": {"terms": {"field": "id", "size": ALL}}}}}},
    "empty buckets": {"size": 0, "aggs": {"i": {"terms": {"field": "id", "min_doc_count": 0, "size": ALL}}}},
    "empty pairs": {
        "size": 0,
        "aggs": {"i": {"multi_terms": {"terms": [{"field": "id"}, {"field": "meta.tenant"}], "min_doc_count": 0}}},
    },
    "significant": {"size": 0, "aggs": {"i": {"significant_terms": {"field": "id", "min_doc_count": 1}}}},
    "suggest": {"suggest": {"s": {"text": "fxo", "term": {"field": "text", "suggest_mode": "always"}}}},
    "lookup": {"query": {"terms": {"id": {"index": "INDEX", "id": "p001", "path": "id"}}}},
    "like": {"query": {"more_like_this": {"fields": ["text"], "like": [{"_id": "p001"}], "min_doc_freq": 1}}},
    "profile": {"query": MATCH, "profile": True},
    "explain": {"query": MATCH, "explain": True},
    "script": {"query": {"script_score": {"query": MATCH, "script": {"source": "1"}}}},
    "script field": {"script_fields": {"x": {"script": {"source": "1"}}}},
    "unknown": {"query": {"knn": {"vec": {"vector": [1], "k": 5}}}},
}


@pytest.mark.parametrize("kind", ESCAPES)
@pytest.mark.parametrize("mode", ["off", "on", "shadow"])
def test_ways_past_the_filter_are_closed_even_if_faults_are_only_reported(
    kind: str, mode: str, corpus: Corpus, shared: Server
) -> None:
    body = json.loads(json.dumps(ESCAPES[kind]).replace("INDEX", corpus.name))
    answer = shared.search("a", body, X_Search_Mode=mode)
    assert answer.status == 400
    assert set(answer.json) == {"error", "status"}
    several = shared.searches(
        [({"index": "a"}, body), ({"index": "a"}, {"query": MATCH, "size": 1})], X_Search_Mode=mode
    )
    assert [one["status"] for one in several.json["responses"]] == [400, 200]


@pytest.mark.parametrize("parameter", ["q=*:*", "source={}", "search_pipeline=x", "df=text"])
def test_parameters_that_would_change_the_search_do_not_pass(parameter: str, shared: Server) -> None:
    for method in ("GET", "POST"):
        assert shared.ask(method, f"/a/_search?{parameter}", b"{}").status == 400
    assert shared.ask("POST", f"/_msearch?{parameter}", b'{"index":"a"}\n{}\n').status == 400


def test_one_key_twice_does_not_pass(shared: Server) -> None:
    for body in (
        b'{"query": {"match_none": {}}, "query": {"match_all": {}}}',
        b'{"query": {"bool": {"must": {"match_none": {}}, "must": {"match_all": {}}}}}',
    ):
        assert shared.ask("POST", "/a/_search", body).status == 400
        assert (
            shared.ask("POST", "/_msearch", b'{"index":"a"}\n' + body + b"\n").json["responses"][0]["status"] == 400
        )


@pytest.mark.parametrize("mode", ["hybrid", "lexical", "dense"])
def test_the_filter_holds_for_other_clients_too(mode: str, corpus: Corpus, shared: Server) -> None:
    sent = {"index": "a", "question": ASKED, "mode": mode, "k": ALL}
    found = shared.ask("POST", "/v1/search", json.dumps(sent).encode())
    assert found.status == 200, found.body
    assert {hit["id"] for hit in found.json["hits"]} <= owned(corpus, "a")
    assert found.json["hits"]
    answered = shared.ask("POST", "/v1/ask", json.dumps({"index": "a", "question": ASKED, "mode": mode}).encode())
    assert {one["passage_id"] for one in answered.json["answers"]} <= owned(corpus, "a")
    assert answered.json["answers"]
    refused = {**sent, "filter": [{"terms": {"id": {"index": corpus.name, "id": "p001", "path": "id"}}}]}
    assert shared.ask("POST", "/v1/search", json.dumps(refused).encode()).status == 400


def test_an_index_is_served_under_its_shown_names_only(corpus: Corpus, shared: Server) -> None:
    for name in (corpus.name, f"{corpus.name}*", "_all", "a,b", "*", "-a", "%2a", "a%2cb", ".."):
        assert shared.ask("POST", f"/{name}/_search", b"{}").status in (400, 404)
        line = json.dumps({"index": name}).encode() + b"\n{}\n"
        assert shared.ask("POST", "/_msearch", line).json["responses"][0]["status"] in (400, 404)
