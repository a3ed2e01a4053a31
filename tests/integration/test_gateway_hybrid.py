"""Mode on, against a real node: what is found, how it is scored, and that pages, facets and highlights fit."""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from hybrid.engines.opensearch.calls import encode
from hybrid.engines.opensearch.queries import Target
from hybrid.gateway.admitted import build_nearest_body, read_nearest
from hybrid.gateway.find_text import Text, find_text
from hybrid.gateway.rewrite import Question, rewrite
from hybrid.gateway.served import Served
from hybrid.gateway.sites import Site, find_site
from hybrid.requests import make_request
from tests import gateway_dsl as dsl
from tests.conftest import MakeIndex
from tests.gateway_corpus import ADMIT, Corpus, fill
from tests.gateway_dsl import ASKED
from tests.gateway_server import Answer, Server, gateway
from tests.services.discover import Service

GOLDEN = Path(__file__).parents[1] / "golden" / "gateway"
LAM = 1.1
ALL = 500
MATCH = {"match": {"text": ASKED}}
FACETS = {"colour": {"terms": {"field": "meta.colour"}}, "year": {"terms": {"field": "meta.year"}}}
BLUE = {"term": {"meta.colour": "blue"}}


@pytest.fixture(scope="module", params=[1, 2], ids=["one shard", "two shards"])
def corpus(request: pytest.FixtureRequest, make_index: MakeIndex, raw: Any) -> Corpus:
    return fill(make_index, raw, missing=5, shards=request.param)


@pytest.fixture(scope="module")
def direct(opensearch: Service) -> Server:
    return Server(opensearch.url)


@pytest.fixture(scope="module")
def on(corpus: Corpus, opensearch: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    # Plenty of patience: on a busy machine the first question may take longer than a page would wait.
    options = ("--index", corpus.name, "--admit", str(ADMIT), "--patience", "60")
    with gateway(tmp_path_factory.mktemp("gateway"), opensearch.url, *options) as server:
        yield server


def searchkit(text: str, filters: list[Any] | None = None) -> Any:
    """Give the query that Searchkit writes."""
    sent = json.loads((GOLDEN / "searchkit-search.json").read_text("utf-8"))["sent"]["query"]
    query = json.loads(json.dumps(sent).replace("who invented the telephone", text))
    query["bool"]["filter"] = filters or []
    return query


def hybrid(server: Server, corpus: Corpus, body: Any) -> Answer:
    """Search, and fail unless the answer is hybrid and whole."""
    answer = server.search(corpus.name, body)
    assert answer.status == 200, answer.body
    assert [note.partition(";")[0] for note in answer.notes] == ["on"]
    assert answer.json["_shards"]["failed"] == 0
    return answer


def with_dense(clause: Any, ids: list[str]) -> Any:
    """Give a query in which whatever asks for the text also takes these passages."""
    if isinstance(clause, list):
        return [with_dense(one, ids) for one in clause]
    if not isinstance(clause, dict) or not clause:
        return clause
    (kind, body), *others = clause.items()
    asks = kind in ("match", "match_phrase", "multi_match", "constant_score") and "fox" in json.dumps(body)
    if not others and asks:
        return {"bool": {"should": [clause, {"ids": {"values": ids}}]}}
    return {name: with_dense(inside, ids) for name, inside in clause.items()}


def true_scores(corpus: Corpus, text: str, *, clipped: bool = False) -> dict[str, float]:
    """Give BM25 + λ · sim of every passage by the reference; without a vector sim is what BM25 makes likely."""
    sims, prior = corpus.sims(text), corpus.encoder.sim_prior
    scores = {}
    for name, bm25 in corpus.scores(text).items():
        if name in sims:
            scores[name] = bm25 + (max(0.0, LAM * sims[name]) if clipped else LAM * sims[name])
        else:
            scores[name] = bm25 + LAM * (prior.a + prior.b * bm25)
    return scores


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=dsl.queries())
def test_finds_what_the_page_finds_and_the_dense_set_under_its_conditions(
    query: Any, corpus: Corpus, on: Server, direct: Server
) -> None:
    body = {"query": query, "size": ALL, "_source": False, "aggs": FACETS}
    answer = on.search(corpus.name, body)
    lexical = direct.search(corpus.name, body)
    if not answer.notes[0].startswith("on"):
        assert answer.json["hits"] == lexical.json["hits"], "what cannot be hybrid is lexical"
        return
    wanted = direct.search(corpus.name, {**body, "query": with_dense(query, corpus.admitted(ASKED))})
    assert sorted(answer.ids) == sorted(wanted.ids)
    assert answer.total == wanted.total <= lexical.total + ADMIT
    assert answer.json["aggregations"] == wanted.json["aggregations"]
    scores = [hit["_score"] for hit in answer.json["hits"]["hits"]]
    assert scores == sorted(scores, reverse=True)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=dsl.queries(), condition=dsl.conditions())
def test_an_added_filter_is_never_violated_and_pages_make_the_whole(
    query: Any, condition: Any, corpus: Corpus, on: Server, direct: Server
) -> None:
    body = {"query": {"bool": {"must": [query], "filter": [condition]}}, "_source": False}
    whole = on.search(corpus.name, {**body, "size": ALL}).ids
    allowed = direct.search(corpus.name, {"query": condition, "size": ALL, "_source": False}).ids
    assert set(whole) <= set(allowed)
    pages = [on.search(corpus.name, {**body, "from": start, "size": 60}).ids for start in range(0, len(whole), 60)]
    assert [name for page in pages for name in page] == whole
    assert len(set(whole)) == len(whole)


@pytest.mark.parametrize("text", [ASKED, "tides of the moon", "who wrote it", "zzyzx qwghlm", "Fox, again?"])
@pytest.mark.parametrize("kind", ["match", "searchkit", "filtered", "boosted"])
def test_every_hit_has_its_true_score(text: str, kind: str, corpus: Corpus, on: Server) -> None:
    query = {
        "match": {"match": {"text": text}},
        "searchkit": searchkit(text),
        "filtered": {"bool": {"filter": [BLUE], "must": [{"match": {"contents": text}}]}},
        "boosted": {"bool": {"must": [{"match": {"text": text}}], "filter": [BLUE], "boost": 2}},
    }[kind]
    answer = hybrid(on, corpus, {"query": query, "size": ALL, "_source": False})
    wanted, factor = true_scores(corpus, text), 2 if kind == "boosted" else 1
    assert answer.ids
    for hit in answer.json["hits"]["hits"]:
        assert hit["_score"] == pytest.approx(factor * wanted[hit["_id"]], abs=1e-4 * factor)
    assert answer.json["hits"]["max_score"] == answer.json["hits"]["hits"][0]["_score"]


def test_sibling_boosts_and_functions_keep_their_say(corpus: Corpus, on: Server) -> None:
    colours = {one.id: one.meta["colour"] for one in corpus.passages}
    wanted, clipped = true_scores(corpus, ASKED), true_scores(corpus, ASKED, clipped=True)
    function = {"query": MATCH, "functions": [{"filter": BLUE, "weight": 3}]}
    cases = {
        "a sibling": (
            {"bool": {"must": MATCH, "should": [{"constant_score": {"filter": BLUE, "boost": 7}}]}},
            wanted,
            1,
            7,
        ),
        "multiplied": ({"function_score": function}, clipped, 3, 0),
        "demoted": ({"boosting": {"positive": MATCH, "negative": BLUE, "negative_boost": 0.5}}, clipped, 0.5, 0),
    }
    for name, (query, text_scores, times, plus) in cases.items():
        answer = hybrid(on, corpus, {"query": query, "size": ALL, "_source": False})
        for hit in answer.json["hits"]["hits"]:
            score = text_scores[hit["_id"]]
            expected = score * times + plus if colours[hit["_id"]] == "blue" else score
            assert hit["_score"] == pytest.approx(expected, abs=2e-4), name


def test_the_pages_own_clauses_may_score_the_text(corpus: Corpus, on: Server, direct: Server) -> None:
    query = {"multi_match": {"query": ASKED, "fields": ["title^3", "text"]}}
    body = {"query": query, "size": ALL, "_source": False}
    lexical = direct.search(corpus.name, body, {"search_type": "dfs_query_then_fetch"})
    own = {hit["_id"]: hit["_score"] for hit in lexical.json["hits"]["hits"]}
    wished = {**body, "ext": {"hybrid": {"text": "body", "lambda": 0.25}}}
    sims, prior = corpus.sims(ASKED), corpus.encoder.sim_prior
    bm25 = corpus.scores(ASKED)
    for hit in hybrid(on, corpus, wished).json["hits"]["hits"]:
        name = hit["_id"]
        sim = sims.get(name, prior.a + prior.b * bm25[name])
        assert hit["_score"] == pytest.approx(own.get(name, 0.0) + 0.25 * sim, abs=1e-4)


def test_a_question_without_a_word_of_its_passage_finds_it_by_meaning_only(corpus: Corpus, on: Server) -> None:
    body = {"query": searchkit("why does sea level rise and fall each day?"), "size": 3, "_source": ["title", "text"]}
    assert on.search(corpus.name, body, X_Search_Mode="off").total == 0
    hits = hybrid(on, corpus, body).json["hits"]["hits"]
    assert all("tides" in f"{hit['_source']['title']} {hit['_source']['text']}" for hit in hits)
    assert len(hits) == 3


@pytest.mark.parametrize("text", [ASKED, "tides of the moon", "zzyzx qwghlm"])
def test_the_dense_set_is_bounded_and_the_same_in_every_search(
    text: str, corpus: Corpus, on: Server, direct: Server
) -> None:
    body = {"query": searchkit(text), "size": ALL, "_source": False, "aggs": FACETS}
    whole = hybrid(on, corpus, body)
    lexical = direct.search(corpus.name, body)
    assert set(whole.ids) == {*lexical.ids, *corpus.admitted(text)}
    assert whole.total == len(whole.ids) <= lexical.total + ADMIT
    meta = {one.id: one.meta for one in corpus.passages}
    pairs = [({"index": corpus.name}, body)]
    for colour in ("red", "blue"):
        query = searchkit(text, [{"term": {"meta.colour": colour}}])
        pairs.append(({"index": corpus.name}, {"query": query, "size": 0, "aggs": FACETS, "from": 0}))
    answers = on.searches(pairs).json["responses"]
    counted = {one["key"]: one["doc_count"] for one in answers[0]["aggregations"]["colour"]["buckets"]}
    assert counted == Counter(meta[name]["colour"] for name in whole.ids)
    for colour, answer in zip(("red", "blue"), answers[1:], strict=True):
        years = {one["key"]: one["doc_count"] for one in answer["aggregations"]["year"]["buckets"]}
        assert years == Counter(meta[name]["year"] for name in whole.ids if meta[name]["colour"] == colour)
        assert answer["hits"]["total"]["value"] == counted.get(colour, 0)


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


def test_the_dense_set_leads_the_first_phase_on_a_real_node(corpus: Corpus, raw: Any) -> None:
    """However many hits a page's query has, the dense ones are among those that are rescored."""
    vector = corpus.encoder.encode_questions([ASKED])[0]
    target = Target(corpus.name, (corpus.name,), corpus.encoder.make_profile(), 1)
    request = make_request(ASKED, target.profile, vector=vector)
    served = Served(shown="x", name=corpus.name, admit=ADMIT)
    parameters = {"search_type": "dfs_query_then_fetch"}
    found = raw.search(index=corpus.name, body=json.loads(encode(build_nearest_body(request, target, served))))
    question = Question(request, target, read_nearest(found, served, target.profile))
    text = find_text(MATCH, frozenset({"text"}))
    assert isinstance(text, Text)
    site = find_site(MATCH, text)
    assert isinstance(site, Site)
    body = {**rewrite({"query": MATCH, "size": ALL, "_source": False}, site, question).body}
    del body["rescore"]
    hits = raw.search(index=corpus.name, body=json.loads(encode(body)), params=parameters)["hits"]["hits"]
    dense = corpus.admitted(ASKED)
    assert {hit["_id"] for hit in hits[: len(dense)]} == set(dense)
    assert len(hits) > len(dense) > 0
    # The index's own least sim leaves those whose true sim reaches it.
    sims = corpus.sims(ASKED)
    least = (sims[dense[2]] + sims[dense[3]]) / 2
    strict = dataclasses.replace(target.profile, min_sim=least)
    assert sorted(read_nearest(found, served, strict)) == sorted(one for one in dense if sims[one] >= least)
