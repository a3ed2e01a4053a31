"""The main job on a small sample: an index, 44 passages with vectors, and questions in all three modes.

The vectors are made here, by a singular value decomposition of the sample's own words: enough to see passages found
that share no word with the question. ``make demo`` runs this on a node that it starts itself.
"""

import json
import re
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid import HybridError, IndexSpec, Passage, Profile, create_index, delete_index, open_index
from hybrid.cli.output import print_rows, shorten
from hybrid.engines.opensearch.index import OpenSearchIndex
from tests.services.discover import opensearch_service
from tests.services.errors import ServiceError

DIMENSION = 16
#: Spreads sims about as far as BM25's scores, so that λ = 1.1 weighs both sides.
SCALE = 8.0
QUESTIONS = ("Who discovered the drug that a mould makes?", "Which disease was eradicated?", "first men on the moon")
_STOP = frozenset(
    re.findall(r"\w+", "a an and are as at be by for from in into is it its of on or that the to was with")
)


class WordSpace:
    """Latent semantic analysis: texts with related words lie close together."""

    def __init__(self, texts: Sequence[str]):
        self._place = {word: place for place, word in enumerate(sorted({w for t in texts for w in _words(t)}))}
        counts = np.array([self._count(text) for text in texts])
        self._weight = np.log(len(texts) / np.count_nonzero(counts, axis=0))
        _, _, axes = np.linalg.svd(counts * self._weight, full_matrices=False)
        self._axes = axes[:DIMENSION]

    def encode(self, text: str) -> NDArray[np.float64]:
        """Give the place of a text; one without any known word lies in no direction in particular."""
        vector: NDArray[np.float64] = self._axes @ (self._count(text) * self._weight)
        return vector if vector.any() else np.ones(DIMENSION)

    def _count(self, text: str) -> NDArray[np.float64]:
        counts = np.zeros(len(self._place))
        for word in _words(text):
            if word in self._place:
                counts[self._place[word]] += 1
        return counts


def main() -> int:
    """Run the demo; 1 with one line if there is no OpenSearch to be had."""
    try:
        with opensearch_service(heap="512m") as service:
            run(f"{service.url}/demo-{secrets.token_hex(3)}")
    except (HybridError, ServiceError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    return 0


def run(address: str) -> None:
    """Fill an index at ``address`` and ask it."""
    rows = [json.loads(line) for line in (Path(__file__).parent / "sample.jsonl").read_text("utf-8").splitlines()]
    space = WordSpace([f"{row['title']} {row['text']}" for row in rows])
    profile = Profile(
        pair_id="demo-lsa",
        fingerprint="demolsa1",
        dimension=DIMENSION,
        similarity="cosine",
        scale=SCALE,
        max_norm=1.001,
    )
    print(f"creating {address}")
    create_index(address, profile, IndexSpec())
    try:
        _fill_and_ask(address, rows, space)
    finally:
        delete_index(address)


def _fill_and_ask(address: str, rows: list[dict[str, Any]], space: WordSpace) -> None:
    with open_index(address) as index:
        passages = (Passage(**row, vector=space.encode(f"{row['title']} {row['text']}")) for row in rows)
        report = index.add(passages, refresh=True)
        print(f"{report.created} passages written")
        for question in QUESTIONS:
            _ask(index, question, space)


def _ask(index: OpenSearchIndex, question: str, space: WordSpace) -> None:
    for mode in ("lexical", "hybrid"):
        result = index.search(question, vector=space.encode(question), k=3, mode=mode)
        print(f"\n{question}  [{mode}, {result.took_ms:.0f} ms]")
        rows = [
            (
                str(hit.rank),
                f"{hit.score:.3f}",
                f"{hit.bm25:.3f}",
                f"{hit.sim:.3f}",
                shorten(f"{hit.title}: {hit.text}", 80),
            )
            for hit in result.hits
        ]
        print_rows(("rank", "score", "bm25", "sim", "passage"), rows, numbers=4)


def _words(text: str) -> list[str]:
    """Give a text's words without their commonest endings."""
    words = re.findall(r"[a-z]+", text.lower())
    return [re.sub(r"(ing|ed|es|s)$", "", word) for word in words if word not in _STOP]


if __name__ == "__main__":
    sys.exit(main())
