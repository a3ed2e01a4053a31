"""What stands in for the sim of a passage without a vector: ``python -m benchmarks.missing``.

BM25 and sim of every candidate are read once per question from an index with all vectors; vectors are then taken away
in the computer's memory, and each prior ranks the union anew. Prints top-1, top-5 and top-20 accuracy in per cent.
"""

import argparse
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from hybrid import IndexSpec, Passage, SimPrior, create_index, delete_index, open_index
from hybrid.fusion import PAPER_DEPTH, PAPER_LAMBDA
from tests import corpora, vectors
from tests.corpora import Corpus
from tests.services.discover import opensearch_service

PRIORS = (SimPrior(0.0, 0.0), SimPrior(-0.4, 0.88), SimPrior(0.0, 1.0), SimPrior(1.0, 1.0), SimPrior(2.0, 1.0))
MISSING = (10, 50, 90)
AT = (1, 5, 20)
Scores = tuple[NDArray[np.float64], NDArray[np.float64], int]


def main() -> None:
    """Measure each set of questions in one mixed corpus."""
    parser = argparse.ArgumentParser(description="Priors for passages without a vector.")
    parser.add_argument("--questions", type=int, default=400, help="of each set")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    corpus = corpora.mixed()
    with (
        opensearch_service(heap="1g") as service,
        _indexed(f"{service.url}/missing-{secrets.token_hex(4)}", corpus) as url,
    ):
        for title, chosen in _choose(options.questions, options.seed).items():
            scores = list(_read(url, corpus, chosen))
            bm25, whole = accuracy(scores, PRIORS[0], 100), accuracy(scores, PRIORS[0], 0)
            _say(f"{title}: BM25 {bm25}, all encoded {whole}")
            for prior in PRIORS:
                row = "   ".join(f"{share} %: {accuracy(scores, prior, share)}" for share in MISSING)
                _say(f"  a {prior.a:+.2f} b {prior.b:.2f}   {row}")


def accuracy(scores: Sequence[Scores], prior: SimPrior, missing: int) -> str:
    """Give the share of questions whose passage is among the first 1, 5 and 20 while ``missing`` % have no vector."""
    size = len(scores[0][0])
    lost = np.zeros(size, dtype=bool)
    lost[np.random.default_rng(missing).permutation(size)[: size * missing // 100]] = True
    found = np.zeros(len(AT))
    for bm25, sim, gold in scores:
        ranked = _rank(bm25, sim, lost, prior)
        found += [gold in ranked[:k] for k in AT]
    return "/".join(f"{share:.1f}" for share in 100 * found / len(scores))


def _rank(
    bm25: NDArray[np.float64], sim: NDArray[np.float64], lost: NDArray[np.bool_], prior: SimPrior
) -> NDArray[np.intp]:
    encoded = np.flatnonzero(~lost)
    lexical = np.argsort(-bm25, kind="stable")[:PAPER_DEPTH]
    dense = encoded[np.argsort(-sim[encoded], kind="stable")[:PAPER_DEPTH]]
    union = np.union1d(lexical, dense)
    score = bm25 + PAPER_LAMBDA * np.where(lost, prior.a + prior.b * bm25, sim)
    return union[np.argsort(-score[union], kind="stable")]


def _choose(count: int, seed: int) -> dict[str, list[int]]:
    """Draw questions from each set of the mixed corpus."""
    rng, sets, start = np.random.default_rng(seed), {}, 0
    for name, part in (
        ("squad-sentences", corpora.squad_sentences()),
        ("XQuAD", corpora.squad_json("xquad.en.json")),
        ("PolicyQA", corpora.squad_json("policyqa-dev.json")),
    ):
        sets[name] = (start + rng.choice(len(part.questions), count, replace=False)).tolist()
        start += len(part.questions)
    return sets


def _read(url: str, corpus: Corpus, chosen: Sequence[int]) -> Iterator[Scores]:
    passages = vectors.encode_passages(corpus.passages).astype(np.float64)
    asked = [corpus.questions[place] for place in chosen]
    with open_index(url) as index:
        for question, vector, place in zip(asked, vectors.encode_questions(asked), chosen, strict=True):
            bm25 = np.zeros(len(passages))
            for hit in index.search(question, vector=vector, k=PAPER_DEPTH, mode="lexical", text=False).hits:
                bm25[int(hit.id)] = hit.bm25
            yield bm25, passages @ vector.astype(np.float64), corpus.gold[place]


@contextmanager
def _indexed(url: str, corpus: Corpus) -> Iterator[str]:
    encoded = vectors.encode_passages(corpus.passages)
    create_index(url, vectors.PROFILE, IndexSpec(replicas=0))
    try:
        with open_index(url) as index:
            texts = zip(corpus.passages, corpus.titles, encoded, strict=True)
            made = (
                Passage(str(n), text, title=title, vector=vector) for n, (text, title, vector) in enumerate(texts)
            )
            index.add(made, refresh=True)
        yield url
    finally:
        delete_index(url)


def _say(line: str) -> None:
    print(line, file=sys.stdout, flush=True)


if __name__ == "__main__":
    main()
