"""Workers with a Redis of their own, seen through servers that may fail as a test says."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hybrid.settings import Settings
from tests.faults.points import Points, watched
from tests.faults.processes import RedisServer, Worker


@dataclass(slots=True)
class Troupe:
    """Who plays: a Redis, what stands in between, and workers that look after indexes of one prefix."""

    upstream: str
    redis: RedisServer
    points: Points
    folder: Path
    prefix: str = field(default_factory=lambda: f"test-{secrets.token_hex(6)}")
    workers: list[Worker] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return Settings(opensearch_url=self.upstream, redis_url=self.redis.url, state_folder=self.folder / "hybrid")

    @property
    def environ(self) -> dict[str, str]:
        """Give what workers are told."""
        return {
            "HYBRID_OPENSEARCH_URL": self.points.cluster,
            "HYBRID_REDIS_URL": self.points.broker,
            "HYBRID_WORKER_INDEXES": f"{self.prefix}-*",
            # Short, because a server may be told to say nothing; long enough for a busy machine.
            "HYBRID_OPENSEARCH_TIMEOUT": "3",
            "XDG_STATE_HOME": str(self.folder),
        }

    def add(self, name: str, **more: str) -> Worker:
        """Start a worker without waiting for it."""
        worker = Worker({**self.environ, **more}, self.folder, name)
        worker.start()
        self.workers.append(worker)
        return worker

    def evidence(self) -> str:
        return "\n".join(worker.log.read_text("utf-8", errors="replace")[-3000:] for worker in self.workers)


@contextmanager
def troupe_of(upstream: str, folder: Path, *, persistent: bool = False) -> Iterator[Troupe]:
    """Yield a troupe without a worker yet."""
    redis = RedisServer(persistent=persistent)
    redis.start()
    troupe: Troupe | None = None
    try:
        with watched(upstream, redis.port) as points:
            troupe = Troupe(upstream, redis, points, folder)
            try:
                yield troupe
            finally:
                for worker in troupe.workers:
                    worker.stop()
    finally:
        redis.stop()
