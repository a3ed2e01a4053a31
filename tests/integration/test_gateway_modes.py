"""Who is asked in whose name, what is said when something is missing, and what a page's browser may do."""

import gzip
import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid import open_index
from hybrid.settings import Settings
from tests.conftest import MakeIndex
from tests.gateway_corpus import Corpus, fill
from tests.gateway_dsl import ASKED
from tests.gateway_server import Server, gateway
from tests.services.discover import Service
from tests.services.http_server import Reply, Request
from tests.services.processes import free_ports
from tests.services.recorder import Answer as Do
from tests.services.recorder import Recorder, always, forwarding, recorder, when
from tests.tiny_models import save_sentence_transformer

MATCH = {"match": {"text": ASKED}}
BODY: dict[str, Any] = {"query": MATCH, "size": 5, "_source": ["title"]}
EVE = "Basic ZXZlOnNlY3JldA=="
PATIENT = ("--patience", "60")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("corpus")


@pytest.fixture(scope="module")
def corpus(make_index: MakeIndex, raw: Any) -> Corpus:
    return fill(make_index, raw, missing=5)


@pytest.fixture(scope="module")
def on(corpus: Corpus, opensearch: Service, folder: Path) -> Iterator[Server]:
    names = ("--index", corpus.name, "--name", f"one={corpus.name}", "--name", f"two={corpus.name}")
    modes = ("--mode", "two=off", "--mode", "shadowed=shadow", "--name", f"shadowed={corpus.name}")
    with gateway(folder, opensearch.url, *names, *modes, *PATIENT) as server:
        yield server


@pytest.fixture
def direct(opensearch: Service) -> Server:
    return Server(opensearch.url)


@pytest.fixture
def recorded(opensearch: Service) -> Iterator[Recorder]:
    """Give a server that passes everything on to the node and remembers it."""
    with recorder(forwarding(opensearch.url)) as running:
        yield running


@pytest.fixture(scope="module")
def watching(corpus: Corpus, opensearch: Service, folder: Path) -> Iterator[tuple[Server, Recorder]]:
    with (
        recorder(forwarding(opensearch.url)) as recorded,
        gateway(folder, recorded.url, "--index", corpus.name, *PATIENT) as server,
    ):
        yield server, recorded


@pytest.fixture
def watched(watching: tuple[Server, Recorder], opensearch: Service) -> Iterator[tuple[Server, Recorder]]:
    """Give a gateway to a cluster that remembers what it is asked, and that may be made to answer otherwise."""
    _, recorded = watching
    recorded.requests.clear()
    yield watching
    recorded.answer = forwarding(opensearch.url)


def is_search(request: Request) -> bool:
    return "_search" in request.path or "_msearch" in request.path


def is_hybrid(request: Request) -> bool:
    return is_search(request) and b'"rescore"' in request.body


def said(requests: list[Request]) -> set[str | None]:
    return {request.header("authorization") for request in requests}


def test_callers_credentials_go_on_and_the_gateways_stay_its_own(
    corpus: Corpus, recorded: Recorder, tmp_path: Path
) -> None:
    options = ("--index", corpus.name, *PATIENT)
    with gateway(
        tmp_path, recorded.url, *options, HYBRID_OPENSEARCH_USERNAME="gate", HYBRID_OPENSEARCH_PASSWORD="hunter2"
    ) as server:
        assert {value for value in said(recorded.requests) if value != EVE} == {"Basic Z2F0ZTpodW50ZXIy"}
        for mode in ("off", "on"):
            recorded.requests.clear()
            server.search(
                corpus.name, BODY, Authorization=EVE, X_Opaque_Id="page-1", X_Search_Mode=mode, Cookie="a=b"
            )
            searches = [one for one in recorded.requests if is_search(one)]
            assert said(searches) == {EVE}
            assert {one.header("x-opaque-id") for one in searches} == {"page-1"}
            assert {one.header("cookie") for one in searches} == {None}
            recorded.requests.clear()
            server.search(corpus.name, BODY, X_Search_Mode=mode)
            assert said([one for one in recorded.requests if is_search(one)]) == {None}


def test_the_gateways_credentials_are_lent_if_that_is_wanted(
    corpus: Corpus, recorded: Recorder, tmp_path: Path
) -> None:
    options = ("--index", corpus.name, "--lend-credentials", *PATIENT)
    with gateway(tmp_path, recorded.url, *options, HYBRID_OPENSEARCH_TOKEN="token") as server:
        recorded.requests.clear()
        server.search(corpus.name, BODY)
        assert said([one for one in recorded.requests if is_search(one)]) == {"Bearer token"}
        recorded.requests.clear()
        server.search(corpus.name, BODY, Authorization=EVE)
        assert said([one for one in recorded.requests if is_search(one)]) == {EVE}


def test_a_dense_set_is_not_shared_between_callers(corpus: Corpus, watched: tuple[Server, Recorder]) -> None:
    server, recorded = watched
    for caller, searches in ((EVE, 2), (EVE, 1), ("Basic Ym9iOng=", 2), (EVE, 1)):
        recorded.requests.clear()
        assert server.search(corpus.name, BODY, Authorization=caller).notes == ["on; text=query"]
        asked = [one for one in recorded.requests if is_search(one)]
        assert len(asked) == searches, "the dense set is asked for once a caller"
        assert said(asked) == {caller}


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


def test_other_clients_get_vectors_and_the_exact_ranking(corpus: Corpus, on: Server) -> None:
    sent = {"index": corpus.name, "questions": [ASKED, "tides", ASKED]}
    encoded = on.ask("POST", "/v1/encode", json.dumps(sent).encode()).json
    assert encoded["pair_id"] == corpus.encoder.pair_id
    wanted_vectors = corpus.encoder.encode_questions([ASKED, "tides", ASKED])
    np.testing.assert_allclose(encoded["vectors"], wanted_vectors, atol=1e-4)
    asked = {
        "index": corpus.name,
        "question": ASKED,
        "k": 7,
        "lambda": 0.5,
        "filter": {"term": {"meta.colour": "blue"}},
    }
    found = on.ask("POST", "/v1/search", json.dumps(asked).encode())
    with open_index(corpus.address, settings=Settings()) as index:
        wanted = index.search(ASKED, k=7, lam=0.5, filter={"term": {"meta.colour": "blue"}})
    assert [hit["id"] for hit in found.json["hits"]] == [hit.id for hit in wanted.hits]
    for hit, true in zip(found.json["hits"], wanted.hits, strict=True):
        assert (hit["score"], hit["bm25"]) == (
            pytest.approx(true.score, abs=1e-4),
            pytest.approx(true.bm25, abs=1e-4),
        )
    assert (found.json["mode"], found.json["lambda"], found.notes) == ("hybrid", 0.5, ["on"])


@pytest.mark.parametrize(
    ("path", "sent", "status"),
    [
        ("/v1/encode", {"questions": "who"}, 400),
        ("/v1/encode", {"questions": ["who"] * 300}, 400),
        ("/v1/encode", {"index": "elsewhere", "questions": ["who"]}, 404),
        ("/v1/search", {"question": 5}, 400),
        ("/v1/search", {"question": "who", "k": 0}, 400),
        ("/v1/search", {"question": "who", "k": 20_000}, 400),
        ("/v1/search", {"question": "who", "mode": "sideways"}, 400),
        ("/v1/search", {"question": "who", "vector": [1, 2]}, 400),
        ("/v1/search", {"question": "who", "some_day": 1}, 400),
        ("/v1/search", {"question": "who", "filter": {"script": {}}}, 400),
        ("/v1/search", {"question": "who", "filter": {"range": {"meta.year": {"gte": "x"}}}}, 400),
        ("/v1/search", {"question": "who", "answers": 3}, 400),
        ("/v1/ask", {"question": "who", "answers": 0}, 400),
        ("/v1/ask", {"question": "who", "answers": True}, 400),
        ("/v1/ask", {"question": "who", "rule": "sideways"}, 400),
        ("/v1/ask", {"question": "who", "text": False}, 400),
        ("/v1/ask", {"question": "who", "reader": "/etc"}, 400),
        ("/v1/ask", {"index": "elsewhere", "question": "who"}, 404),
        ("/v1/profile", {}, 200),
        ("/v1/profile", {"index": "elsewhere"}, 404),
    ],
)
def test_other_clients_mistakes_are_told(path: str, sent: Any, status: int, corpus: Corpus, on: Server) -> None:
    answer = on.ask("POST", path, json.dumps({"index": corpus.name, **sent}).encode())
    assert answer.status == status
    assert set(answer.json) == ({"index", "profile"} if status == 200 else {"error", "status"})


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
