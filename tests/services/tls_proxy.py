"""TLS and basic authentication in front of a plain server: an upstream address in, an https address out."""

import base64
import contextlib
import hmac
import http.client
import ssl
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .http_server import Connection, Request, Server, error_reply, forward
from .processes import LOCALHOST


@dataclass(slots=True)
class TlsProxy:
    """A running proxy: where it answers, whom it lets in, whom to trust, and what it did so far."""

    url: str
    upstream: str
    username: str
    password: str
    ca_file: Path
    passed: int = 0
    refused: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def requests(self) -> int:
        """How many requests came, let in or not."""
        return self.passed + self.refused

    def respond(self, connection: Connection, request: Request) -> None:
        """Pass the request on if its credentials are right, else refuse it."""
        given = request.header("Authorization")
        allowed = given is not None and hmac.compare_digest(given.encode(), self._expected().encode())
        with self._lock:
            self.passed += allowed
            self.refused += not allowed
        if not allowed:
            reason = "wrong credentials" if given else "missing credentials"
            asked = (("WWW-Authenticate", 'Basic realm="OpenSearch Security"'),)
            connection.send(error_reply(401, "security_exception", reason, headers=asked))
            return
        try:
            reply = forward(self.upstream, request)
        except (OSError, http.client.HTTPException) as failure:
            reply = error_reply(502, "bad_gateway", f"the upstream did not answer: {failure}")
        connection.send(reply)

    def _expected(self) -> str:
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


@contextlib.contextmanager
def tls_proxy(upstream: str, *, username: str = "admin", password: str = "right-pass-1") -> Iterator[TlsProxy]:
    """Yield a proxy on a free port whose certificate is signed by an authority of its own."""
    with tempfile.TemporaryDirectory(prefix="hybrid-tls-") as folder:
        ca_file = Path(folder) / "ca.pem"
        server = Server(tls=_server_side(ca_file))
        proxy = TlsProxy(server.url, upstream, username, password, ca_file)
        server.respond = proxy.respond
        with server.running():
            yield proxy


def _server_side(ca_file: Path) -> ssl.SSLContext:
    # Imported here: only the tests of this proxy need it.
    import trustme

    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(ca_file))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(LOCALHOST, "localhost").configure_cert(context)
    return context
