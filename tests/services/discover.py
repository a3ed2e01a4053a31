"""Where the tests' services come from: the environment first, then containers, then native ones.

Each context manager yields a `Service` and takes away on leaving what it started itself. Where nothing can be
had it raises `ServiceUnavailable`; what is there and does not work raises `ServiceBroken`.
"""

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from . import containers
from .errors import ServiceBroken, ServiceUnavailable
from .health import get_json
from .node import start_cluster, start_node
from .places import OPENSEARCH_URL, REDIS_URL, given_url
from .processes import LOCALHOST
from .redis import start_redis

USUAL_PORTS = {"http": 80, "https": 443, "redis": 6379, "rediss": 6379}


@dataclass(frozen=True, slots=True)
class Service:
    """A service that answers: its address, where it came from, and what takes it away."""

    url: str
    origin: str
    stop: Callable[[], None]
    node_urls: tuple[str, ...]


@contextmanager
def opensearch_service(*, heap: str = "1g") -> Iterator[Service]:
    """Yield one OpenSearch: the one of HYBRID_OPENSEARCH_URL, else a container, else a native node."""
    service = _given(OPENSEARCH_URL) or _contained(lambda: containers.start_opensearch(heap=heap))
    if service is None:
        node = start_node(heap=heap)
        service = Service(node.url, "native", node.stop, (node.url,))
    yield from _until_left(service)


@contextmanager
def opensearch_cluster(nodes: int = 3, *, heap: str = "512m") -> Iterator[Service]:
    """Yield a cluster of so many nodes: that of HYBRID_OPENSEARCH_URL if it has them, else a native one."""
    service = _given(OPENSEARCH_URL)
    if service is None or not _has_nodes(service.url, nodes):
        cluster = start_cluster(nodes=nodes, heap=heap)
        service = Service(cluster.url, "native", cluster.stop, cluster.urls)
    yield from _until_left(service)


@contextmanager
def redis_service(*, password: str | None = None) -> Iterator[Service]:
    """Yield one Redis: the one of HYBRID_REDIS_URL, else a container, else a native server.

    One with a password of its own is never the given one.
    """
    service = None if password else _given(REDIS_URL)
    service = service or _contained(lambda: containers.start_redis(password=password))
    if service is None:
        server = start_redis(password=password)
        service = Service(server.url, "native", server.stop, (server.url,))
    yield from _until_left(service)


def _given(variable: str) -> Service | None:
    url = given_url(variable)
    if url is None:
        return None
    parsed = urlsplit(url)
    host, port = parsed.hostname or LOCALHOST, parsed.port or USUAL_PORTS.get(parsed.scheme, 80)
    try:
        socket.create_connection((host, port), timeout=5.0).close()
    except OSError as failure:
        # Falling back here would test another service than the one that was asked for. The whole address
        # may hold a password.
        raise ServiceBroken(f"{variable} is set, but nothing listens at {host}:{port}") from failure
    return Service(url, variable, lambda: None, (url,))


def _contained(start: Callable[[], tuple[str, Callable[[], None]]]) -> Service | None:
    if not containers.docker_answers():
        return None
    try:
        url, stop = start()
    except ServiceUnavailable as missing:
        print(f"services: {missing}; trying a native one", file=sys.stderr, flush=True)
        return None
    return Service(url, "docker", stop, (url,))


def _has_nodes(url: str, nodes: int) -> bool:
    try:
        found = get_json(f"{url}/_cluster/health").get("number_of_data_nodes")
    except (OSError, ValueError):
        return False
    return isinstance(found, int) and found >= nodes


def _until_left(service: Service) -> Iterator[Service]:
    try:
        yield service
    finally:
        service.stop()
