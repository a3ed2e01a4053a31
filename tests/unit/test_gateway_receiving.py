"""A body comes in time and within bounds, or is refused; work ends when nobody waits for it."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request

from hybrid.errors import GatewayError
from hybrid.gateway.policy import Limits
from hybrid.gateway.receiving import receive, while_connected

LIMITS = Limits(body_bytes=10, receive_seconds=0.05)
DISCONNECT = {"type": "http.disconnect"}


def part(body: bytes, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def make_request(messages: Iterator[dict[str, Any]], **headers: str) -> Request:
    """Give a request whose body comes in these messages, and then nothing more."""

    async def next_message() -> Any:
        for message in messages:
            return message
        return await asyncio.get_running_loop().create_future()

    named = {"content-type": "application/json", **headers}
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": pairs}, next_message)


def status_of(messages: list[dict[str, Any]], **headers: str) -> int:
    with pytest.raises(GatewayError) as raised:
        asyncio.run(receive(make_request(iter(messages), **headers), LIMITS))
    return raised.value.status


def test_a_body_is_put_together() -> None:
    whole = make_request(iter([part(b"{"), part(b"}"), part(b"", more=False)]))
    assert asyncio.run(receive(whole, LIMITS)) == b"{}"


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    assert status_of([]) == 408
    assert status_of([part(b"{")]) == 408


def test_a_body_that_is_too_large_is_refused_as_soon_as_that_is_known() -> None:
    assert status_of([], content_length="11") == 413
    assert status_of([part(b"x" * 6), part(b"x" * 6)]) == 413


def test_who_leaves_while_sending_is_gone() -> None:
    with pytest.raises(ClientDisconnect):
        asyncio.run(receive(make_request(iter([part(b"{"), DISCONNECT])), LIMITS))


def test_work_ends_when_whoever_asked_has_left() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def leave() -> None:
        with pytest.raises(ClientDisconnect):
            await while_connected(make_request(iter([DISCONNECT])), work())

    asyncio.run(leave())
    assert ended == ["cancelled"]


def test_work_gives_its_result_or_its_error_to_who_stays() -> None:
    async def fail() -> None:
        raise GatewayError("no")

    async def give() -> int:
        return 7

    async def stay() -> None:
        assert await while_connected(make_request(iter([])), give()) == 7
        with pytest.raises(GatewayError, match="no"):
            await while_connected(make_request(iter([])), fail())

    asyncio.run(stay())
