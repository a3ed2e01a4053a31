"""OpenSearch and Redis in containers, where a Docker engine answers; testcontainers is imported lazily."""

import gc
import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from .errors import ServiceBroken, ServiceUnavailable
from .health import is_ready
from .processes import START_SECONDS
from .redis import is_redis, user_info

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

OPENSEARCH_IMAGE = "opensearchproject/opensearch:3"
REDIS_IMAGE = "redis:7"
# The engine is on this machine or not at all: a slow answer is none.
PING_SECONDS = 2


def docker_answers() -> bool:
    """Whether testcontainers is installed and a Docker engine answers it, found out quickly."""
    with warnings.catch_warnings():
        # Where nobody answers, docker leaves its socket open, and Python says so when it finds it.
        warnings.simplefilter("ignore", ResourceWarning)
        answered = _pings()
        gc.collect()
    return answered


def start_opensearch(*, heap: str = "1g") -> tuple[str, Callable[[], None]]:
    """Start one node without the security plugin; return its address and what stops it."""
    from testcontainers.core.container import DockerContainer

    container = (
        DockerContainer(OPENSEARCH_IMAGE)
        .with_env("discovery.type", "single-node")
        .with_env("DISABLE_SECURITY_PLUGIN", "true")
        .with_env("DISABLE_INSTALL_DEMO_CONFIG", "true")
        .with_env("OPENSEARCH_JAVA_OPTS", f"-Xms{heap} -Xmx{heap}")
        .with_env("cluster.routing.allocation.disk.threshold_enabled", "false")
        .with_exposed_ports(9200)
    )
    host, port = _run(container, 9200, lambda host, port: is_ready(f"http://{host}:{port}"))
    return f"http://{host}:{port}", lambda: _stop(container)


def start_redis(*, password: str | None = None) -> tuple[str, Callable[[], None]]:
    """Start a Redis that keeps nothing on disk; return its address and what stops it."""
    from testcontainers.core.container import DockerContainer

    command = ["redis-server", "--save", "", "--appendonly", "no"]
    command += ["--requirepass", password] if password else []
    container = DockerContainer(REDIS_IMAGE).with_command(command).with_exposed_ports(6379)
    host, port = _run(container, 6379, lambda host, port: is_redis(port, host=host, password=password))
    return f"redis://{user_info(password)}{host}:{port}/0", lambda: _stop(container)


def _pings() -> bool:
    try:
        from testcontainers.core.docker_client import DockerClient

        client = DockerClient(timeout=PING_SECONDS).client
        try:
            return bool(client.ping())
        finally:
            client.close()
    except Exception:
        # What a missing engine raises depends on how it is missing: no socket, no rights, no host.
        return False


def _run(container: "DockerContainer", inner: int, ready: Callable[[str, int], bool]) -> tuple[str, int]:
    try:
        container.start()
    except Exception as failure:
        # An engine without the image and without a registry is as good as none.
        reason = str(failure).partition("\n")[0]
        raise ServiceUnavailable(f"Docker could not start {container.image}: {reason}") from failure
    try:
        host, port = container.get_container_host_ip(), int(container.get_exposed_port(inner))
        limit = time.monotonic() + START_SECONDS
        while not ready(host, port):
            if time.monotonic() > limit:
                output = b"".join(container.get_logs()).decode("utf-8", "replace")
                raise ServiceBroken(f"{container.image} was not ready; its log ends with: {output[-2000:]}")
            time.sleep(0.2)
    except BaseException:
        _stop(container)
        raise
    return host, port


def _stop(container: "DockerContainer") -> None:
    container.stop()
    # testcontainers leaves it open, and a test run that takes warnings for errors fails on that.
    container.get_docker_client().client.close()
