"""Raw sockets with bad intentions: a quick refusal, bounded memory, and the next page is served all the same."""

import contextlib
import gzip
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeIndex
from tests.gateway_corpus import Corpus, fill
from tests.gateway_dsl import ASKED
from tests.gateway_server import Server, gateway
from tests.services.discover import Service

#: What a gateway may grow by while it is attacked.
ROOM = 150 << 20
MEGABYTE = b" " * (1 << 20)


@pytest.fixture(scope="module")
def corpus(make_index: MakeIndex, raw: Any) -> Corpus:
    return fill(make_index, raw)


@pytest.fixture(scope="module")
def server(corpus: Corpus, opensearch: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with gateway(
        tmp_path_factory.mktemp("gateway"), opensearch.url, "--index", corpus.name, "--patience", "60"
    ) as server:
        assert_serves(server, corpus)
        yield server


@pytest.fixture(autouse=True)
def unharmed(server: Server, corpus: Corpus) -> Iterator[None]:
    before = server.memory
    yield
    assert_serves(server, corpus)
    assert server.memory < before + ROOM


def assert_serves(server: Server, corpus: Corpus) -> None:
    answer = server.search(corpus.name, {"query": {"match": {"text": ASKED}}, "size": 1})
    assert (answer.status, answer.notes) == (200, ["on; text=query"])


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=60)


def start(path: str, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: x", "content-type: application/json", *headers, "", ""]
    return "\r\n".join(lines).encode()


def read_status(connection: socket.socket) -> int:
    """Read the status of the answer; 0 if the connection just ends."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while b"\r\n" not in received and (part := connection.recv(65536)):
            received += part
    return int(received.split()[1]) if received else 0


def refusal_of(server: Server, path: str, body: bytes, **headers: str) -> tuple[int, Any]:
    answer = server.ask("POST", path, body, **headers)
    assert set(answer.json) == {"error", "status"}
    return answer.status, answer.json["error"]["reason"]


def test_a_body_that_says_it_is_large_is_refused_before_it_comes(server: Server, corpus: Corpus) -> None:
    with connect(server) as connection:
        connection.sendall(start(f"/{corpus.name}/_search", f"content-length: {1 << 30}"))
        assert read_status(connection) == 413


def test_a_body_that_never_ends_is_refused_when_it_is_too_large(server: Server) -> None:
    with connect(server) as connection:
        connection.sendall(start("/_msearch", "transfer-encoding: chunked"))
        with contextlib.suppress(ConnectionError):
            for _ in range(1 << 10):
                connection.sendall(b"%x\r\n%s\r\n" % (len(MEGABYTE), MEGABYTE))
            pytest.fail("a gigabyte was taken")
        assert read_status(connection) in (413, 0), "a reset may overtake the answer"


@pytest.mark.slow
def test_a_body_that_does_not_come_is_not_waited_for(server: Server, corpus: Corpus) -> None:
    with connect(server) as connection:
        connection.sendall(start(f"/{corpus.name}/_search", "content-length: 100") + b'{"size"')
        assert read_status(connection) == 408


def test_many_who_send_nothing_do_not_keep_others_out(server: Server, corpus: Corpus) -> None:
    with contextlib.ExitStack() as held:
        for _ in range(300):
            held.enter_context(connect(server)).sendall(b"POST /x HTTP/1.1\r\n")
        assert_serves(server, corpus)


def test_a_small_body_that_unpacks_to_a_large_one_is_refused(server: Server, corpus: Corpus) -> None:
    bomb = gzip.compress(b'{"a":"' + b" " * (256 << 20) + b'"}')
    assert len(bomb) < 1 << 20
    assert refusal_of(server, f"/{corpus.name}/_search", bomb, Content_Encoding="gzip")[0] == 413
    assert refusal_of(server, f"/{corpus.name}/_search", gzip.compress(bomb), Content_Encoding="gzip, gzip")[0] == 415


@pytest.mark.parametrize("opening", ['{"query":', "[", '{"query":{"bool":{"must":['])
def test_a_body_nested_ten_thousand_deep_is_refused(opening: str, server: Server, corpus: Corpus) -> None:
    status, _ = refusal_of(server, f"/{corpus.name}/_search", (opening * 10_000).encode())
    assert status == 400
    closed = (b'{"a":' * 10_000) + b"1" + b"}" * 10_000
    assert refusal_of(server, "/v1/search", closed)[0] == 400
    answer = server.ask("POST", f"/{corpus.name}/_msearch", b"{}\n" + closed + b"\n{}\n{}\n")
    assert [one["status"] for one in answer.json["responses"]] == [400, 200]


def test_ten_thousand_searches_at_once_are_refused(server: Server, corpus: Corpus) -> None:
    body = b"{}\n{}\n" * 10_000
    status, reason = refusal_of(server, f"/{corpus.name}/_msearch", body)
    assert (status, "more than 100 searches" in reason) == (400, True)


def test_ten_thousand_clauses_and_hits_are_refused(server: Server, corpus: Corpus) -> None:
    clauses = {"query": {"bool": {"should": [{"term": {"id": "x"}}] * 10_000}}}
    assert server.search(corpus.name, clauses).status == 400
    assert server.search(corpus.name, {"size": 10_001}).status == 400
    assert (
        server.search(corpus.name, {"aggs": {str(n): {"missing": {"field": "x"}} for n in range(1000)}}).status == 400
    )


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe{}",
        b'{"a":"\xff"}',
        b"{}{}",
        b"not json",
        '{"query":{}}'.encode("utf-16"),
        b"\x00",
        b'{"a":1e999999}',
    ],
)
def test_what_is_no_utf8_json_is_refused(body: bytes, server: Server, corpus: Corpus) -> None:
    assert refusal_of(server, f"/{corpus.name}/_search", body)[0] == 400


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x00\xa5",
        b"nonsense\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 20_000 + b"\r\n",
        b"POST /_msearch HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        b"POST /_msearch HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"POST /_msearch HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ids=range(7),
)
def test_what_is_no_http_is_refused(sent: bytes, server: Server) -> None:
    with connect(server) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        assert read_status(connection) in (0, 400, 404, 406, 431)


def test_who_leaves_in_the_middle_is_forgotten(server: Server, corpus: Corpus) -> None:
    for sent in (b"", b"POST", start(f"/{corpus.name}/_search", "content-length: 100") + b'{"size"'):
        for _ in range(20):
            with connect(server) as connection:
                connection.sendall(sent)
    body = json.dumps({"query": {"match": {"text": ASKED}}}).encode()
    whole = start(f"/{corpus.name}/_search", f"content-length: {len(body)}") + body
    for _ in range(50):
        with connect(server) as connection:
            connection.sendall(whole)


def test_requests_that_follow_at_once_are_answered_in_order(server: Server, corpus: Corpus) -> None:
    bodies = [json.dumps({"size": size, "_source": False}).encode() for size in range(5)]
    requests = [start(f"/{corpus.name}/_search", f"content-length: {len(body)}") + body for body in bodies]
    with connect(server) as connection:
        connection.sendall(b"".join(requests))
        received = b""
        while received.count(b'"hits":[') < 5:
            part = connection.recv(65536)
            assert part
            received += part
    answers = [part.partition(b"\r\n\r\n")[2] for part in received.split(b"HTTP/1.1 200 OK")[1:]]
    assert [len(json.loads(answer)["hits"]["hits"]) for answer in answers] == [0, 1, 2, 3, 4]


def test_words_of_the_caller_do_not_come_back_as_markup(server: Server) -> None:
    answer = server.ask("GET", "/<script>alert(1)</script>")
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("application/json")


def test_there_is_a_log_without_tracebacks(server: Server) -> None:
    assert isinstance(server.log, Path)
    assert "Traceback" not in server.log.read_text("utf-8")
