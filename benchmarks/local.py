"""What the same ranking costs in a folder, without a server: ``python -m benchmarks.local --json``.

The rival is what a competent person writes by hand on bm25s and faiss: both lists of 2000, the missing scores
filled in, the sum sorted. ``--cluster`` asks OpenSearch the same, ``--pyserini`` Pyserini's hybrid searcher. All
variants use the same vectors, interleaved question by question; the figures to trust are ratios.
"""

import argparse
import json
import resource
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import passages
from benchmarks.local_rivals import ByHand, K, Pyserini
from benchmarks.passages import Workload
from hybrid import IndexSpec, create_index, delete_index, open_index
from hybrid.engines.contract import Index
from hybrid.settings import Settings
from tests import vectors
from tests.services.discover import opensearch_service

BATCH = 32
WARM_UP = 5
#: Scores this close may swap their places.
TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class Rivals:
    """What is asked the same questions; None for what is left out."""

    by_hand: ByHand
    cluster: Index | None
    pyserini: Pyserini | None


def main() -> None:
    """Measure every size and print a table, or JSON."""
    options = _parse_options()
    base = passages.real(options.questions, options.seed)
    runs = []
    with ExitStack() as services:
        url = services.enter_context(opensearch_service(heap="2g")).url if options.cluster else None
        for size in options.sizes:
            _say(f"preparing {size or len(base.texts)} passages")
            work = passages.recombine(base, size, options.seed) if size else base
            folder = Path(tempfile.mkdtemp(prefix="bench-"))
            try:
                runs.append(_measure_size(folder, work, url, options))
            finally:
                shutil.rmtree(folder)
    print(json.dumps({"runs": runs}, indent=2) if options.json else "\n\n".join(map(_table, runs)))


def _measure_size(parent: Path, work: Workload, url: str | None, options: argparse.Namespace) -> dict[str, Any]:
    folder = parent / "wiki"
    started = time.perf_counter()
    create_index(str(folder), vectors.PROFILE)
    with open_index(str(folder)) as index:
        index.add(work.passages())
        ingest = len(work.texts) / (time.perf_counter() - started)
        index.settle()
    opening = _time(lambda: open_index(str(folder)).close())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    with ExitStack() as open_until_done:
        index = open_until_done.enter_context(open_index(str(folder)))
        cluster = open_until_done.enter_context(_on_cluster(url, work)) if url else None
        pyserini = Pyserini(work, options.pyserini, parent / "pyserini") if options.pyserini else None
        if pyserini:
            open_until_done.callback(pyserini.close)
        rivals = Rivals(ByHand(work), cluster, pyserini)
        _say("asking")
        took = measure_single(index, rivals, work, options.rounds) | measure_batched(index, rivals, work)
        alike = {"agreement_with_cluster": agree(index, cluster, work)} if cluster else {}
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {
        "passages": len(work.texts),
        "ingest_per_s": round(ingest),
        "open_ms": round(opening * 1000, 1),
        "bytes_per_100k": round(size / len(work.texts) * 100_000),
        "peak_rss_mib_after_ingest": peak,
        **alike,
        **_summarise(took),
    }


@contextmanager
def _on_cluster(url: str, work: Workload) -> Iterator[Index]:
    address = f"{url}/bench-{secrets.token_hex(4)}"
    create_index(address, vectors.PROFILE, IndexSpec(replicas=0), settings=Settings())
    try:
        with open_index(address, settings=Settings()) as index:
            index.add(work.passages(), refresh=True)
            _say("merging on the cluster")
            index.settle()
            yield index
    finally:
        delete_index(address, settings=Settings())


def measure_single(index: Index, rivals: Rivals, work: Workload, rounds: int) -> dict[str, list[float]]:
    """Time questions one by one, interleaved, in seconds a question."""
    rng = np.random.default_rng(0)
    took: dict[str, list[float]] = {}
    for place in list(range(WARM_UP)) + list(range(len(work.questions))) * rounds:
        question, vector = work.questions[place], work.question_vectors[place]
        variants: dict[str, Callable[[], Any]] = {
            "local": partial(index.search, question, vector=vector, k=K, text=False),
            "by_hand": partial(rivals.by_hand.search, [question], vector[np.newaxis]),
        }
        if rivals.cluster:
            variants["cluster"] = partial(rivals.cluster.search, question, vector=vector, k=K, text=False)
        _time_each(variants, rng, took)
        if rivals.pyserini:
            took.setdefault("pyserini", []).append(rivals.pyserini.search(place))
    return {name: values[WARM_UP:] for name, values in took.items()}


def measure_batched(index: Index, rivals: Rivals, work: Workload) -> dict[str, list[float]]:
    """Time batches of questions, interleaved, in seconds a question."""
    rng = np.random.default_rng(0)
    took: dict[str, list[float]] = {}
    for start in range(0, len(work.questions) - BATCH + 1, BATCH):
        questions = work.questions[start : start + BATCH]
        asked: NDArray[np.float32] = work.question_vectors[start : start + BATCH]
        variants: dict[str, Callable[[], Any]] = {
            "local_batched": partial(index.search_many, questions, asked, k=K, text=False),
            "by_hand_batched": partial(rivals.by_hand.search, questions, asked),
        }
        if rivals.cluster:
            variants["cluster_batched"] = partial(rivals.cluster.search_many, questions, asked, k=K, text=False)
        _time_each(variants, rng, took)
    return {name: [value / BATCH for value in values] for name, values in took.items()}


def agree(index: Index, cluster: Index, work: Workload) -> float:
    """Give the share of the top 100's places that both engines fill alike, or with a score within the tolerance."""
    same = []
    for question, vector in zip(work.questions, work.question_vectors, strict=True):
        ours, theirs = (
            one.search(question, vector=vector, k=K, text=False, dense="exact").hits for one in (index, cluster)
        )
        same += [a.id == b.id or abs(a.score - b.score) < TOLERANCE for a, b in zip(ours, theirs, strict=True)]
    return float(np.mean(same))


def _time_each(
    variants: Mapping[str, Callable[[], Any]], rng: np.random.Generator, took: dict[str, list[float]]
) -> None:
    for name in rng.permutation(list(variants)):
        took.setdefault(name, []).append(_time(variants[name]))


def _summarise(took: dict[str, list[float]]) -> dict[str, Any]:
    single, batched = took["local"], took["local_batched"]
    ratios = {
        f"{name} / local": _ratio(values, batched if name.endswith("_batched") else single)
        for name, values in took.items()
        if not name.startswith("local")
    }
    return {
        "p50_ms": {name: round(float(np.median(values)) * 1000, 2) for name, values in took.items()},
        "p95_ms": {name: round(float(np.percentile(values, 95)) * 1000, 2) for name, values in took.items()},
        "ratios": ratios,
    }


def _ratio(above: Sequence[float], below: Sequence[float]) -> dict[str, float]:
    """Compare medians; the spread is that of the ratio within each question."""
    low, high = np.percentile(np.array(above) / np.array(below), [25, 75])
    ratio = float(np.median(above) / np.median(below))
    return {"p50": round(ratio, 3), "p25": round(float(low), 3), "p75": round(float(high), 3)}


def _time(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _table(run: dict[str, Any]) -> str:
    facts = [name for name, value in run.items() if name != "passages" and not isinstance(value, dict)]
    lines = [f"{run['passages']:,} passages, top {K}", *(f"  {name:16} {run[name]:,}" for name in facts)]
    lines += [
        f"  {name:16} p50 {run['p50_ms'][name]:7.2f} ms   p95 {run['p95_ms'][name]:7.2f} ms" for name in run["p50_ms"]
    ]
    lines += [
        f"  {name}: {r['p50']} (within questions {r['p25']} to {r['p75']})" for name, r in run["ratios"].items()
    ]
    return "\n".join(lines)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The exact hybrid query in a folder beside one made by hand.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--questions", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sizes", type=int, nargs="+", default=[0, 200_000], help="0 = the real corpus as it is")
    parser.add_argument("--cluster", action="store_true", help="ask an OpenSearch, too")
    parser.add_argument("--pyserini", metavar="PYTHON", help="an interpreter that has pyserini, to compare with it")
    return parser.parse_args()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
