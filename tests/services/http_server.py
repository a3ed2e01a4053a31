"""The plumbing below the proxy and the recorder: a threaded HTTP/1.1 server, requests in, answers out."""

import contextlib
import http.client
import json
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from .processes import LOCALHOST

# Of one connection; they end at each hop (RFC 9110, 7.6.1).
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came: `path` holds the query as well."""

    method: str
    path: str
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the first header of this name in any case, None where there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; its length is added, and so is the type of JSON where no type is given."""

    status: int = 200
    body: bytes = b"{}"
    headers: Headers = ()


def error_reply(status: int, kind: str, reason: str, *, headers: Headers = ()) -> Reply:
    """Return an answer in the shape of OpenSearch's errors."""
    cause = {"type": kind, "reason": reason}
    body = {"error": {"root_cause": [cause], **cause}, "status": status}
    return Reply(status, json.dumps(body).encode(), headers)


class Connection(BaseHTTPRequestHandler):
    """One client's connection: reads requests and hands each to the server's `respond`."""

    protocol_version = "HTTP/1.1"
    # An answer is more than one write; without this it waits for the client's delayed acknowledgement.
    disable_nagle_algorithm = True
    server: "Server"

    def setup(self) -> None:
        """Do the TLS handshake here, in the connection's own thread."""
        raw = self.request
        self.server.connections.add(raw)
        if self.server.tls is not None:
            self.request = self.server.tls.wrap_socket(raw, server_side=True)
            self.server.connections.discard(raw)
            self.server.connections.add(self.request)
        super().setup()

    def finish(self) -> None:
        """Close the connection, the TLS one too: the server itself knows only the raw socket."""
        super().finish()
        self.server.connections.discard(self.connection)
        self.connection.close()

    def handle_any(self) -> None:
        """Read one request of any method and let the server answer it."""
        request = Request(self.command, self.path, tuple(self.headers.items()), self.read_body())
        self.server.respond(self, request)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = handle_any  # noqa: N815

    def read_body(self) -> bytes:
        """Return the request's body, whether its length is given or it comes in chunks."""
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def send(self, reply: Reply) -> None:
        """Write one answer."""
        self.send_response_only(reply.status)
        names = {name.lower() for name, _ in reply.headers}
        for name, value in reply.headers:
            self.send_header(name, value)
        if "content-type" not in names:
            self.send_header("Content-Type", "application/json; charset=UTF-8")
        if "content-length" not in names:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def reset(self) -> None:
        """Break the connection off, so that the client sees a reset and no answer."""
        # Lingering for no time makes close() send a reset; it closes only when no file holds the socket.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()
        self.connection.close()
        self.close_connection = True

    def hang(self) -> None:
        """Keep the connection open without an answer until the server closes."""
        self.server.closing.wait()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing: the tests ask the server what it got."""


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """A server on a free port of this machine that answers in threads until it is closed."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    respond: Callable[[Connection, Request], None]

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        """Listen; `running` makes it answer, by what `respond` was set to."""
        super().__init__((LOCALHOST, 0), Connection)
        self.tls = tls
        self.closing = threading.Event()
        self.connections: set[socket.socket] = set()

    @property
    def url(self) -> str:
        """Where the server answers."""
        return f"{'https' if self.tls else 'http'}://{LOCALHOST}:{self.server_address[1]}"

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Answer until the block is left; then end all connections, the waiting ones too."""
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.closing.set()
            self.shutdown()
            thread.join()
            self.server_close()
            for connection in tuple(self.connections):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that goes away is what some tests are about."""


def forward(upstream: str, request: Request, *, seconds: float = 60.0) -> Reply:
    """Send the request to another server as it came and return that server's answer."""
    target = urlsplit(upstream)
    connection = http.client.HTTPConnection(target.hostname or LOCALHOST, target.port, timeout=seconds)
    kept = [(name, value) for name, value in request.headers if name.lower() not in HOP_BY_HOP]
    try:
        connection.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
        for name, value in kept:
            if name.lower() != "content-length":
                connection.putheader(name, value)
        if request.body or request.method in {"POST", "PUT", "PATCH"}:
            connection.putheader("Content-Length", str(len(request.body)))
        connection.endheaders(request.body)
        answer = connection.getresponse()
        body = answer.read()
        headers = tuple((n, v) for n, v in answer.getheaders() if n.lower() not in HOP_BY_HOP)
        return Reply(answer.status, body, headers)
    finally:
        connection.close()
