"""Mode on, against a real node: the rest of a page keeps its meaning, and what cannot be hybrid is told."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import MakeIndex
from tests.gateway_corpus import ADMIT, Corpus, fill
from tests.gateway_dsl import ASKED
from tests.gateway_server import Server, gateway
from tests.integration.gateway_asking import ALL, BLUE, FACETS, MATCH, PATIENT, hybrid, searchkit
from tests.services.discover import Service


@pytest.fixture(scope="module", params=[1, 2], ids=["one shard", "two shards"])
def corpus(request: pytest.FixtureRequest, make_index: MakeIndex, raw: Any) -> Corpus:
    return fill(make_index, raw, missing=5, shards=request.param)


@pytest.fixture(scope="module")
def on(corpus: Corpus, opensearch: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    options = ("--index", corpus.name, "--admit", str(ADMIT), *PATIENT)
    with gateway(tmp_path_factory.mktemp("gateway"), opensearch.url, *options) as server:
        yield server


def test_a_post_filter_restricts_hits_and_leaves_facets(corpus: Corpus, on: Server) -> None:
    body = {"query": MATCH, "size": ALL, "_source": False, "aggs": FACETS}
    open_, closed = hybrid(on, corpus, body), hybrid(on, corpus, {**body, "post_filter": BLUE})
    inside = hybrid(on, corpus, {**body, "query": {"bool": {"must": MATCH, "filter": BLUE}}})
    assert closed.json["aggregations"] == open_.json["aggregations"] != inside.json["aggregations"]
    assert closed.ids == inside.ids
    assert closed.total == inside.total
    scores = [[round(hit["_score"], 4) for hit in one.json["hits"]["hits"]] for one in (closed, inside)]
    assert scores[0] == scores[1]


def test_highlights_are_those_of_the_pages_query(corpus: Corpus, on: Server, direct: Server) -> None:
    for query in (searchkit(ASKED, [BLUE]), {"match": {"title": {"query": "storie", "fuzziness": 2}}}):
        body: Any = {
            "query": query,
            "size": ALL,
            "highlight": {"fields": {"title": {}, "text": {}, "meta.colour": {}}},
        }
        lexical = {hit["_id"]: hit.get("highlight") for hit in direct.search(corpus.name, body).json["hits"]["hits"]}
        assert any(lexical.values())
        for hit in hybrid(on, corpus, body).json["hits"]["hits"]:
            if hit["_id"] in lexical:
                assert hit.get("highlight") == lexical[hit["_id"]]


def test_hits_show_their_parts_if_that_is_wanted(corpus: Corpus, on: Server) -> None:
    body: Any = {"query": MATCH, "size": ALL, "ext": {"hybrid": {"explain": True}}}
    hits = hybrid(on, corpus, body).json["hits"]["hits"]
    bm25, sims = corpus.scores(ASKED), corpus.sims(ASKED)
    for hit in hits:
        parts = hit["_hybrid"]
        assert parts["bm25"] == pytest.approx(bm25[hit["_id"]], abs=1e-4)
        assert parts["sim"] == (pytest.approx(sims[hit["_id"]], abs=1e-4) if hit["_id"] in sims else None)
        assert "fields" not in hit
    assert {hit["_hybrid"]["sim"] is None for hit in hits} == {True, False}
    plain = hybrid(on, corpus, {**body, "ext": {"hybrid": {}}}).json["hits"]["hits"]
    assert "_hybrid" not in plain[0]


@pytest.mark.parametrize(
    "body",
    [
        {"query": MATCH},
        {"query": MATCH, "fields": ["*"], "_source": ["vec*", "title"]},
        {"query": MATCH, "_source": False, "fields": ["vec*"]},
        {"query": MATCH, "sort": "meta.year", "fields": ["vec*"]},
        {
            "query": MATCH,
            "collapse": {"field": "meta.year", "inner_hits": {"name": "n", "size": 2, "fields": ["vec*"]}},
        },
        {"size": 0, "aggs": {"t": {"top_hits": {"size": 2}}}},
        {"stored_fields": ["_source"]},
        {},
    ],
    ids=repr,
)
def test_the_vector_stays_inside_except_in_mode_off(body: Any, corpus: Corpus, on: Server) -> None:
    answer = on.search(corpus.name, {"size": 2, **body})
    assert answer.status == 200, answer.body
    assert b"vec_" not in answer.body
    shadowed = on.search(corpus.name, {"size": 2, **body}, X_Search_Mode="shadow")
    assert b"vec_" not in shadowed.body
    off = on.search(corpus.name, {"size": 2, **body}, X_Search_Mode="off")
    assert b"vec_" in off.body or body.get("_source") is False or "stored_fields" in body


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"query": {"match_all": {}}}, "no-text"),
        ({"query": MATCH, "sort": {"meta.year": "desc"}}, "sort"),
        ({"query": MATCH, "from": 3995}, "page-beyond-window"),
        ({"query": {"match": {"text": "re"}}}, "short-text"),
        ({"query": MATCH, "min_score": 0.1}, "min-score"),
        ({"query": MATCH, "collapse": {"field": "meta.year"}}, "collapse"),
        ({"query": MATCH, "profile": True}, "profile"),
    ],
)
def test_what_cannot_be_hybrid_is_lexical_and_says_why(
    body: Any, reason: str, corpus: Corpus, on: Server, direct: Server
) -> None:
    answer = on.search(corpus.name, {**body, "_source": ["title"]})
    assert answer.notes == [f"off; reason={reason}"]
    assert answer.json["hits"] == direct.search(corpus.name, {**body, "_source": ["title"]}).json["hits"]


def test_one_wrong_search_is_no_fault_of_the_others(corpus: Corpus, on: Server) -> None:
    header = {"index": corpus.name}
    bad_for_us: Any = {"query": {"script": {}}}
    bad_for_opensearch: Any = {"query": {"match": {"text": {"query": "fox", "fuzziness": "X"}}}}
    bodies: list[Any] = [{"query": MATCH}, bad_for_us, bad_for_opensearch, {}]
    answer = on.searches([*((header, body) for body in bodies), ({"index": "elsewhere"}, {})])
    answers = answer.json["responses"]
    assert [one["status"] for one in answers] == [200, 400, 400, 200, 404]
    assert [set(one["error"]) >= {"type", "reason", "root_cause"} for one in answers if "error" in one] == [True] * 3
    assert answers[0]["hits"]["hits"]
    lexical = "off; reason=no-text"
    assert answer.notes == [
        "on; text=query",
        "off; reason=refused",
        "off; reason=upstream",
        lexical,
        "off; reason=refused",
    ]


def test_searches_of_one_request_agree(corpus: Corpus, on: Server) -> None:
    header = {"index": corpus.name}
    page, facets = {"query": MATCH, "sort": "meta.year"}, {"query": MATCH, "size": 0, "aggs": FACETS}
    answer = on.searches([(header, page), (header, facets)])
    assert answer.notes == ["off; reason=sort", "off; reason=companion"]
    first, second = answer.json["responses"]
    assert first["hits"]["total"] == second["hits"]["total"]
