"""What a folder is measured beside: bm25s and faiss put together by hand, and Pyserini's hybrid searcher."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bm25s
import faiss
import numpy as np
import Stemmer
from numpy.typing import NDArray

from benchmarks.passages import Workload

K = 100
DEPTH = 2000
LAMBDA = 1.1
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
        # -P: modules beside the program would stand in for those of Python itself.
        command = [python, "-P", str(Path(__file__).with_name("pyserini_rival.py")), str(folder)]
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
