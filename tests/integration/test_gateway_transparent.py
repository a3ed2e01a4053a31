"""Mode off: what a page gets through the gateway is what OpenSearch says, byte for byte but ``took``."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests import gateway_dsl as dsl
from tests.conftest import MakeIndex
from tests.gateway_corpus import Corpus, fill
from tests.gateway_golden import GOLDEN
from tests.gateway_server import Answer, Server, gateway
from tests.services.discover import Service

PAGES = {path.stem: json.loads(path.read_text("utf-8"))["sent"] for path in sorted(GOLDEN.glob("*.json"))}
LEAVING_WISHES_OUT = [page for page in PAGES if "ext" not in PAGES[page]]


@pytest.fixture(scope="module")
def corpus(make_index: MakeIndex, raw: Any) -> Corpus:
    return fill(make_index, raw, missing=5)


@pytest.fixture(scope="module")
def off(corpus: Corpus, opensearch: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    options = ("--index", corpus.name, "--default-mode", "off")
    with gateway(tmp_path_factory.mktemp("gateway"), opensearch.url, *options) as server:
        yield server


def plain(answer: Answer) -> tuple[int, bytes]:
    """Give what must be equal."""
    return answer.status, re.sub(rb'("took" ?: ?)\d+', rb"\g<1>0", answer.body)


def assert_equal(through: Answer, straight: Answer) -> None:
    assert plain(through) == plain(straight)
    assert through.headers["content-type"] == straight.headers["content-type"]


@pytest.mark.parametrize("page", LEAVING_WISHES_OUT)
def test_real_pages_get_what_they_would_get(page: str, corpus: Corpus, off: Server, direct: Server) -> None:
    through = off.search(corpus.name, PAGES[page])
    assert_equal(through, direct.search(corpus.name, PAGES[page]))
    assert through.notes == ["off; reason=mode"]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=dsl.queries())
def test_any_query_gets_what_it_would_get(query: Any, corpus: Corpus, off: Server, direct: Server) -> None:
    body = {"query": query, "size": 30, "aggs": {"c": {"terms": {"field": "meta.colour"}}}}
    assert_equal(off.search(corpus.name, body), direct.search(corpus.name, body))


def test_several_searches_get_what_they_would_get(corpus: Corpus, off: Server, direct: Server) -> None:
    pairs = [({"index": corpus.name, "preference": "me"}, PAGES[page]) for page in LEAVING_WISHES_OUT]
    # What OpenSearch cannot run spoils the others there, so here, too.
    pairs = [pair for pair in pairs if "suggest" not in pair[1]]
    assert_equal(off.searches(pairs), direct.searches(pairs))
    inside: list[tuple[Any, Any]] = [({}, body) for _, body in pairs]
    path = f"/{corpus.name}/_msearch"
    assert_equal(off.searches(inside, path), direct.searches(inside, path))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"query": {"match": {"text": {"query": 5, "fuzziness": "NONSENSE"}}}}',
        b'{"query": {"range": {"meta.year": {"gte": "not a year"}}}}',
        b'{"query": {"bool": {"minimum_should_match": "nonsense", "should": [{"match_all": {}}]}}}',
        b'{"size": 10000, "from": 1}',
        b'{"sort": "nowhere"}',
        b'{"aggs": {"a": {"terms": {"field": "text"}}}}',
        b'{"query": {"query_string": {"query": "((("}}, "_source": ["vec_*", "title"]}',
        b'{\n  "query": {\n    "match": {"text": "fox"}},\n "size":1}',
        b'{"size": 2, "stored_fields": ["*"], "docvalue_fields": ["meta.year"], "fields": ["*"], "version": true}',
        b'{"size": 1, "sort": [{"meta.year": "desc"}, "_score"], "search_after": [2000, 1], "min_score": 0}',
        '{"query": {"match": {"text": "naïve 猫 \\ud83d\\ude00"}}}'.encode(),
    ],
)
@pytest.mark.parametrize(
    "parameters", ["", "?pretty", "?typed_keys=true&rest_total_hits_as_int=true", "?filter_path=hits.hits._id"]
)
def test_answers_and_errors_are_opensearchs_own(
    body: bytes, parameters: str, corpus: Corpus, off: Server, direct: Server
) -> None:
    path = f"/{corpus.name}/_search{parameters}"
    for method in ("GET", "POST"):
        assert_equal(off.ask(method, path, body or None), direct.ask(method, path, body or None))


def test_wishes_are_taken_off_and_the_answer_stays(corpus: Corpus, off: Server, direct: Server) -> None:
    body = {"query": {"match": {"text": "fox"}}, "highlight": {"fields": {"text": {}}}}
    wished = {**body, "ext": {"hybrid": {"mode": "off"}}}
    assert off.search(corpus.name, wished).json["hits"] == direct.search(corpus.name, body).json["hits"]
    assert "_source" in off.search(corpus.name, wished).json["hits"]["hits"][0]


def test_only_what_is_served_can_be_reached(corpus: Corpus, off: Server, raw: Any) -> None:
    other = f"{corpus.name}-other"
    raw.indices.create(index=other)
    try:
        for index in (
            other,
            "_all",
            "*",
            f"{corpus.name},{other}",
            f"-{corpus.name}",
            "<x-{now/d}>",
            f"remote:{corpus.name}",
            "..",
        ):
            answer = off.search(index.replace("/", "%2f"), {})
            assert answer.status == 404, index
            several = off.searches([({"index": index}, {})])
            assert [one["status"] for one in several.json["responses"]] == [404], index
    finally:
        raw.indices.delete(index=other)
    for method, path in (
        ("GET", "/_cat/indices"), ("PUT", f"/{corpus.name}/_doc/1"), ("DELETE", f"/{corpus.name}"),
        ("POST", "/_search"), ("POST", "/_search/scroll"), ("POST", f"/{corpus.name}/_count"),
        ("GET", f"/{corpus.name}"), ("POST", f"/{corpus.name}/_search/template"), ("GET", "/_nodes"),
        ("POST", f"/{corpus.name}%2f_mapping/_search"),
        ("POST", f"/{corpus.name}/_mapping/_search"), ("POST", f"/{corpus.name}/../_search"),
    ):  # fmt: skip
        assert off.ask(method, path, b"{}").status in (404, 405), path
