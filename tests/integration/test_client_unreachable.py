"""No answer, or an answer of something else: one clear line that names the address, soon."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from hybrid import open_async_index, open_index
from hybrid.errors import HybridError, UnreachableError
from hybrid.settings import Settings
from tests.messages import assert_one_clear_line
from tests.services.http_server import Reply
from tests.services.processes import free_ports
from tests.services.recorder import Fault, always, recorder

Open = Callable[[str, Settings], None]


def open_sync(address: str, settings: Settings) -> None:
    open_index(address, settings=settings).close()


def open_async(address: str, settings: Settings) -> None:
    async def run() -> None:
        await (await open_async_index(address, settings=settings)).close()

    asyncio.run(run())


either = pytest.mark.parametrize("opening", [open_sync, open_async], ids=["sync", "async"])


def failure(opening: Open, address: str, kind: type[HybridError] = UnreachableError, **settings: Any) -> str:
    with pytest.raises(kind) as raised:
        opening(address, Settings(**settings))
    return assert_one_clear_line(raised.value)


@either
def test_closed_port_is_unreachable(opening: Open) -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    text = failure(opening, f"{url}/wiki")
    assert text.startswith(f"Cannot reach OpenSearch at {url}: ")
    assert "is it running" in text


@either
def test_host_that_does_not_exist_is_unreachable(opening: Open) -> None:
    assert "http://no-such-host.invalid" in failure(opening, "http://no-such-host.invalid:9200/wiki")


@either
def test_half_open_connection_is_given_up_after_the_time_that_was_said(opening: Open) -> None:
    started = time.monotonic()
    with recorder(always(Fault.HANG)) as server:
        text = failure(opening, f"{server.url}/wiki", opensearch_timeout=0.5)
    assert 0.5 <= time.monotonic() - started < 10
    assert "no answer in time; raise HYBRID_OPENSEARCH_TIMEOUT" in text
    assert len(server.requests) == 1


@either
def test_reset_connection_is_tried_again_and_then_unreachable(opening: Open) -> None:
    with recorder(always(Fault.RESET)) as server:
        assert server.url in failure(opening, f"{server.url}/wiki")
    assert 2 <= len(server.requests) <= 10


@either
def test_tls_towards_a_plain_server_does_not_blame_the_certificate(opening: Open) -> None:
    with recorder() as server:
        text = failure(opening, f"{server.url.replace('http://', 'https://')}/wiki")
    assert "certificate" not in text
    assert server.requests == []


PAGE = b"<!doctype html>\n<html>\n<body>It works!</body>\n</html>"
HTML = (("Content-Type", "text/html; charset=utf-8"),)
OTHERS = {
    "page": Reply(200, PAGE, HTML),
    "page that calls itself JSON": Reply(200, PAGE),
    "page of an error": Reply(404, PAGE, HTML),
    "page of a broken gateway": Reply(502, PAGE, HTML),
    "text": Reply(200, b"hello", (("Content-Type", "text/plain"),)),
    "nothing": Reply(200, b""),
    "no content": Reply(204, b""),
    "empty object": Reply(200, b"{}"),
    "list": Reply(200, b"[]"),
    "word": Reply(200, b'"hello"'),
    "another service": Reply(200, b'{"status": "ok", "version": "1.0"}'),
    "another service's numbers": Reply(200, b'{"version": {"number": "latest"}, "wiki": {}}'),
    "another service's error": Reply(404, b'["not found"]'),
    "another service's word": Reply(404, b'"not found"'),
    "half of an object": Reply(200, b'{"version": {"num'),
    "random bytes": Reply(200, bytes(range(128, 256))),
    "redirect": Reply(302, b"", (("Location", "/login"),)),
}


@pytest.mark.parametrize("reply", OTHERS.values(), ids=OTHERS)
@either
def test_server_that_is_no_opensearch_is_one_clear_error(opening: Open, reply: Reply) -> None:
    with recorder(always(reply)) as server:
        failure(opening, f"{server.url}/wiki", HybridError)


@pytest.mark.parametrize("status", [200, 404, 502])
@either
def test_web_page_is_not_printed(opening: Open, status: int) -> None:
    with recorder(always(Reply(status, PAGE * 100, HTML))) as server:
        assert "<" not in failure(opening, f"{server.url}/wiki", HybridError)
