"""What a page is told when something is missing or refused, and what its search costs when it has left."""

import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeIndex
from tests.gateway_corpus import Corpus, fill
from tests.gateway_dsl import ASKED
from tests.gateway_server import Server, gateway
from tests.integration.gateway_asking import BODY, PATIENT, is_search
from tests.services.discover import Service
from tests.services.http_server import Reply, Request
from tests.services.processes import free_ports
from tests.services.recorder import Answer as Do
from tests.services.recorder import Recorder, always, forwarding, recorder, when
from tests.tiny_models import save_sentence_transformer


@pytest.fixture(scope="module")
def corpus(make_index: MakeIndex, raw: Any) -> Corpus:
    return fill(make_index, raw, missing=5)


@pytest.fixture(scope="module")
def watching(
    corpus: Corpus, opensearch: Service, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Recorder]]:
    with (
        recorder(forwarding(opensearch.url)) as recorded,
        gateway(tmp_path_factory.mktemp("gateway"), recorded.url, "--index", corpus.name, *PATIENT) as server,
    ):
        yield server, recorded


@pytest.fixture
def watched(watching: tuple[Server, Recorder], opensearch: Service) -> Iterator[tuple[Server, Recorder]]:
    """Give a gateway to a cluster that remembers what it is asked, and that may be made to answer otherwise."""
    _, recorded = watching
    recorded.requests.clear()
    yield watching
    recorded.answer = forwarding(opensearch.url)


def is_hybrid(request: Request) -> bool:
    return is_search(request) and b'"rescore"' in request.body


def refusing(status: int, upstream: str, *, only: Any = is_search, headers: tuple[tuple[str, str], ...] = ()) -> Do:
    body = json.dumps({"error": {"type": "x", "reason": "no"}, "status": status}).encode()
    return when(only, always(Reply(status, body, headers)), otherwise=forwarding(upstream))


@pytest.mark.parametrize(
    ("status", "headers"),
    [(401, (("WWW-Authenticate", 'Basic realm="x"'),)), (403, ()), (429, (("Retry-After", "7"),)), (503, ())],
)
@pytest.mark.parametrize("mode", ["off", "on"])
def test_what_opensearch_says_to_a_caller_reaches_the_caller(
    status: int, headers: Any, mode: str, corpus: Corpus, watched: tuple[Server, Recorder], opensearch: Service
) -> None:
    server, recorded = watched
    recorded.answer = refusing(status, opensearch.url, headers=headers)
    for answer in (
        server.search(corpus.name, BODY, X_Search_Mode=mode),
        server.searches([({"index": corpus.name}, BODY)], X_Search_Mode=mode),
    ):
        assert answer.status == status
        assert answer.json["error"]["reason"] == "no"
        for name, value in headers:
            assert answer.headers[name.lower()] == value


def test_a_hybrid_search_that_opensearch_refuses_is_answered_lexically(
    corpus: Corpus, watched: tuple[Server, Recorder], opensearch: Service, direct: Server
) -> None:
    server, recorded = watched
    recorded.answer = refusing(400, opensearch.url, only=is_hybrid)
    answer = server.search(corpus.name, BODY)
    assert (answer.status, answer.notes) == (200, ["off; reason=upstream"])
    assert answer.json["hits"] == direct.search(corpus.name, BODY).json["hits"]
    several = server.searches([({"index": corpus.name}, BODY), ({"index": corpus.name}, {"size": 1})])
    assert several.notes == ["off; reason=upstream", "off; reason=no-text"]
    assert [one["status"] for one in several.json["responses"]] == [200, 200]
    facets = {**BODY, "size": 0}
    together = server.searches([({"index": corpus.name}, BODY), ({"index": corpus.name}, facets)])
    assert together.notes == ["off; reason=upstream", "off; reason=companion"]
    page, counted = together.json["responses"]
    assert page["hits"]["total"] == counted["hits"]["total"]


def test_a_shard_that_fails_in_a_hybrid_search_is_no_reason_for_fewer_hits(
    corpus: Corpus, watched: tuple[Server, Recorder], opensearch: Service, direct: Server
) -> None:
    server, recorded = watched
    partial = {
        "took": 1,
        "timed_out": False,
        "_shards": {"total": 2, "successful": 1, "failed": 1},
        "hits": {"hits": []},
    }
    broken = always(Reply(200, json.dumps(partial).encode()))
    recorded.answer = when(is_hybrid, broken, otherwise=forwarding(opensearch.url))
    answer = server.search(corpus.name, BODY)
    assert answer.notes == ["off; reason=upstream"]
    assert answer.json["hits"] == direct.search(corpus.name, BODY).json["hits"]


def test_an_unreachable_cluster_is_an_error_in_its_own_shape(corpus: Corpus, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    options = ("--index", corpus.name, "--default-mode", "off")
    with gateway(tmp_path, f"http://127.0.0.1:{port}", *options, ready=False) as server:
        health = server.ask("GET", "/healthz")
        assert (health.status, health.json["status"]) == (503, "not ready")
        for answer in (server.search(corpus.name, BODY), server.search(corpus.name, BODY, X_Search_Mode="on")):
            assert answer.status == 503
            assert set(answer.json["error"]) == {"root_cause", "type", "reason"}
            assert "127.0.0.1" not in answer.body.decode(), "where the cluster lies is nobody's business"


def test_without_its_encoder_the_answer_is_lexical_and_says_so(
    make_index: MakeIndex, raw: Any, opensearch: Service, direct: Server, tmp_path: Path
) -> None:
    model = save_sentence_transformer(tmp_path / "model")
    corpus = fill(make_index, raw, model=str(model))
    shutil.rmtree(model)
    with gateway(tmp_path, opensearch.url, "--index", corpus.name, ready=False) as server:
        wait_for_text(server, "/healthz", "model")
        assert server.ask("GET", "/healthz").status == 503
        answer = server.search(corpus.name, BODY)
        assert (answer.status, answer.notes) == (200, ["off; reason=encoder"])
        assert answer.json["hits"] == direct.search(corpus.name, BODY).json["hits"]
        sent = {"index": corpus.name, "question": ASKED}
        other = server.ask("POST", "/v1/search", json.dumps(sent).encode())
        assert (other.json["mode"], other.notes) == ("lexical", ["off; reason=encoder"])
        dense = server.ask("POST", "/v1/search", json.dumps({**sent, "mode": "dense"}).encode())
        assert dense.status == 503


def wait_for_text(server: Server, path: str, text: str) -> None:
    """Ask until the answer holds a text; the test's own limit ends it."""
    while text not in server.ask("GET", path).body.decode():
        pass


def test_who_cannot_wait_gets_a_lexical_answer_and_the_vector_next_time(
    corpus: Corpus, opensearch: Service, tmp_path: Path
) -> None:
    with gateway(tmp_path, opensearch.url, "--index", corpus.name, "--patience", "0.000001") as server:
        assert server.search(corpus.name, BODY).notes == ["off; reason=encoder"]
        while server.search(corpus.name, BODY).notes != ["on; text=query"]:
            pass


def test_an_index_without_a_profile_is_lexical(raw: Any, opensearch: Service, direct: Server, tmp_path: Path) -> None:
    name = f"plain-{tmp_path.name}".lower().replace("_", "-")
    raw.index(index=name, id="1", body={"title": "red fox", "vec": [1, 2]}, params={"refresh": "true"})
    body = {"query": {"match": {"title": "red fox"}}}
    try:
        with gateway(tmp_path, opensearch.url, "--index", name, ready=False) as server:
            wait_for_text(server, "/healthz", "no hybrid profile")
            answer = server.search(name, body)
            assert answer.notes == ["off; reason=not-ready"]
            assert answer.json["hits"] == direct.search(name, body).json["hits"]
    finally:
        raw.indices.delete(index=name)


def test_a_page_that_leaves_takes_its_search_with_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as cluster:
        url = f"http://127.0.0.1:{cluster.getsockname()[1]}"
        with gateway(tmp_path, url, "--index", "wiki", "--default-mode", "off", ready=False) as server:
            body = json.dumps(BODY).encode()
            head = "POST /wiki/_search HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as page:
                page.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
                search = accept_search(cluster)
            # OpenSearch cancels a search whose connection is closed; a connection that stays would time out here.
            with search:
                while search.recv(65536):
                    pass
            while 'status="499"' not in server.ask("GET", "/metrics").body.decode():
                pass


def accept_search(cluster: socket.socket) -> socket.socket:
    """Take the connection on which a search comes; those with the gateway's own questions are closed."""
    while True:
        connection, _ = cluster.accept()
        connection.settimeout(60)
        if connection.recv(65536).startswith(b"POST /wiki/_search"):
            return connection
        connection.close()
