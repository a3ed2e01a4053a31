"""What the exact hybrid query costs beside its rivals: ``python -m benchmarks.query --json``.

All variants run on one index with one client, interleaved question by question in an order that changes with each
question, because machines are noisy; the figures to trust are the ratios.
"""

import argparse
import json
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import passages, rivals
from benchmarks.passages import Workload
from hybrid import Hit, IndexSpec
from hybrid.engines.opensearch import lifecycle, writes
from hybrid.engines.opensearch.calls import Conversation
from hybrid.engines.opensearch.client import Client
from hybrid.engines.opensearch.queries import Target
from hybrid.engines.opensearch.search import search
from hybrid.engines.opensearch.settle import settle
from hybrid.passages import Vector
from hybrid.requests import make_request
from hybrid.settings import Settings
from tests import vectors
from tests.services.discover import opensearch_service

K = 100
Variant = Callable[[Target, str, Vector, int], Conversation[Any]]


def exact(target: Target, question: str, vector: Vector, k: int) -> Conversation[Any]:
    """Ask as the product does, without the passages' text."""
    request = make_request(question, target.profile, vector=vector, k=k, text=False)
    return search(target, request, "bench")


VARIANTS: dict[str, Variant] = {
    "exact": exact,
    "naive": rivals.naive,
    "two_round": rivals.two_rounds,
    "bm25": rivals.bm25_alone,
    "knn": rivals.knn_alone,
}

#: Scores this close may swap their places.
TOLERANCE = 1e-4
#: Questions asked before anything is timed.
WARM_UP = 20


def main() -> None:
    """Measure every size and print a table, or JSON."""
    options = _parse_options()
    base = passages.real(options.questions, options.seed)
    runs = []
    with opensearch_service(heap="2g") as service:
        client = Client(service.url, Settings())
        for size in options.sizes:
            _say(f"preparing {size or len(base.texts)} passages")
            work = passages.recombine(base, size, options.seed) if size else base
            with _indexed(client, work) as target:
                runs.append(measure(client, target, work, options.rounds))
        client.close()
    print(json.dumps({"runs": runs}, indent=2) if options.json else "\n\n".join(map(_table, runs)))


def measure(client: Client, target: Target, work: Workload, rounds: int) -> dict[str, Any]:
    """Time all variants, interleaved, and compare the exact one with the reference."""
    asked = list(zip(work.questions, work.question_vectors, strict=True))
    for question, vector in asked[:WARM_UP]:
        for variant in VARIANTS.values():
            client.run(variant(target, question, vector, K))
    rng = np.random.default_rng(0)
    took = np.empty((rounds * len(asked), len(VARIANTS)))
    for row, (question, vector) in enumerate(asked * rounds):
        for column in rng.permutation(len(VARIANTS)):
            started = time.perf_counter()
            client.run(list(VARIANTS.values())[column](target, question, vector, K))
            took[row, column] = (time.perf_counter() - started) * 1000
    agreement = float(np.mean([_agrees(client, target, work, *question) for question in asked]))
    return _summarise(len(work.texts), took, agreement)


def _summarise(size: int, took: NDArray[np.float64], agreement: float) -> dict[str, Any]:
    columns = dict(zip(VARIANTS, took.T, strict=True))
    return {
        "passages": size,
        "p50_ms": {name: round(float(np.median(column)), 2) for name, column in columns.items()},
        "p95_ms": {name: round(float(np.percentile(column, 95)), 2) for name, column in columns.items()},
        "ratios": {
            "exact/naive": _ratio(columns["exact"], columns["naive"]),
            "two_round/exact": _ratio(columns["two_round"], columns["exact"]),
        },
        "agreement": agreement,
    }


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> dict[str, float]:
    """Compare medians; the spread is that of the ratio within each question."""
    low, high = np.percentile(above / below, [25, 75])
    ratio = float(np.median(above) / np.median(below))
    return {"p50": round(ratio, 3), "p25": round(float(low), 3), "p75": round(float(high), 3)}


def _agrees(client: Client, target: Target, work: Workload, question: str, vector: Vector) -> float:
    """Give the share of the top 100's places that the reference fills alike, or with a score within the tolerance."""
    request = make_request(question, target.profile, vector=vector, k=K, text=False)
    hits: list[Hit] = list(client.run(search(target, request, "bench")).hits)
    rows = client.run(rivals.two_rounds(target, question, vector, 2 * rivals.DEPTH))
    scores = {name: float(bm25 or 0.0) + rivals.LAMBDA * _dot(work, name, vector) for name, bm25, _ in rows}
    best = sorted(scores, key=lambda name: (-scores[name], name))[:K]
    same = [
        abs(hit.score - scores[wanted]) < TOLERANCE and abs(scores.get(hit.id, np.inf) - hit.score) < TOLERANCE
        for hit, wanted in zip(hits, best, strict=True)
    ]
    return float(np.mean(same))


def _dot(work: Workload, name: str, vector: Vector) -> float:
    return float(work.passage_vectors[int(name[1:])].astype(np.float64) @ vector.astype(np.float64))


@contextmanager
def _indexed(client: Client, work: Workload) -> Iterator[Target]:
    name = f"bench-{secrets.token_hex(4)}"
    client.run(lifecycle.create_index(name, vectors.PROFILE, IndexSpec(replicas=0)))
    try:
        target = client.run(lifecycle.open_target(name))
        client.run(writes.add_passages(target, work.passages(), None))
        _say("merging")
        client.run(settle(name))
        yield target
    finally:
        client.run(lifecycle.drop_index(name))


def _table(run: dict[str, Any]) -> str:
    lines = [f"{run['passages']:,} passages, top {K}; agreement with the reference {run['agreement']:.3f}"]
    lines += [
        f"  {name:10} p50 {run['p50_ms'][name]:7.1f} ms   p95 {run['p95_ms'][name]:7.1f} ms" for name in VARIANTS
    ]
    lines += [
        f"  {name}: {r['p50']} (within questions {r['p25']} to {r['p75']})" for name, r in run["ratios"].items()
    ]
    return "\n".join(lines)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The exact hybrid query beside its rivals.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--questions", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sizes", type=int, nargs="+", default=[0, 200_000], help="0 = the real corpus as it is")
    return parser.parse_args()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
