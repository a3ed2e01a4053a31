"""The connection to OpenSearch: bytes in, bytes out, on behalf of whoever asks.

Answers are not read here, so that a transparent one stays what it is. The caller's own credentials are passed on; the
gateway's are used for what it needs itself, and for callers without any if that is wanted.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
import orjson
from yarl import URL

from ..engines.opensearch.calls import Answer, Call, Conversation, Pause, read_error
from ..engines.opensearch.client import build_credentials, build_signer, build_ssl_context, carry_out
from ..errors import GatewayError
from ..settings import Settings

#: Longer answers are cut off: a page of hits is a few hundred kilobytes.
MAX_ANSWER_BYTES = 64 * 1024 * 1024
_CONNECTIONS = 256
_CHUNK = 256 * 1024
#: What the caller's request says that OpenSearch should hear.
PASSED_ON = ("authorization", "x-opaque-id")
#: Answers that concern whoever asks, or the cluster, and not one search: they go back as they are.
WHOLE = frozenset({401, 403, 413, 429, 502, 503, 504})
_MEDIA = {False: "application/json", True: "application/x-ndjson"}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply:
    """What OpenSearch answered, unread."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever asks: the headers that prove it."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def identity(self) -> str:
        """What tells callers apart."""
        return self.headers.get("authorization", "")


class Upstream:
    """A pool of connections to one cluster."""

    def __init__(self, url: str, settings: Settings, *, lend_credentials: bool = False):
        self._url = url.rstrip("/")
        self._own = build_credentials(settings)
        self._signer = build_signer(settings, asynchronous=True)
        self._lend = lend_credentials
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=_CONNECTIONS, ssl=build_ssl_context(settings) if url.startswith("https") else True
            ),
            timeout=aiohttp.ClientTimeout(total=settings.opensearch_timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"accept": "application/json", "accept-encoding": "identity", "user-agent": "hybrid-gateway"},
        )

    async def send(self, call: Call, caller: Caller | None = None) -> Reply:
        """Send a request on behalf of a caller, or as the gateway itself, and give the answer as it is."""
        address = self._address(call)
        headers = {"content-type": _MEDIA[call.ndjson]} if call.body is not None else {}
        headers |= self._prove(call.method, address, call.body, caller)
        try:
            request = self._session.request(
                call.method, URL(address, encoded=True), data=call.body, headers=headers, allow_redirects=False
            )
            async with request as response:
                return Reply(response.status, await _read(response), dict(response.headers))
        except TimeoutError as error:
            raise GatewayError("OpenSearch does not answer in time.", status=504, kind="timeout_exception") from error
        except aiohttp.ClientError as error:
            message = f"OpenSearch cannot be reached: {type(error).__name__}."
            raise GatewayError(message, status=503, kind="upstream_exception") from error

    async def carry_out(self, conversation: Conversation[T], caller: Caller | None = None) -> T:
        """Carry a conversation out on behalf of a caller, or as the gateway itself."""

        async def perform(step: Call | Pause) -> Answer:
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
                return Answer(200, None)
            reply = await self.send(step, caller)
            body = read_json(reply.body)
            if caller is not None and reply.status in WHOLE:
                kind, reason = read_error(body)
                raise GatewayError(reason, status=reply.status, kind=kind)
            return Answer(reply.status, body)

        return await carry_out(conversation, perform)

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _address(self, call: Call) -> str:
        query = f"?{urlencode(call.params)}" if call.params else ""
        return f"{self._url}{quote(call.path)}{query}"

    def _prove(self, method: str, address: str, body: bytes | None, caller: Caller | None) -> dict[str, str]:
        """Give the headers that say who asks."""
        given = {} if caller is None else dict(caller.headers)
        if "authorization" in given or not (caller is None or self._lend):
            return given
        signed = {} if self._signer is None else self._signer(method, address, body=body)
        return {**given, **self._own, **signed}


def read_json(body: bytes) -> Any:
    """Read an answer; what is no JSON is given as text."""
    try:
        return orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        return body.decode("utf-8", "replace")


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Read an answer, as long as it is not too long."""
    parts, size = [], 0
    async for part in response.content.iter_chunked(_CHUNK):
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            raise GatewayError(
                f"OpenSearch's answer is longer than {MAX_ANSWER_BYTES} bytes; ask for fewer hits.",
                status=502,
                kind="upstream_exception",
            )
        parts.append(part)
    return b"".join(parts)
