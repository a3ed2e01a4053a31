"""A request's body, in time and within bounds, and what is cancelled when whoever asked has left."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from ..errors import GatewayError
from .intake import too_large, unpack
from .policy import Limits

T = TypeVar("T")


async def receive(request: Request, limits: Limits) -> bytes:
    """Give the body, uncompressed."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limits.body_bytes:
        raise too_large(limits)
    try:
        async with asyncio.timeout(limits.receive_seconds):
            return unpack(await _read(request, limits), request.headers, limits)
    except TimeoutError as error:
        message = f"The request did not arrive within {limits.receive_seconds:g} seconds."
        raise GatewayError(message, status=408, kind="timeout_exception") from error


async def _read(request: Request, limits: Limits) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limits.body_bytes:
            raise too_large(limits)
        parts.append(part)
    return b"".join(parts)


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Do something for as long as somebody waits for it; what is asked of others is cancelled with it."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_leave(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return await working
    finally:
        leaving.cancel()
        working.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _leave(request: Request) -> None:
    """Return when whoever asked has left; the body has been read, so nothing else can come."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
