"""Pyserini's hybrid searcher, run by an interpreter of its own: numbers of questions in, seconds and ids out.

``benchmarks.local --pyserini PYTHON`` writes ``texts.jsonl``, ``vectors.npy``, ``questions.json`` and
``questions.npy`` into a folder and starts this with it. It needs pyserini, faiss and a JDK 21 or newer.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("OPENAI_API_KEY", "unused")  # pyserini 1.6 asks for one at import

import faiss
import numpy as np
from pyserini.search.faiss import FaissSearcher
from pyserini.search.hybrid import HybridSearcher
from pyserini.search.lucene import LuceneSearcher

DEPTH = 2000
K = 100
#: Its rule is ALPHA · BM25 + sim, which ranks like BM25 + 1.1 · sim.
ALPHA = 1 / 1.1


class Known:
    """Stands where an encoder would: the questions' vectors are given."""

    def __init__(self, folder: Path):
        self.questions = json.loads((folder / "questions.json").read_text("utf-8"))
        self._vectors = dict(zip(self.questions, np.load(folder / "questions.npy"), strict=True))

    def encode(self, question: str, **_: object) -> np.ndarray:
        """Give a question's vector."""
        vector: np.ndarray = self._vectors[question]
        return vector


def main() -> None:
    """Build both indexes, then answer until the input ends."""
    folder = Path(sys.argv[1])
    known = Known(folder)
    sparse = LuceneSearcher(str(_index_text(folder)))
    sparse.set_bm25(0.9, 0.4)
    searcher = HybridSearcher(FaissSearcher(str(_index_vectors(folder)), known), sparse)
    print("ready", flush=True)
    for line in sys.stdin:
        question = known.questions[int(line)]
        started = time.perf_counter()
        hits = searcher.search(question, alpha=ALPHA, k0=DEPTH, k=K)
        print(json.dumps([time.perf_counter() - started, [hit.docid for hit in hits]]), flush=True)


def _index_text(folder: Path) -> Path:
    index = folder / "lucene"
    command = [sys.executable, "-m", "pyserini.index.lucene", "--collection", "JsonCollection", "--threads", "1"]
    command += [
        "--generator",
        "DefaultLuceneDocumentGenerator",
        "--input",
        str(folder / "texts"),
        "--index",
        str(index),
    ]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return index


def _index_vectors(folder: Path) -> Path:
    index = folder / "faiss"
    index.mkdir()
    vectors = np.load(folder / "vectors.npy")
    flat = faiss.IndexFlatIP(vectors.shape[1])
    flat.add(vectors)
    faiss.write_index(flat, str(index / "index"))
    (index / "docid").write_text("".join(f"p{number}\n" for number in range(len(vectors))))
    return index


if __name__ == "__main__":
    main()
