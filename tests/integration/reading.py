"""A worker that answers questions, for tests: Celery's own command on a Redis of its own, with a tiny reader."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hybrid.queue.broker import Broker
from hybrid.reader import mail
from hybrid.settings import Settings
from tests.faults.processes import RedisServer, Worker, kill_one, wait_for
from tests.services.processes import Leashed


@dataclass(slots=True)
class ReadWorker(Worker):
    """Takes questions; encodes nothing, and knows no cluster."""

    def start(self) -> None:
        command = [sys.executable, "-m", "celery", "-A", self.module, "worker", "-Q", "read", "--loglevel", "INFO"]
        run = Path(tempfile.mkdtemp(prefix="hybrid-run-"))
        # Without the cluster's address: who answers questions needs none.
        given = (f"{name}={value}" for name, value in self.environ.items())
        command = ["env", "-u", "HYBRID_OPENSEARCH_URL", *given, *command]
        self._process = Leashed([*command, "-n", f"{self.name}@here"], folder=run, log=self.log)

    def strike(self) -> None:
        """Kill the process that reads, as a lack of memory would."""
        children = self.children()
        assert children
        for pid in children:
            kill_one(pid)


def take_one(broker: Broker) -> mail.Letter:
    """Take a question as a worker would, as soon as there is one."""
    taken: list[mail.Letter] = []

    def look() -> bool:
        taken.extend(mail.take(broker, 1))
        return bool(taken)

    wait_for(look, "a question")
    return taken[0]


@contextmanager
def redis_of_its_own() -> Iterator[RedisServer]:
    server = RedisServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def settings_of(redis: RedisServer) -> Settings:
    return Settings(redis_url=redis.url, has_broker=True)


@contextmanager
def worker_on(redis: RedisServer, reader: Path | str, folder: Path, name: str = "reader") -> Iterator[ReadWorker]:
    """Yield a worker that is ready."""
    environ = {"HYBRID_REDIS_URL": redis.url, "HYBRID_READER": str(reader), "XDG_STATE_HOME": str(folder)}
    worker = ReadWorker({**environ, "PATH": os.environ["PATH"]}, folder, name)
    worker.start()
    try:
        worker.wait_ready()
        yield worker
    finally:
        worker.stop()
