"""Services that outlive the command that starts them: a state folder in, processes and pid files out."""

import contextlib
import fcntl
import json
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from . import health, node, redis
from .errors import ServiceBroken
from .places import Ports
from .processes import LOCALHOST, identity, kill_group, spawn, wait_until

STOP_SECONDS = 40.0


@dataclass(frozen=True, slots=True)
class Standing:
    """One kind of service: where it answers, how that is told, and the command that runs it."""

    name: str
    ports: tuple[int, ...]
    url: str
    variable: str
    folder: Path
    answers: Callable[[], bool]
    ready: Callable[[], bool]
    command: Callable[[], list[str]]

    @property
    def log(self) -> Path:
        """Where the service's output goes."""
        return self.folder / "output.log"

    @property
    def pid_file(self) -> Path:
        """Where the number and the identity of the running process are kept."""
        return self.folder / "pid.json"


def services(state: Path, ports: Ports, *, heap: str = "1g") -> tuple[Standing, Standing]:
    """Return the two services whose data, logs and pid files lie in `state`."""
    return opensearch(state / "opensearch", ports, heap), queue(state / "redis", ports)


def opensearch(folder: Path, ports: Ports, heap: str) -> Standing:
    """Return the node that keeps its data."""
    plan = node.Plan(folder, ports.http, ports.transport, heap, {"discovery.type": "single-node"})
    return Standing(
        name="opensearch",
        ports=(ports.http, ports.transport),
        url=plan.url,
        variable="HYBRID_OPENSEARCH_URL",
        folder=folder,
        answers=lambda: health.is_opensearch(plan.url),
        ready=lambda: health.is_ready(plan.url),
        command=lambda: node.prepare(plan),
    )


def queue(folder: Path, ports: Ports) -> Standing:
    """Return the Redis that keeps its data on disk."""
    return Standing(
        name="redis",
        ports=(ports.redis,),
        url=redis.redis_url(ports.redis),
        variable="HYBRID_REDIS_URL",
        folder=folder,
        answers=lambda: redis.is_redis(ports.redis),
        ready=lambda: redis.is_redis(ports.redis),
        command=lambda: redis.redis_command(ports.redis, folder=folder, persistent=True),
    )


def start(service: Standing) -> str:
    """Start the service unless it runs, wait until it is ready, and return what was done."""
    if service.answers():
        done = "already running"
    else:
        pid = running_pid(service.pid_file)
        if pid is None:
            refuse_taken_ports(service)
            service.folder.mkdir(parents=True, exist_ok=True)
            pid = spawn(service.command(), log=service.log)
            write_pid(service.pid_file, pid)
        done = f"started as process {pid}"
    wait_until(
        service.ready,
        ended=lambda: not service.answers() and running_pid(service.pid_file) is None,
        evidence=lambda: f"its log is {service.log}",
        what=service.name,
    )
    return done


def stop(service: Standing) -> str:
    """Stop the process that `start` started, if it runs, and return what was done."""
    pid = running_pid(service.pid_file)
    if pid is None:
        service.pid_file.unlink(missing_ok=True)
        return "not started by us, left alone" if service.answers() else "not running"
    kill_group(pid, signal.SIGTERM)
    limit = time.monotonic() + STOP_SECONDS
    while running_pid(service.pid_file) == pid:
        if time.monotonic() > limit:
            kill_group(pid)
        time.sleep(0.1)
    service.pid_file.unlink(missing_ok=True)
    return f"stopped process {pid}"


def status(service: Standing) -> str:
    """Return in words whether the service answers and whose process it is."""
    pid = running_pid(service.pid_file)
    whose = f"process {pid}" if pid else "not started by us"
    if service.answers():
        return f"answers at {service.url}, {whose}"
    return f"process {pid} does not answer" if pid else "not running"


def purge(service: Standing) -> None:
    """Remove the data and logs of a service that was stopped."""
    shutil.rmtree(service.folder, ignore_errors=True)


def refuse_taken_ports(service: Standing) -> None:
    """Raise where something else listens on a port of the service."""
    for port in service.ports:
        with contextlib.suppress(OSError), socket.create_connection((LOCALHOST, port), timeout=2.0):
            raise ServiceBroken(f"port {port} is taken by something that is not our {service.name}")


def write_pid(path: Path, pid: int) -> None:
    """Write the process's number and identity; the twin of `running_pid`."""
    aside = path.with_suffix(".new")
    aside.write_text(json.dumps({"pid": pid, "identity": identity(pid)}), "utf-8")
    aside.replace(path)


def running_pid(path: Path) -> int | None:
    """Return the number of the process in the file if that very process still runs."""
    try:
        kept = json.loads(path.read_text("utf-8"))
        pid, known = int(kept["pid"]), kept["identity"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return pid if known and identity(pid) == known else None


@contextlib.contextmanager
def one_at_a_time(state: Path) -> Iterator[None]:
    """Let one start or stop work on the state folder; others wait, and a killed one holds nobody up."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("services: another start or stop is at work; waiting for it", file=sys.stderr, flush=True)
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield
