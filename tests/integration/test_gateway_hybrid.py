"""Mode on, against a real node: what is found, and how it is scored."""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator
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
from tests.gateway_server import Server, gateway
from tests.integration.gateway_asking import ALL, BLUE, FACETS, MATCH, PATIENT, hybrid, searchkit
from tests.services.discover import Service

LAM = 1.1


@pytest.fixture(scope="module", params=[1, 2], ids=["one shard", "two shards"])
def corpus(request: pytest.FixtureRequest, make_index: MakeIndex, raw: Any) -> Corpus:
    return fill(make_index, raw, missing=5, shards=request.param)


@pytest.fixture(scope="module")
def on(corpus: Corpus, opensearch: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    options = ("--index", corpus.name, "--admit", str(ADMIT), *PATIENT)
    with gateway(tmp_path_factory.mktemp("gateway"), opensearch.url, *options) as server:
        yield server


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
