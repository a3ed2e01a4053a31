"""The server that the application runs on: uvicorn, made impatient with clients that send or read nothing."""

import asyncio
import logging
import socket
import ssl
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..errors import GatewayError, UsageError

log = logging.getLogger(__name__)

#: Seconds in which the head of a request must have come, and its largest size.
HEAD_SECONDS = 10.0
HEAD_BYTES = 32 * 1024
#: Seconds that a connection is kept for the next request, and after which a client must have read something.
IDLE_SECONDS = 5
#: Connections at a time; beyond, the answer is 503.
MOST_CONNECTIONS = 512
_LEAVING_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Place:
    """Where to listen."""

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None

    @property
    def url(self) -> str:
        """Where clients find it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'http' if self.certificate is None else 'https'}://{host}:{self.port}"


class ImpatientProtocol(H11Protocol):
    """HTTP/1.1 with a deadline for the head of every request, and for the reading of every answer."""

    _deadline: asyncio.TimerHandle | None = None
    _unread: int = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for the first request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take what came; a head that comes drop by drop does not get more time."""
        # In pieces: the parser looks at the size of a head only while it is incomplete.
        for start in range(0, len(data), HEAD_BYTES):
            if not self.transport.is_closing():
                super().data_received(data[start : start + HEAD_BYTES])
        self._watch()

    def on_response_complete(self) -> None:
        """Start to wait for the next request."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        super().connection_lost(exc)
        self._stop()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, unless its client still reads."""
        if self.transport.get_write_buffer_size():
            self.timeout_keep_alive_task = self.loop.call_later(IDLE_SECONDS, self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()

    def _watch(self) -> None:
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering or self.transport.is_closing():
            self._stop()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._expire)

    def _expire(self) -> None:
        """End a connection on which nothing moves; a client that still reads an answer gets more time."""
        unread, self._unread = self._unread, self.transport.get_write_buffer_size()
        if self._unread in (0, unread):
            self.transport.abort()
        else:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._expire)

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def run(app: ASGIApp, place: Place) -> None:
    """Serve until told to stop; Ctrl-C is the ordinary way to do so."""
    config = build_config(app, place)
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"--certificate and --key cannot be used: {error}; both are PEM files.") from error
    server = uvicorn.Server(config)
    with listen(place) as listening, suppress(KeyboardInterrupt):
        log.info("listening on %s", replace(place, port=listening.getsockname()[1]).url)
        server.run(sockets=[listening])
    if not server.started:
        raise GatewayError("The gateway did not start; the lines above say why.")


def listen(place: Place) -> socket.socket:
    """Open the port, before anything else is begun."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            place.host, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # With the protocol named, asyncio sends what is written at once; without, every answer may wait for 40 ms.
        listening = socket.socket(family, kind, protocol)
        with ExitStack() as undo:
            undo.callback(listening.close)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            undo.pop_all()
    except OSError as error:
        where = f"{place.host}:{place.port}"
        raise UsageError(f"Cannot listen on {where}: {error.strerror}; choose another --host or --port.") from error
    return listening


def build_config(app: ASGIApp, place: Place) -> uvicorn.Config:
    """Say how the server is to behave."""
    return uvicorn.Config(
        app,
        host=place.host,
        port=place.port,
        http=ImpatientProtocol,
        ws="none",
        lifespan="on",
        ssl_certfile=place.certificate,
        ssl_keyfile=place.key,
        h11_max_incomplete_event_size=HEAD_BYTES,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=_LEAVING_SECONDS,
        access_log=False,
        server_header=False,
        log_config=None,
    )
