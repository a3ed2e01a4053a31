"""What the same ranking costs in a folder, without a server: ``python -m benchmarks.local --json``.

The rival is what a competent person writes by hand on bm25s and faiss: both lists of 2000, the missing scores
filled in, the sum sorted. All variants use the same vectors, interleaved question by question; the figures to trust
are ratios.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import bm25s
import faiss
import numpy as np
import Stemmer
from numpy.typing import NDArray

from benchmarks import passages
from benchmarks.passages import Workload
from hybrid import create_index, open_index
from hybrid.engines.contract import Index
from tests import vectors

K = 100
DEPTH = 2000
LAMBDA = 1.1
BATCH = 32
WARM_UP = 5
_faiss: Any = faiss

Rows = list[tuple[str, float]]


class ByHand:
    """bm25s and faiss put together: exact union, both scores of every candidate."""

    def __init__(self, work: Workload):
        self._stemmer = Stemmer.Stemmer("porter")
        self._bm25 = bm25s.BM25(method="lucene", k1=0.9, b=0.4)
        self._bm25.index(self._tokenize(work.texts), show_progress=False)
        self._vectors = work.passage_vectors
        self._flat = _faiss.IndexFlatIP(work.passage_vectors.shape[1])
        self._flat.add(work.passage_vectors)

    def search(self, questions: Sequence[str], asked: NDArray[np.float32]) -> list[Rows]:
        """Answer questions together."""
        sims, near = self._flat.search(asked, DEPTH)
        tokens = self._tokenize(questions, ids=False)
        return [self._fuse(*one) for one in zip(tokens, asked, near, sims, strict=True)]

    def _fuse(
        self, tokens: list[str], vector: NDArray[np.float32], near: NDArray[np.int64], sims: NDArray[np.float32]
    ) -> Rows:
        bm25 = self._bm25.get_scores(tokens)
        matched = np.argpartition(bm25, -DEPTH)[-DEPTH:]
        matched = matched[bm25[matched] > 0]
        missing = np.setdiff1d(matched, near, assume_unique=True)
        rows = np.concatenate([near, missing])
        all_sims = np.concatenate([sims, self._vectors[missing] @ vector])
        scores = bm25[rows] + LAMBDA * all_sims
        best = np.argpartition(scores, -K)[-K:]
        best = best[np.argsort(-scores[best])]
        return [(f"p{rows[place]}", float(scores[place])) for place in best]

    def _tokenize(self, texts: Sequence[str], *, ids: bool = True) -> Any:
        return bm25s.tokenize(list(texts), stopwords="en", stemmer=self._stemmer, show_progress=False, return_ids=ids)


class Pyserini:
    """Pyserini's hybrid searcher in a process of its own; the time it takes is the one that it measures itself."""

    def __init__(self, work: Workload, python: str, folder: Path):
        (folder / "texts").mkdir(parents=True)
        rows = ({"id": f"p{number}", "contents": text} for number, text in enumerate(work.texts))
        (folder / "texts" / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        np.save(folder / "vectors.npy", work.passage_vectors)
        np.save(folder / "questions.npy", work.question_vectors)
        (folder / "questions.json").write_text(json.dumps(work.questions), "utf-8")
        command = [python, str(Path(__file__).with_name("pyserini_rival.py")), str(folder)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._ask("")

    def search(self, place: int) -> float:
        """Answer a question by its number, and give the seconds it took."""
        return float(json.loads(self._ask(f"{place}\n"))[0])

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()

    def _ask(self, line: str) -> str:
        reading, writing = self._process.stdout, self._process.stdin
        assert reading is not None
        assert writing is not None
        writing.write(line)
        writing.flush()
        while line := reading.readline():
            if line.startswith(("[", "ready")):
                return line
        raise RuntimeError("pyserini ended; its own messages say why")


def main() -> None:
    """Measure every size and print a table, or JSON."""
    options = _parse_options()
    base = passages.real(options.questions, options.seed)
    runs = []
    for size in options.sizes:
        _say(f"preparing {size or len(base.texts)} passages")
        work = passages.recombine(base, size, options.seed) if size else base
        folder = Path(tempfile.mkdtemp(prefix="bench-"))
        try:
            runs.append(_measure_size(folder, work, options))
        finally:
            shutil.rmtree(folder)
    print(json.dumps({"runs": runs}, indent=2) if options.json else "\n\n".join(map(_table, runs)))


def _measure_size(parent: Path, work: Workload, options: argparse.Namespace) -> dict[str, Any]:
    folder = parent / "wiki"
    started = time.perf_counter()
    create_index(str(folder), vectors.PROFILE)
    with open_index(str(folder)) as index:
        index.add(work.passages())
        ingest = len(work.texts) / (time.perf_counter() - started)
        index.settle()
    opening = _time(lambda: open_index(str(folder)).close())
    with ExitStack() as open_until_done:
        index = open_until_done.enter_context(open_index(str(folder)))
        pyserini = Pyserini(work, options.pyserini, parent / "pyserini") if options.pyserini else None
        if pyserini:
            open_until_done.callback(pyserini.close)
        _say("asking")
        took = measure(index, ByHand(work), pyserini, work, options.rounds)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {
        "passages": len(work.texts),
        "ingest_per_s": round(ingest),
        "open_ms": round(opening * 1000, 1),
        "bytes_per_100k": round(size / len(work.texts) * 100_000),
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        **_summarise(took),
    }


def measure(
    index: Index, rival: ByHand, pyserini: Pyserini | None, work: Workload, rounds: int
) -> dict[str, list[float]]:
    """Time all variants, interleaved, in seconds a question."""
    rng = np.random.default_rng(0)
    took: dict[str, list[float]] = {"local": [], "by_hand": [], "local_batched": [], "by_hand_batched": []}
    asked = work.question_vectors
    for place in list(range(WARM_UP)) + list(range(len(work.questions))) * rounds:
        question, vector = work.questions[place], asked[place]
        single: dict[str, Callable[[], Any]] = {
            "local": partial(index.search, question, vector=vector, k=K, text=False),
            "by_hand": partial(rival.search, [question], vector[np.newaxis]),
        }
        for name in rng.permutation(list(single)):
            took[name].append(_time(single[name]))
        if pyserini:
            took.setdefault("pyserini", []).append(pyserini.search(place))
    for start in range(0, len(work.questions) - BATCH + 1, BATCH):
        questions, several = work.questions[start : start + BATCH], asked[start : start + BATCH]
        batched: dict[str, Callable[[], Any]] = {
            "local_batched": partial(index.search_many, questions, several, k=K, text=False),
            "by_hand_batched": partial(rival.search, questions, several),
        }
        for name in rng.permutation(list(batched)):
            took[name].append(_time(batched[name]) / BATCH)
    return {name: values[WARM_UP:] if "batched" not in name else values for name, values in took.items()}


def _summarise(took: dict[str, list[float]]) -> dict[str, Any]:
    return {
        "p50_ms": {name: round(float(np.median(values)) * 1000, 2) for name, values in took.items()},
        "p95_ms": {name: round(float(np.percentile(values, 95)) * 1000, 2) for name, values in took.items()},
        "ratios": {
            "by hand / local": _ratio(took["by_hand"], took["local"]),
            "by hand / local, batched": _ratio(took["by_hand_batched"], took["local_batched"]),
            **({"pyserini / local": _ratio(took["pyserini"], took["local"])} if "pyserini" in took else {}),
        },
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
    facts = ("ingest_per_s", "open_ms", "bytes_per_100k", "peak_rss_mib")
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
    parser.add_argument("--pyserini", metavar="PYTHON", help="an interpreter that has pyserini, to compare with it")
    return parser.parse_args()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
