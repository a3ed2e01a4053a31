"""Passages and questions to measure on: real ones where there are any, and recombined ones for larger indexes.

A large corpus is made of the real one's sentences, shuffled into blocks of about 100 words; the vector of a block is
the normalised mean of its sentences' vectors with some noise, so that words and vectors stay as related as they were.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid import Passage
from tests import corpora, vectors

#: Words of a block, as in the paper (§4.1).
BLOCK_WORDS = 100
_NOISE = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """Texts with their vectors, and questions with theirs."""

    texts: list[str]
    passage_vectors: NDArray[np.float32]
    questions: list[str]
    question_vectors: NDArray[np.float32]

    def passages(self) -> Iterator[Passage]:
        """Give the passages to write."""
        for number, (text, vector) in enumerate(zip(self.texts, self.passage_vectors, strict=True)):
            yield Passage(f"p{number}", text, vector=vector)


def real(questions: int, seed: int) -> Workload:
    """Give the mixed corpus of real passages and a sample of its questions."""
    corpus = corpora.mixed()
    chosen = np.random.default_rng(seed).choice(len(corpus.questions), questions, replace=False)
    asked = [corpus.questions[place] for place in chosen]
    return Workload(
        list(corpus.passages), vectors.encode_passages(corpus.passages), asked, vectors.encode_questions(asked)
    )


def recombine(base: Workload, size: int, seed: int) -> Workload:
    """Give ``size`` blocks of shuffled sentences with the same questions."""
    rng = np.random.default_rng(seed)
    words = np.array([len(text.split()) for text in base.texts])
    texts: list[str] = []
    made = np.empty((size, base.passage_vectors.shape[1]), dtype=np.float32)
    for row in range(size):
        members = _draw_block(rng, words)
        texts.append(" ".join(base.texts[member] for member in members))
        made[row] = base.passage_vectors[members].mean(axis=0)
    made += rng.normal(scale=_NOISE, size=made.shape).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return Workload(texts, made, base.questions, base.question_vectors)


def _draw_block(rng: np.random.Generator, words: NDArray[np.int64]) -> list[int]:
    members: list[int] = []
    total = 0
    while total < BLOCK_WORDS:
        member = int(rng.integers(len(words)))
        if total and total + words[member] > 2 * BLOCK_WORDS:
            break
        members.append(member)
        total += int(words[member])
    return members
