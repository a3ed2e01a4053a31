"""In which mode a search is answered and who may say so, what a page's browser may do, and what is counted."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeIndex
from tests.gateway_corpus import Corpus, fill
from tests.gateway_dsl import ASKED
from tests.gateway_server import Server, gateway
from tests.integration.gateway_asking import BODY, PATIENT
from tests.services.discover import Service


@pytest.fixture(scope="module")
def corpus(make_index: MakeIndex, raw: Any) -> Corpus:
    return fill(make_index, raw, missing=5)


@pytest.fixture(scope="module")
def on(corpus: Corpus, opensearch: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    names = ("--index", corpus.name, "--name", f"one={corpus.name}", "--name", f"two={corpus.name}")
    modes = ("--mode", "two=off", "--mode", "shadowed=shadow", "--name", f"shadowed={corpus.name}")
    with gateway(tmp_path_factory.mktemp("gateway"), opensearch.url, *names, *modes, *PATIENT) as server:
        yield server


def test_shadow_answers_lexically_and_logs_the_difference(corpus: Corpus, on: Server, direct: Server) -> None:
    assert on.log is not None
    answer = on.search("shadowed", BODY)
    assert answer.notes == ["shadow; text=query"]
    assert answer.json["hits"] == direct.search(corpus.name, BODY).json["hits"]
    browse = on.search("shadowed", {"size": 1})
    assert browse.notes == ["shadow; reason=no-text"]
    while "shadow {" not in on.log.read_text("utf-8"):
        pass
    (line,) = [line for line in on.log.read_text("utf-8").splitlines() if "shadow {" in line]
    logged = json.loads(line.partition("shadow ")[2])
    whole = on.search("shadowed", BODY, X_Search_Mode="on")
    assert logged["index"] == "shadowed"
    assert logged["totals"] == [answer.total, whole.total]
    assert logged["new"] == len(set(whole.ids) - set(answer.ids))
    assert logged["hybrid"] == "on; text=query"
    assert ASKED not in on.log.read_text("utf-8"), "what people ask does not stand in the log"


def test_hits_without_ids_are_no_trouble_in_any_mode(corpus: Corpus, on: Server, direct: Server) -> None:
    bare: dict[str, Any] = {"query": BODY["query"], "size": 5, "stored_fields": "_none_"}
    hybrid = on.search("one", bare)
    assert hybrid.notes == ["on; text=query"]
    whole = on.search("one", {**bare, "stored_fields": []})
    for one, other in zip(hybrid.json["hits"]["hits"], whole.json["hits"]["hits"], strict=True):
        assert one == {name: value for name, value in other.items() if name != "_id"}
    assert on.search("shadowed", bare).json["hits"] == direct.search(corpus.name, bare).json["hits"]
    explained = on.search("one", {**bare, "ext": {"hybrid": {"explain": True}}})
    assert explained.json["hits"] == hybrid.json["hits"], "parts are found by id"
    several = on.searches([({"index": "one"}, bare), ({"index": "one"}, BODY), ({"index": "shadowed"}, bare)])
    assert [one["status"] for one in several.json["responses"]] == [200, 200, 200]
    assert on.log is not None
    while "asks for hits without their ids" not in on.log.read_text("utf-8"):
        pass
    assert "Traceback" not in on.log.read_text("utf-8")


def test_a_mode_of_its_own_for_an_index(on: Server) -> None:
    assert on.search("one", BODY).notes == ["on; text=query"]
    assert on.search("two", BODY).notes == ["off; reason=mode"]
    assert on.search("two", {**BODY, "ext": {"hybrid": {"mode": "on"}}}).notes == ["on; text=query"]
    narrower = on.search("two", {**BODY, "ext": {"hybrid": {"mode": "off"}}}, X_Search_Mode="on")
    assert narrower.notes == ["off; reason=mode"], "a body's own word counts more than the header's"


def test_a_hint_by_header_names_the_text(corpus: Corpus, on: Server) -> None:
    body = {"query": {"query_string": {"query": "red* AND fox*", "fields": ["text"]}}}
    assert on.search(corpus.name, body).notes == ["off; reason=operators"]
    assert on.search(corpus.name, body, X_Search_Query="red fox").notes == ["on; text=hint"]


def test_a_phrase_finds_what_it_found_before_unless_a_hint_names_it(
    corpus: Corpus, on: Server, direct: Server
) -> None:
    phrase: dict[str, Any] = {"query": {"match_phrase": {"text": ASKED}}, "_source": False}
    answer = on.search(corpus.name, phrase)
    assert answer.notes == ["off; reason=phrase"]
    assert answer.json["hits"] == direct.search(corpus.name, phrase).json["hits"]
    assert on.search(corpus.name, phrase, X_Search_Query=ASKED).notes == ["on; text=hint"]


def test_without_cors_no_browser_may_ask(corpus: Corpus, on: Server) -> None:
    preflight = on.ask(
        "OPTIONS", f"/{corpus.name}/_search", Origin="http://page", Access_Control_Request_Method="POST"
    )
    assert preflight.status == 405
    answer = on.search(corpus.name, BODY, Origin="http://page")
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_with_cors_the_named_pages_may_ask_and_read_errors(
    corpus: Corpus, opensearch: Service, tmp_path: Path
) -> None:
    with gateway(
        tmp_path, opensearch.url, "--index", corpus.name, "--cors", "https://page.example", *PATIENT
    ) as server:
        wanted = "content-type,x-elastic-client-meta,authorization,x-search-mode"

        def may(origin: str) -> Any:
            asking = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": wanted}
            return server.ask("OPTIONS", "/_msearch", None, Origin=origin, **asking)

        preflight = may("https://page.example")
        assert preflight.status == 200
        assert preflight.headers["access-control-allow-origin"] == "https://page.example"
        assert set(wanted.split(",")) <= set(preflight.headers["access-control-allow-headers"].lower().split(","))
        assert "access-control-allow-origin" not in may("https://evil.example").headers
        bodies: list[Any] = [BODY, {"query": {"script": {}}}]
        for body in bodies:
            answer = server.search(corpus.name, body, Origin="https://page.example")
            assert answer.headers["access-control-allow-origin"] == "https://page.example"
            assert "x-hybrid" in answer.headers["access-control-expose-headers"].lower()
        assert (
            "access-control-allow-origin"
            not in server.search(corpus.name, BODY, Origin="https://evil.example").headers
        )


def test_compressed_bodies_are_read(corpus: Corpus, on: Server) -> None:
    packed = gzip.compress(json.dumps(BODY).encode())
    answer = on.ask("POST", f"/{corpus.name}/_search", packed, Content_Encoding="gzip")
    assert answer.json["hits"] == on.search(corpus.name, BODY).json["hits"]


def test_what_happens_is_counted(corpus: Corpus, on: Server) -> None:
    names = (
        'hybrid_requests_total{route="_search",status="200"}',
        'hybrid_requests_total{route="_search",status="404"}',
        'hybrid_searches_total{mode="on",reason="none"}',
        'hybrid_searches_total{mode="off",reason="no-text"}',
    )

    def count() -> list[float]:
        lines = [line.rpartition(" ") for line in on.ask("GET", "/metrics").body.decode().splitlines()]
        counted = {name: value for name, _, value in lines}
        return [float(counted.get(name, 0)) for name in names]

    before = count()
    on.search(corpus.name, BODY)
    on.search(corpus.name, {"size": 1})
    on.search("elsewhere", {})
    assert [after - then for after, then in zip(count(), before, strict=True)] == [2, 1, 1, 1]
