"""A gateway as a user runs it, in a process of its own, and what a page needs to talk to it."""

import contextlib
import http.client
import json
import os
import ssl
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.services.processes import LOCALHOST, Leashed, free_ports, wait_until

HYBRID = Path(sys.executable).with_name("hybrid")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def notes(self) -> list[str]:
        """What the gateway says of each search."""
        return self.headers["x-hybrid"].split(", ")

    @property
    def ids(self) -> list[str]:
        return [hit["_id"] for hit in self.json["hits"]["hits"]]

    @property
    def total(self) -> int:
        value: int = self.json["hits"]["total"]["value"]
        return value


@dataclass(frozen=True, slots=True)
class Server:
    """Something that answers searches: a gateway, or OpenSearch itself."""

    url: str
    log: Path | None = None
    pid: int = 0
    #: Whom to trust, where it speaks TLS.
    tls: ssl.SSLContext | None = None

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send one request; underscores in names of headers are hyphens."""
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        connection = (
            http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
            if self.tls is None
            else http.client.HTTPSConnection(parts.hostname, parts.port, timeout=60, context=self.tls)
        )
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with contextlib.closing(connection):
            connection.request(method, path, body, {"content-type": "application/json", **named})
            response = connection.getresponse()
            return Answer(response.status, {n.lower(): v for n, v in response.getheaders()}, response.read())

    def search(self, index: str, body: Any, parameters: Mapping[str, str] | None = None, **headers: str) -> Answer:
        query = f"?{urlencode(parameters)}" if parameters else ""
        return self.ask("POST", f"/{index}/_search{query}", json.dumps(body).encode(), **headers)

    def searches(self, pairs: Sequence[tuple[Any, Any]], path: str = "/_msearch", **headers: str) -> Answer:
        lines = [json.dumps(part) + "\n" for pair in pairs for part in pair]
        return self.ask("POST", path, "".join(lines).encode(), **headers)

    @property
    def memory(self) -> int:
        """Bytes that the gateway's process holds."""
        return int(Path(f"/proc/{self.pid}/statm").read_text("utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE")

    @property
    def cpu(self) -> float:
        """Seconds of processor time that the gateway's process has taken."""
        fields = Path(f"/proc/{self.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def gateway(
    folder: Path,
    upstream: str,
    *options: str,
    ready: bool = True,
    tls: ssl.SSLContext | None = None,
    **environ: str,
) -> Iterator[Server]:
    """Run ``hybrid serve`` until the block ends; ``ready`` waits for upstream and encoder, too."""
    (port,) = free_ports(1)
    number = len(list(folder.glob("gateway-*.log")))
    log = folder / f"gateway-{number}.log"
    plain = {name: value for name, value in os.environ.items() if not name.startswith("HYBRID_")}
    command = [str(HYBRID), "serve", "--upstream", upstream, "--port", str(port), *options]
    settings = [f"{name}={value}" for name, value in {**plain, "HF_HUB_OFFLINE": "1", **environ}.items()]
    process = Leashed(["/usr/bin/env", "-i", *settings, *command], folder=folder / f"gateway-{number}", log=log)
    server = Server(f"{'http' if tls is None else 'https'}://{LOCALHOST}:{port}", log, 0, tls)

    def answers() -> bool:
        with contextlib.suppress(OSError):
            status = server.ask("GET", "/healthz").status
            return status == 200 or not ready
        return False

    try:
        wait_until(answers, ended=process.ended, evidence=lambda: log.read_text("utf-8"), what="the gateway")
        yield Server(server.url, log, _child_of(process), tls)
    finally:
        process.stop()


def _child_of(process: Leashed) -> int:
    leash = process._leash.pid
    return int(Path(f"/proc/{leash}/task/{leash}/children").read_text("utf-8").split()[0])
