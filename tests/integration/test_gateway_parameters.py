"""What official clients write into the address counts as OpenSearch counts it, in every mode, within every rule."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from opensearchpy import OpenSearch

from tests.conftest import MakeIndex
from tests.gateway_corpus import Corpus, fill
from tests.gateway_server import Answer, Server, gateway
from tests.integration.gateway_asking import BODY, MATCH, PATIENT
from tests.services.discover import Service

#: What a body says, with the parameters that come beside it.
ASKED: list[tuple[Any, dict[str, str]]] = [
    ({}, {"size": "3"}),
    ({"size": 9, "from": 4}, {"size": "+2", "from": "01"}),
    ({"size": 3}, {"size": "0", "track_total_hits": "2"}),
    ({}, {"track_total_hits": "true"}),
    ({"track_total_hits": True}, {"track_total_hits": "false"}),
    ({}, {"sort": "meta.year:desc,_score"}),
    ({"sort": "meta.colour"}, {"sort": "meta.year,_score:asc,title:sideways", "track_scores": "true"}),
    ({}, {"sort": "_score:desc"}),
    ({"sort": ["_score"]}, {"sort": ""}),
    ({}, {"_source": "title"}),
    ({"_source": ["text"]}, {"_source": "title,meta.*", "_source_excludes": "meta.year"}),
    ({"_source": False}, {"_source_includes": "title,text", "_source_excludes": "text"}),
    ({"_source": ["text"]}, {"_source": "true"}),
    ({}, {"_source": "false", "_source_includes": "title"}),
    ({}, {"_source_excludes": "meta"}),
    ({"docvalue_fields": ["meta.year"]}, {"docvalue_fields": "meta.colour,id"}),
    ({"docvalue_fields": ["meta.year"]}, {"docvalue_fields": ""}),
    ({"stored_fields": ["title"]}, {"stored_fields": "_source"}),
    ({}, {"stored_fields": "_none_"}),
    ({}, {"stored_fields": ""}),
    ({"explain": True}, {"explain": "false", "version": "true", "seq_no_primary_term": "true"}),
    ({}, {"explain": "true", "size": "1"}),
    ({"terminate_after": 3}, {"terminate_after": "0"}),
    ({}, {"terminate_after": "0", "timeout": "30s"}),
    ({}, {"terminate_after": "2"}),
]
WRONG: list[dict[str, str]] = [
    {"size": "many"}, {"size": ""}, {"from": "-1"}, {"from": "1.5"}, {"explain": "1"}, {"track_total_hits": "x"},
    {"timeout": "soon"}, {"terminate_after": "-1"}, {"sort": "nowhere:asc"}, {"version": "TRUE"},
]  # fmt: skip


@pytest.fixture(scope="module")
def corpus(make_index: MakeIndex, raw: Any) -> Corpus:
    return fill(make_index, raw, missing=5)


@pytest.fixture(scope="module")
def on(corpus: Corpus, opensearch: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    required = ("--name", f"mine={corpus.name}", "--filter", 'mine={"term": {"meta.tenant": "a"}}')
    options = ("--index", corpus.name, *required, *PATIENT)
    with gateway(tmp_path_factory.mktemp("gateway"), opensearch.url, *options) as server:
        yield server


def told(answer: Answer) -> Any:
    """Give what an answer says, without the vectors that the cluster itself shows."""
    said = {name: value for name, value in answer.json.items() if name != "took"}
    for hit in said["hits"]["hits"]:
        vectors = [name for name in hit.get("_source", {}) if name.startswith("vec_")]
        for name in vectors:
            del hit["_source"][name]
    return said


@pytest.mark.parametrize(("body", "parameters"), ASKED, ids=repr)
def test_parameters_mean_what_they_mean_to_the_cluster(
    body: Any, parameters: dict[str, str], corpus: Corpus, on: Server, direct: Server
) -> None:
    asked = {"query": MATCH, **body}
    true = direct.search(corpus.name, asked, parameters)
    assert true.status == 200, true.body
    # Through the body, which the gateway reads, and as it came.
    for mode in ("shadow", "off"):
        assert told(on.search(corpus.name, asked, parameters, X_Search_Mode=mode)) == told(true), mode
    wished = {**asked, "ext": {"hybrid": {"mode": "off"}}}
    assert told(on.search(corpus.name, wished, parameters)) == told(true)


@pytest.mark.parametrize("parameters", WRONG, ids=repr)
def test_what_the_cluster_refuses_is_refused(
    parameters: dict[str, str], corpus: Corpus, on: Server, direct: Server
) -> None:
    assert direct.search(corpus.name, BODY, parameters).status == 400
    for mode in ("on", "shadow", "off"):
        assert on.search(corpus.name, BODY, parameters, X_Search_Mode=mode).status == 400


def test_an_official_client_changes_its_base_url_and_nothing_else(corpus: Corpus, on: Server) -> None:
    place = urlsplit(on.url)
    client = OpenSearch(hosts=[{"host": place.hostname, "port": place.port}])
    found = client.search(
        index=corpus.name, body={"query": MATCH}, params={"size": 3, "_source_includes": "title", "from": 1}
    )
    plain = on.search(corpus.name, {"query": MATCH, "size": 3, "from": 1, "_source": ["title"]})
    assert plain.notes == ["on; text=query"]
    assert found["hits"] == plain.json["hits"]
    assert len(plain.ids) == 3


def test_a_parameter_keeps_a_search_lexical_as_its_counterpart_does(corpus: Corpus, on: Server) -> None:
    for name, value, reason in (
        ("sort", "meta.year", "sort"), ("explain", "true", "explain"), ("terminate_after", "5", "terminate-after"),
    ):  # fmt: skip
        parameters = {name: value}
        assert on.search(corpus.name, {"query": MATCH}, parameters).notes == [f"off; reason={reason}"]
    assert on.search(corpus.name, {"query": MATCH}, {"sort": "_score"}).notes == ["on; text=query"]


def test_no_rule_is_passed_by_in_the_address(corpus: Corpus, on: Server) -> None:
    for mode in ("on", "off"):
        large = on.search(corpus.name, {"query": MATCH}, {"size": "10001"}, X_Search_Mode=mode)
        assert (large.status, "more than 10000" in large.json["error"]["reason"]) == (400, True)
        assert on.search("mine", {"query": MATCH}, {"explain": "true"}, X_Search_Mode=mode).status == 400
        for name in ("q", "df", "suggest_field", "source", "search_pipeline", "stats"):
            refused = on.search(corpus.name, {"query": MATCH}, {name: "title", "size": "1"}, X_Search_Mode=mode)
            assert (refused.status, f"[{name}]" in refused.json["error"]["reason"]) == (400, True)
        asked = on.search("mine", {"query": MATCH}, {"size": "500", "_source": "meta.tenant"}, X_Search_Mode=mode)
        assert {hit["_source"]["meta"]["tenant"] for hit in asked.json["hits"]["hits"]} == {"a"}
    shown = on.search(corpus.name, {"query": MATCH}, {"_source_includes": "vec_*,title"})
    assert all(hit["_source"].keys() == {"title"} for hit in shown.json["hits"]["hits"])
    assert on.searches([({"index": corpus.name}, {"query": MATCH})], "/_msearch?size=3").status == 400
