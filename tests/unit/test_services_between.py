"""What stands between a test and a real service: discovery, the recorder and the proxy."""

import contextlib
import http.client
import json
import ssl
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator

import pytest

from tests.services import ServiceBroken, discover
from tests.services.http_server import Reply
from tests.services.processes import LOCALHOST, free_ports, wait_until
from tests.services.recorder import (
    Fault,
    Recorder,
    always,
    applied_unanswered,
    busy,
    forwarding,
    in_turn,
    limited,
    recorder,
    when,
)
from tests.services.redis import redis_url
from tests.services.tls_proxy import TlsProxy, tls_proxy

# --- discovery ---


def test_given_address_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    with recorder() as server:
        monkeypatch.setenv("HYBRID_OPENSEARCH_URL", server.url)
        with discover.opensearch_service() as found:
            assert (found.url, found.origin) == (server.url, "HYBRID_OPENSEARCH_URL")
        assert exchange(server.url).status == 200


def test_given_address_where_nothing_listens_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_REDIS_URL", redis_url(free_ports(1)[0]))
    with pytest.raises(ServiceBroken, match=r"^HYBRID_REDIS_URL is set, but nothing listens at 127\.0\.0\.1:\d+$"):
        discover.redis_service().__enter__()


def test_password_is_quoted_in_the_address() -> None:
    assert redis_url(1, password="a/b@c") == "redis://:a%2Fb%40c@127.0.0.1:1/0"


# --- the recorder ---


@pytest.fixture
def upstream() -> Iterator[Recorder]:
    with recorder(lambda request: Reply(201, b"got " + request.body, (("X-Up", "yes"),))) as server:
        yield server


def exchange(url: str, path: str = "/", *, body: bytes = b"", seconds: float = 5.0) -> Reply:
    """Post to a server with a connection of its own."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=seconds)
    with contextlib.closing(connection):
        connection.request("POST", path, body, {"X-Sent": "1"})
        answer = connection.getresponse()
        return Reply(answer.status, answer.read(), tuple(answer.getheaders()))


def test_request_is_kept_and_passed_on_whole(upstream: Recorder) -> None:
    with recorder(forwarding(upstream.url)) as server:
        reply = exchange(server.url, "/a/b?c=d%20e", body=b"text")
    assert (reply.status, reply.body) == (201, b"got text")
    assert ("X-Up", "yes") in reply.headers
    kept = server.requests[0]
    assert (kept.method, kept.path, kept.body, kept.header("x-sent")) == (
        "POST",
        "/a/b?c=d%20e",
        b"text",
        "1",
    )
    assert (upstream.requests[0].path, upstream.requests[0].header("X-Sent")) == (kept.path, "1")


def test_chunked_body_is_read_to_its_end(upstream: Recorder) -> None:
    connection = http.client.HTTPConnection(upstream.url.removeprefix("http://"), timeout=5)
    with contextlib.closing(connection):
        for _ in range(2):
            connection.request("POST", "/", iter([b"one ", b"two"]), encode_chunked=True)
            assert connection.getresponse().read() == b"got one two"


def test_busy_server_answers_after_so_many_refusals(upstream: Recorder) -> None:
    answer = busy(2, status=503, retry_after="1", then=forwarding(upstream.url))
    with recorder(answer) as server:
        replies = [exchange(server.url) for _ in range(3)]
    assert [reply.status for reply in replies] == [503, 503, 201]
    assert ("Retry-After", "1") in replies[0].headers
    assert json.loads(replies[0].body)["status"] == 503
    assert len(upstream.requests) == 1


def test_reset_connection_is_seen_as_a_reset() -> None:
    with recorder(in_turn(always(Fault.RESET), always(Reply()))) as server:
        with pytest.raises(ConnectionResetError):
            exchange(server.url)
        assert exchange(server.url).status == 200


def test_hanging_server_neither_answers_nor_holds_up_the_test() -> None:
    started = time.monotonic()
    with recorder(always(Fault.HANG)) as server, pytest.raises(TimeoutError):
        exchange(server.url, seconds=0.2)
    assert time.monotonic() - started < 3
    assert len(server.requests) == 1


def test_body_above_the_limit_is_refused_and_does_not_arrive(upstream: Recorder) -> None:
    with recorder(limited(4, then=forwarding(upstream.url))) as server:
        assert exchange(server.url, body=b"12345").status == 413
        assert exchange(server.url, body=b"1234").status == 201
    assert len(upstream.requests) == 1


def test_write_that_is_applied_and_not_answered_arrives_upstream(upstream: Recorder) -> None:
    fault = when(lambda r: r.path == "/_bulk", applied_unanswered(upstream.url), otherwise=always(Reply()))
    with recorder(fault) as server:
        with pytest.raises(TimeoutError):
            exchange(server.url, "/_bulk", body=b"doc", seconds=0.5)
        assert exchange(server.url).status == 200
    wait_until(lambda: bool(upstream.requests), ended=lambda: False, evidence=lambda: "", what="the write")
    assert [request.body for request in upstream.requests] == [b"doc"]


# --- the proxy ---


@pytest.fixture
def proxy(upstream: Recorder) -> Iterator[TlsProxy]:
    with tls_proxy(upstream.url, username="user", password="pass") as running:
        yield running


@pytest.fixture
def secure(proxy: TlsProxy) -> Iterator[http.client.HTTPSConnection]:
    trust = ssl.create_default_context(cafile=proxy.ca_file)
    connection = http.client.HTTPSConnection(proxy.url.removeprefix("https://"), timeout=5, context=trust)
    with contextlib.closing(connection):
        yield connection


def basic(credentials: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(credentials.encode()).decode()}


@pytest.mark.parametrize("headers", [{}, basic("user:wrong"), {"Authorization": "Bearer pässword"}])
def test_proxy_refuses_wrong_credentials(
    headers: dict[str, str], proxy: TlsProxy, secure: http.client.HTTPSConnection, upstream: Recorder
) -> None:
    secure.request("GET", "/", headers=headers)
    answer = secure.getresponse()
    body = json.loads(answer.read())
    assert (answer.status, body["status"], body["error"]["type"]) == (401, 401, "security_exception")
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert (proxy.requests, proxy.refused, upstream.requests) == (1, 1, [])


def test_proxy_passes_requests_on_over_one_connection(
    proxy: TlsProxy, secure: http.client.HTTPSConnection, upstream: Recorder
) -> None:
    secure.connect()
    first = secure.sock
    for number in range(3):
        secure.request("PUT", f"/i/_doc/{number}?refresh=true", b"{}", basic("user:pass") | {"X-Sent": "1"})
        answer = secure.getresponse()
        assert (answer.status, answer.read(), answer.headers["X-Up"]) == (201, b"got {}", "yes")
        assert secure.sock is first
    assert proxy.passed == 3
    last = upstream.requests[-1]
    assert (last.method, last.path, last.header("X-Sent")) == ("PUT", "/i/_doc/2?refresh=true", "1")


def test_proxy_is_trusted_by_its_own_authority_only(proxy: TlsProxy) -> None:
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(proxy.url, timeout=5, context=ssl.create_default_context())


def test_proxy_without_upstream_answers_502() -> None:
    dead = f"http://{LOCALHOST}:{free_ports(1)[0]}"
    with tls_proxy(dead, username="user", password="pass") as proxy:
        trust = ssl.create_default_context(cafile=proxy.ca_file)
        request = urllib.request.Request(proxy.url, headers=basic("user:pass"))
        with pytest.raises(urllib.error.HTTPError, match="502") as raised:
            urllib.request.urlopen(request, timeout=5, context=trust)
        raised.value.close()
