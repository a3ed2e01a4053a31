"""Ask an index once: questions go in, and each one's candidates with both true scores come out, a batch at a time.

Every mode, λ and rule of fusion is worked out from these, so nothing is asked twice. Each side is asked by itself for
its best ``depth``: so ranks and ties are those that the modes lexical and dense give, and BM25 is what the engine
scored, not what is left of a sum.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..engines.contract import Index
from ..fusion import SimPrior, expect_sim
from ..passages import Dense, Hit, Mode, SearchResult
from ..questions import QuestionEncoder
from ..requests import SearchOptions, Vectors
from .fusion_rules import Candidates
from .questions import Question

#: Questions that are asked together: twice ``depth`` hits of each are held at a time.
BATCH = 64


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A question, and what both sides found for it."""

    question: Question
    candidates: Candidates
    #: Which candidates have a vector, so that their sim is true.
    encoded: NDArray[np.bool_]
    #: Whether only the beginning of the question went to BM25.
    cut: bool


def encode(index: Index, questions: Sequence[Question]) -> Iterator[NDArray[np.float32]]:
    """Give the questions' vectors, a batch at a time, from the encoder that the index names."""
    encoder = QuestionEncoder()
    for start in range(0, len(questions), BATCH):
        yield encoder.encode(index.profile, [one.text for one in questions[start : start + BATCH]])


def ask(
    index: Index,
    questions: Sequence[Question],
    vectors: Vectors | None,
    *,
    depth: int | None = None,
    dense: Dense | None = None,
) -> Iterator[list[Asked]]:
    """Give every question's candidates, in order; without vectors there is no dense side."""
    depth = depth or index.profile.depth
    for start in range(0, len(questions), BATCH):
        some = slice(start, start + BATCH)
        texts = [one.text for one in questions[some]]
        own = None if vectors is None else vectors[some]
        lexical = _list(index, texts, own, "lexical", depth, None)
        near = [None] * len(texts) if own is None else _list(index, texts, own, "dense", depth, dense)
        prior = index.profile.sim_prior
        yield [
            _unite(question, one, () if other is None else other.hits, prior)
            for question, one, other in zip(questions[some], lexical, near, strict=True)
        ]


def _unite(question: Question, lexical: SearchResult, dense: Sequence[Hit], prior: SimPrior) -> Asked:
    """Put both lists together; of a passage in both the lexical list's reading counts, as in a search.

    A passage without a vector takes the sim that its BM25 makes likely.
    """
    near = {hit.id: rank for rank, hit in enumerate(dense, 1)}
    listed = {hit.id for hit in lexical.hits}
    hits = [*lexical.hits, *(hit for hit in dense if hit.id not in listed)]
    sims = [expect_sim(hit.bm25, prior) if hit.sim is None else hit.sim for hit in hits]
    ranks = np.arange(1, len(hits) + 1)
    candidates = Candidates(
        ids=[hit.id for hit in hits],
        bm25=np.array([hit.bm25 for hit in hits], dtype=np.float64),
        sim=np.array(sims, dtype=np.float64),
        rank_bm25=np.where(ranks <= len(lexical.hits), ranks, 0),
        rank_dense=np.array([near.get(hit.id, 0) for hit in hits], dtype=np.int64),
    )
    encoded = np.array([hit.sim is not None for hit in hits], dtype=np.bool_)
    return Asked(question, candidates, encoded, lexical.question_cut)


def _list(
    index: Index, texts: Sequence[str], vectors: Vectors | None, mode: Mode, depth: int, dense: Dense | None
) -> list[SearchResult]:
    options: SearchOptions = {"mode": mode, "k": depth, "depth": depth, "dense": dense, "text": False}
    return index.search_many(texts, vectors, **options)
