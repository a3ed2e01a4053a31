"""Workers and a Redis of a test's own, as processes that can be killed, stopped and started again."""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from tests.services.processes import Leashed, free_ports, remove_folder, tail, wait_until
from tests.services.redis import is_redis, redis_command, redis_url

#: Seconds that anything may take on a busy machine before a test gives up.
PATIENCE = 240.0


def wait_for(done: Callable[[], bool], what: str, evidence: Callable[[], str] = str) -> None:
    """Wait until something is so."""
    limit = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < limit, f"{what} took more than {PATIENCE:.0f} s; {evidence()}"
        time.sleep(0.05)


class RedisServer:
    """A Redis on a port of its own, whose data may outlive its process."""

    def __init__(self, *options: str, persistent: bool = False, password: str | None = None):
        self.folder = Path(tempfile.mkdtemp(prefix="hybrid-redis-"))
        self.port = free_ports(1)[0]
        self.url = redis_url(self.port, password=password)
        self._password = password
        self.library: Any = redis.Redis.from_url(self.url)
        command = redis_command(self.port, folder=self.folder, persistent=persistent, password=password)
        self._command = [*command, *options]
        self._process: Leashed | None = None

    def start(self) -> None:
        process = Leashed(
            self._command, folder=Path(tempfile.mkdtemp(prefix="hybrid-run-")), log=self.folder / "redis.log"
        )
        self._process = process
        log = self.folder / "redis.log"
        wait_until(
            lambda: is_redis(self.port, password=self._password),
            ended=process.ended,
            evidence=lambda: tail(log),
            what="redis-server",
        )

    def kill(self) -> None:
        """End the server as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.stop()

    def pause(self) -> None:
        """Let the server keep its connections and answer nothing."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        self.library.close()
        if self._process is not None:
            self.go_on()
            self._process.stop()
        remove_folder(self.folder)

    def _signal(self, sent: signal.Signals) -> None:
        (pid,) = [one for one in descendants(self._leash) if _name(one) == "redis-server"]
        os.kill(pid, sent)

    @property
    def _leash(self) -> int:
        assert self._process is not None
        return self._process.pid


@dataclass(slots=True)
class Worker:
    """A worker started by Celery's own command."""

    environ: Mapping[str, str]
    folder: Path
    name: str = "one"
    module: str = "tests.faults.app"
    _process: Leashed | None = field(default=None, init=False)

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def start(self) -> None:
        command = [sys.executable, "-m", "celery", "-A", self.module, "worker", "-Q", "encode", "--loglevel", "INFO"]
        run = Path(tempfile.mkdtemp(prefix="hybrid-run-"))
        command = ["env", *(f"{name}={value}" for name, value in self.environ.items()), *command]
        self._process = Leashed([*command, "-n", f"{self.name}@here"], folder=run, log=self.log)

    def wait_ready(self, times: int = 1) -> None:
        wait_for(lambda: self.said(" ready.") >= times, f"the start of worker {self.name}", lambda: tail(self.log))

    def said(self, words: str) -> int:
        """Count how often the worker's log says something."""
        return self.log.read_text("utf-8", errors="replace").count(words) if self.log.exists() else 0

    def kill(self) -> None:
        """End the worker with all its processes as a crash of the machine would."""
        assert self._process is not None
        self._process.kill()
        self._process.stop()

    def kill_child(self) -> None:
        """End the processes that encode, as a lack of memory would."""
        for pid in self.children():
            kill_one(pid)

    def processes(self) -> list[int]:
        """Give all processes of the worker."""
        assert self._process is not None
        return descendants(self._process.pid)

    def children(self) -> list[int]:
        """Give the processes of the pool: those below Celery's main one."""
        mains = [one for one in self.processes() if "celery" in _arguments(one)]
        return [one for main in mains[:1] for one in descendants(main) if "spawn_main" in _arguments(one)]

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()


def kill_one(pid: int) -> None:
    """Kill a process that may be gone."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def descendants(pid: int) -> list[int]:
    """Give the processes below one, from the nearest to the farthest."""
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    children = [int(one) for one in found]
    return children + [one for child in children for one in descendants(child)]


def _arguments(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
