"""How fast text comes in and what memory that takes: ``python -m benchmarks.ingest --json``.

Writes a file of made-up passages (seeded, words by Zipf's law), runs ``hybrid ingest`` on it as a process of its own,
and watches that process's memory. ``--vectors`` does it once more with the default encoder, which takes long on a
machine without a GPU. ``--sets`` ingests the four real data sets with vectors and checks their accounting.
``--queue`` leaves vectors to workers that never come, with more and more passages: neither Redis nor the process that
ingests may need more and more memory.
"""

import argparse
import json
import os
import re
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hybrid.index import delete_index, open_index
from hybrid.queue.broker import Broker
from hybrid.sample import articles_path
from hybrid.settings import Settings
from tests.corpora import DATA
from tests.faults.processes import RedisServer
from tests.services.discover import opensearch_service

SEED = 20201116
#: Words of a passage, from … to.
WORDS = (25, 30)
#: Seconds between two looks at the memory.
INTERVAL = 0.25
#: Shares of the passages that are queued in turn, each by an ingestion of its own.
STEPS = (0.05, 0.25, 0.5, 1.0)
_MB = 2**20
#: Sources of the real data sets, and how they are read.
SETS: dict[str, Sequence[str]] = {
    "xquad": ["xquad.en.json"],
    "policyqa": ["policyqa-dev.json"],
    "squad-sentences": ["squad-sentences/passages.txt", "--format", "lines"],
    "vaswani": ["vaswani/doc-text.trec"],
}


@dataclass(frozen=True, slots=True)
class Memory:
    """What a process held, in MB: at most, and in two quarters of its time, so that growth shows."""

    peak: float
    second_quarter: float
    last_quarter: float


@dataclass(frozen=True, slots=True)
class Run:
    """One ``hybrid ingest``."""

    name: str
    seconds: float
    #: Passages of the index a second of the whole command, its start and end included.
    rate: float
    report: dict[str, Any]
    #: What the index says afterwards.
    status: dict[str, Any]
    memory: Memory
    #: What Redis held of it, and how many messages waited in the end, if vectors are left to workers.
    redis: Memory | None
    messages: int | None
    #: Whether every row and every passage is in exactly one column, and the index holds what was accepted.
    exact: bool


def main() -> None:
    """Measure and print."""
    options = _parse_options()
    with opensearch_service() as service, tempfile.TemporaryDirectory() as folder:
        runs = list(_measure(service.url, Path(folder), options))
    if options.json:
        print(json.dumps([asdict(run) for run in runs], indent=2))
    else:
        for run in runs:
            print(_describe(run))
    if not all(run.exact for run in runs):
        sys.exit("an accounting is not exact")


def _measure(url: str, folder: Path, options: argparse.Namespace) -> Iterator[Run]:
    if options.passages:
        source = write_passages(folder / "passages.jsonl", options.passages)
        yield ingest("text", url, folder, [str(source), "--no-vectors"])
        if options.queue:
            yield from _queue(url, folder, options.passages)
        if options.vectors:
            yield ingest("text and vectors", url, folder, [str(source)])
    if options.sets:
        for name, (file, *rest) in SETS.items():
            yield ingest(name, url, folder, [str(DATA / file), *rest])


def _queue(url: str, folder: Path, most: int) -> Iterator[Run]:
    """Leave more and more passages to workers that never come, with an empty Redis each time."""
    for share in STEPS:
        count = round(share * most)
        source = write_passages(folder / "queued.jsonl", count)
        redis = RedisServer()
        redis.start()
        try:
            yield ingest(f"text of {count:,}, queued", url, folder, [str(source), "--queue"], redis)
        finally:
            redis.stop()


def write_passages(path: Path, count: int) -> Path:
    """Write so many passages as JSON lines, the same ones each time."""
    rng = np.random.default_rng(SEED)
    words = np.array(_read_words())
    chances = 1 / np.arange(2, len(words) + 2)
    bounds = np.cumsum(chances / chances.sum())
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            drawn = words[np.searchsorted(bounds, rng.random(rng.integers(*WORDS, endpoint=True)))]
            text = f"{' '.join(drawn)}.".capitalize()
            file.write(json.dumps({"id": f"p{number}", "title": str(drawn[0]).title(), "text": text}) + "\n")
    return path


def ingest(name: str, url: str, folder: Path, arguments: Sequence[str], redis: RedisServer | None = None) -> Run:
    """Run the command into a fresh index, watch it, and drop the index again."""
    address = f"{url}/bench-{secrets.token_hex(4)}"
    started = time.monotonic()
    command = [sys.executable, "-c", "from hybrid.cli.main import main; main()", "ingest", address, *arguments]
    environ = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
    if redis is not None:
        environ["HYBRID_REDIS_URL"] = redis.url
    process = subprocess.Popen(
        [*command, "--replicas", "0", "--json"], env=environ, stdout=subprocess.PIPE, text=True
    )
    try:
        with ExitStack() as stack:
            held = stack.enter_context(watch(lambda: _read_resident(process.pid)))
            kept = stack.enter_context(watch(lambda: _read_used(redis))) if redis else []
            said, _ = process.communicate()
        seconds = time.monotonic() - started
        if process.returncode not in (0, 3):
            sys.exit(f"hybrid ingest {name} failed with exit code {process.returncode}")
        report, status = json.loads(said), _count(address)
        waiting = _count_waiting(redis) if redis else None
        return _to_run(name, seconds, report, status, held, kept, waiting)
    finally:
        process.kill()
        delete_index(address, settings=Settings())


def _read_resident(pid: int) -> float | None:
    """Give what a process holds, in MB; None if it is gone."""
    said = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return int(said.stdout) / 1024 if said.stdout.strip() else None


def _read_used(redis: RedisServer) -> float:
    """Give what Redis has taken for its data and itself, in MB."""
    return int(redis.library.info("memory")["used_memory"]) / _MB


def _count_waiting(redis: RedisServer) -> int:
    with Broker(Settings(redis_url=redis.url)) as broker:
        return broker.lengths().waiting


@contextmanager
def watch(read: Callable[[], float | None]) -> Iterator[list[float]]:
    """Collect what ``read`` gives until the block is left."""
    held: list[float] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(INTERVAL):
            if (found := read()) is not None:
                held.append(found)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield held
    finally:
        over.set()
        watcher.join()


def _to_run(
    name: str,
    seconds: float,
    report: dict[str, Any],
    status: dict[str, Any],
    held: list[float],
    kept: list[float],
    waiting: int | None,
) -> Run:
    stored = report["created"] + report["updated"] + report["unchanged"]
    exact = report["adds_up"] and status["passages"] == stored
    rate = round(report["passages"] / seconds, 1)
    redis = _sum_up(kept) if kept else None
    return Run(name, round(seconds, 1), rate, report, status, _sum_up(held), redis, waiting, exact)


def _sum_up(held: list[float]) -> Memory:
    quarter = max(len(held) // 4, 1)
    return Memory(
        peak=round(max(held, default=0.0), 1),
        second_quarter=round(statistics.median(held[quarter : 2 * quarter] or [0.0]), 1),
        last_quarter=round(statistics.median(held[-quarter:] or [0.0]), 1),
    )


def _count(address: str) -> dict[str, Any]:
    with open_index(address, settings=Settings()) as index:
        return asdict(index.status())


def _describe(run: Run) -> str:
    counts, status, memory = run.report, run.status, run.memory
    queue = f"; Redis {run.redis.peak:,.1f} MB at most, {run.messages:,} messages wait" if run.redis else ""
    return (
        f"{run.name}: {counts['passages']:,} passages in {run.seconds:,.1f} s, {run.rate:,.0f}/s\n"
        f"  rows {counts['rows']} = accepted {counts['accepted']} + rejected {counts['rejected']}; passages "
        f"{counts['passages']} = created {counts['created']} + updated {counts['updated']} + unchanged "
        f"{counts['unchanged']} + duplicate {counts['duplicate']}\n"
        f"  index {status['passages']} = encoded {status['encoded']} + pending {status['pending']} + failed "
        f"{status['failed']}: {'exact' if run.exact else 'NOT EXACT'}\n"
        f"  memory {memory.peak:,.0f} MB at most; {memory.second_quarter:,.0f} MB in the second quarter, "
        f"{memory.last_quarter:,.0f} MB in the last{queue}"
    )


def _read_words() -> list[str]:
    """Give the words of the sample, the commonest first: real ones, which a tokenizer knows."""
    words = re.findall(r"[a-z]+", articles_path().read_text(encoding="utf-8").lower())
    return [word for word, _ in Counter(words).most_common()]


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Rates, memory and accounting of hybrid ingest.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--passages", type=int, default=200_000, help="made-up passages; 0 leaves them out")
    parser.add_argument("--vectors", action="store_true", help="once more with vectors")
    parser.add_argument("--queue", action="store_true", help="leave vectors to workers that never come")
    parser.add_argument("--sets", action="store_true", help="the real data sets, with vectors")
    return parser.parse_args()


if __name__ == "__main__":
    main()
