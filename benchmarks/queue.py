"""Through Redis and Celery beside the encoder alone: ``python -m benchmarks.queue --json``.

In turns, on other passages each time: this process encodes them as a worker would; then it ingests them with
``--queue``, and a real worker, with a Redis of its own, brings the vectors. The figure to trust is the ratio of two
neighbouring turns. Who spent how much processor time is told of every process that takes part.
"""

import argparse
import json
import os
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import opensearchpy

from benchmarks.encode import make_blocks
from hybrid.encoders import Encoder, load_encoder
from hybrid.index import create_index, delete_index, open_index
from hybrid.messages import MESSAGE_SIZE
from hybrid.queue import signs
from hybrid.queue.broker import Broker
from hybrid.settings import Settings
from ingest.run import Plan, run
from ingest.sources import Meter
from tests.faults.processes import RedisServer, Worker, wait_for
from tests.services.discover import opensearch_service

NODE = "bench@here"
#: Seconds between two looks at what the worker has done.
INTERVAL = 0.05
#: Seconds for which nodes repeat what they said of their processor time.
STALE = 1.5
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Turn:
    """The same number of passages by both ways."""

    passages: int
    alone_s: float
    queue_s: float
    #: Core seconds: of the encoder alone, and of each process on the way through the queue.
    alone_cpu: float
    cpu: Mapping[str, float]

    @property
    def ratio(self) -> float:
        """How much of the encoder's own rate comes out at the other end of the queue."""
        return self.alone_s / self.queue_s


@dataclass(frozen=True, slots=True)
class Scene:
    """What takes part."""

    encoder: Encoder
    address: str
    settings: Settings
    broker: Broker
    worker: Worker
    redis: RedisServer
    library: Any
    folder: Path


def main() -> None:
    """Measure and print."""
    options = _parse_options()
    texts = make_blocks(options.passages * options.turns + MESSAGE_SIZE)
    with (
        opensearch_service() as service,
        tempfile.TemporaryDirectory() as folder,
        _set_scene(service.url, Path(folder)) as scene,
    ):
        _say("warming up")
        _through_queue(scene, texts[:MESSAGE_SIZE])
        _encode(scene.encoder, texts[:MESSAGE_SIZE])
        starts = range(MESSAGE_SIZE, len(texts) - options.passages + 1, options.passages)
        turns = [
            _take_turn(scene, texts[start : start + options.passages], number) for number, start in enumerate(starts)
        ]
        with open_index(scene.address, settings=scene.settings) as index:
            index.add([], refresh=True)
            status = index.status()
    if status.encoded != status.passages:
        sys.exit(f"{status.passages - status.encoded} passages have no vector")
    found = _summarise(turns)
    print(json.dumps(found, indent=2) if options.json else _describe(found))


@contextmanager
def _set_scene(url: str, folder: Path) -> Iterator[Scene]:
    redis, name = RedisServer(), f"bench-{secrets.token_hex(4)}"
    redis.start()
    settings = Settings(opensearch_url=url, redis_url=redis.url, state_folder=folder / "hybrid")
    environ = {
        "HYBRID_OPENSEARCH_URL": url,
        "HYBRID_REDIS_URL": redis.url,
        "HYBRID_WORKER_INDEXES": f"{name}*",
        "XDG_STATE_HOME": str(folder),
    }
    worker, encoder = Worker(environ, folder, NODE.partition("@")[0], "workers.app"), load_encoder("minilm")
    library = opensearchpy.OpenSearch([url], timeout=60)
    address = f"{url}/{name}"
    create_index(address, encoder.make_profile(), settings=settings)
    try:
        worker.start()
        worker.wait_ready()
        with closing(library), Broker(settings) as broker:
            yield Scene(encoder, address, settings, broker, worker, redis, library, folder)
    finally:
        worker.stop()
        redis.stop()
        delete_index(address, settings=settings)


def _take_turn(scene: Scene, texts: Sequence[str], number: int) -> Turn:
    """Go both ways, in changing order."""
    _say(f"turn {number + 1}")
    if number % 2:
        queue_s, cpu = _through_queue(scene, texts)
        alone_s, alone_cpu = _encode(scene.encoder, texts)
    else:
        alone_s, alone_cpu = _encode(scene.encoder, texts)
        queue_s, cpu = _through_queue(scene, texts)
    return Turn(len(texts), alone_s, queue_s, alone_cpu, cpu)


def _encode(encoder: Encoder, texts: Sequence[str]) -> tuple[float, float]:
    """Encode as many passages at a time as a message names; gives seconds and core seconds."""
    started, cpu = time.perf_counter(), time.process_time()
    for start in range(0, len(texts), MESSAGE_SIZE):
        encoder.encode_passages([("", text) for text in texts[start : start + MESSAGE_SIZE]])
    return time.perf_counter() - started, time.process_time() - cpu


def _through_queue(scene: Scene, texts: Sequence[str]) -> tuple[float, dict[str, float]]:
    """Ingest text and wait for its last vector; gives seconds, and core seconds of each process."""
    source = scene.folder / f"{secrets.token_hex(4)}.jsonl"
    rows = ({"id": secrets.token_hex(8), "text": text} for text in texts)
    source.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    wanted = _count(scene) + len(texts)
    time.sleep(STALE)
    before, started = _cpu(scene), time.perf_counter()
    run(
        scene.address,
        Plan(sources=[str(source)], by="document", queue=True),
        lambda *_: None,
        Meter(),
        scene.settings,
    )
    while _count(scene) < wanted:
        time.sleep(INTERVAL)
    seconds = time.perf_counter() - started
    wait_for(lambda: not scene.broker.lengths().taken, "the last confirmation")
    time.sleep(STALE)
    after = _cpu(scene)
    return seconds, {name: after[name] - before[name] for name in after}


def _count(scene: Scene) -> int:
    return signs.read_done(scene.broker, NODE).get("encoded", 0)


def _cpu(scene: Scene) -> dict[str, float]:
    """Give the core seconds that each process has spent so far."""
    children = scene.worker.children()
    others = [pid for pid in scene.worker.processes() if pid not in children]
    info = scene.redis.library.info("cpu")
    nodes = scene.library.nodes.stats(metric="process")["nodes"].values()
    return {
        "worker, encoding": sum(map(_cpu_of, children)),
        "worker, main": sum(map(_cpu_of, others)),
        "ingest": time.process_time(),
        "redis": info["used_cpu_user"] + info["used_cpu_sys"],
        "opensearch": sum(node["process"]["cpu"]["total_in_millis"] for node in nodes) / 1000,
    }


def _cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _summarise(turns: Sequence[Turn]) -> dict[str, Any]:
    passages = sum(turn.passages for turn in turns)
    ratios = sorted(turn.ratio for turn in turns)
    spent = {name: sum(turn.cpu[name] for turn in turns) for name in turns[0].cpu}
    alone = sum(turn.alone_cpu for turn in turns)
    return {
        "passages": passages,
        "per_s": {
            "encoder alone": round(passages / sum(turn.alone_s for turn in turns), 1),
            "through the queue": round(passages / sum(turn.queue_s for turn in turns), 1),
        },
        "ratio": {
            "p50": round(statistics.median(ratios), 3),
            "least": round(ratios[0], 3),
            "most": round(ratios[-1], 3),
        },
        "core_ms_per_passage": {
            "encoder alone": round(1000 * alone / passages, 2),
            **{name: round(1000 * seconds / passages, 2) for name, seconds in spent.items()},
        },
        "ratio_of_core_s": round(alone / sum(spent.values()), 3),
        "turns": [asdict(turn) for turn in turns],
    }


def _describe(found: dict[str, Any]) -> str:
    rates, ratio = found["per_s"], found["ratio"]
    rows = "\n".join(f"  {name:20} {ms:8.2f} ms" for name, ms in found["core_ms_per_passage"].items())
    return (
        f"{found['passages']:,} passages: {rates['encoder alone']}/s by the encoder alone, "
        f"{rates['through the queue']}/s through the queue\n"
        f"ratio {ratio['p50']} ({ratio['least']} to {ratio['most']}), by core seconds {found['ratio_of_core_s']}\n"
        f"core time of a passage:\n{rows}"
    )


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The queue beside the encoder alone.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--passages", type=int, default=500, help="of a turn")
    parser.add_argument("--turns", type=int, default=4)
    return parser.parse_args()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
