"""A tiny corpus to mine from, and what must be found in it, worked out a second time by looking at every passage."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid import Passage
from hybrid.evaluation.questions import Question
from hybrid.mining import Gold, Plan, Wanted
from tests.reference import Bm25

DIMENSION = 8
LAM = 1.1
#: Words that no analyzer changes.
_WORDS = tuple(f"{first}{second}x" for first in ("ba", "do", "ke", "li", "mo") for second in ("pu", "ru", "tu", "vu"))
_DOCUMENTS, _BLOCKS = 20, 3


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Passages, and questions with the passage that each brings."""

    passages: tuple[Passage, ...]
    wanted: tuple[Wanted, ...]
    vectors: NDArray[np.float32]

    @property
    def texts(self) -> dict[str, str]:
        """Give the text of every passage."""
        return {one.id: one.text for one in self.passages}


def make_world(seed: int = 5, questions: int = 40) -> World:
    """Make documents of three passages, some of them equal, and questions about passages that hold their answers."""
    rng = np.random.default_rng(seed)
    passages = []
    for document in range(_DOCUMENTS):
        for block in range(_BLOCKS):
            text = " ".join(rng.choice(_WORDS, size=rng.integers(4, 14)))
            passages.append(_make_passage(f"d{document}", block, text, rng))
    passages += [_make_passage(f"copy{place}", 0, passages[place].text, rng) for place in range(0, 30, 6)]
    wanted = [_ask(number, passages[int(rng.integers(len(passages)))], rng) for number in range(questions)]
    vectors = rng.normal(size=(questions, DIMENSION)).astype(np.float32)
    return World(tuple(passages), tuple(wanted), vectors)


def _make_passage(document: str, block: int, text: str, rng: np.random.Generator) -> Passage:
    vector = rng.normal(size=DIMENSION).astype(np.float32)
    name = f"{document}#{block}"
    return Passage(
        name, text, document_id=document, number=block, passages_total=1 if "copy" in name else _BLOCKS, vector=vector
    )


def _ask(number: int, passage: Passage, rng: np.random.Generator) -> Wanted:
    words = passage.text.split()
    at = int(rng.integers(len(words) - 1))
    answer = " ".join(words[at : at + 2])
    text = " ".join(rng.choice(words, size=3))
    return Wanted(Question(f"q{number}", text, answers=(answer, "zzyzx")), (Gold(passage.id),))


class Brute:
    """Ranks and sorts out passages by looking at every one of them."""

    def __init__(self, world: World):
        self._passages = sorted(world.passages, key=lambda one: one.id)
        self._bm25 = Bm25([one.text.split() for one in self._passages], 0.9, 0.4)
        self._vectors = np.stack([np.asarray(one.vector, dtype=np.float64) for one in self._passages])

    def rank(self, kind: str, question: str, vector: NDArray[np.float32]) -> list[Passage]:
        """Give the passages in the order of a mode; BM25 finds only those with a word of the question."""
        bm25, sims = self._bm25.scores(question.split()), self._vectors @ vector.astype(np.float64)
        scores = {"bm25": bm25, "dense": sims, "hybrid": bm25 + LAM * sims}[kind]
        # Scores that are equal but for their last bits tie, and ids decide.
        order = sorted(range(len(scores)), key=lambda at: (-round(float(scores[at]), 6), self._passages[at].id))
        return [self._passages[at] for at in order if kind != "bm25" or bm25[at] > 0]

    def sim(self, name: str, vector: NDArray[np.float32]) -> float:
        """Give the dot product of a question and a passage."""
        place = next(place for place, one in enumerate(self._passages) if one.id == name)
        return float(self._vectors[place] @ vector.astype(np.float64))

    def negatives(
        self, wanted: Wanted, vector: NDArray[np.float32], positive: Passage, plan: Plan
    ) -> dict[str, list[Passage]]:
        """Give what is to be found by searching, kind by kind."""
        taken: list[Passage] = []
        found: dict[str, list[Passage]] = {}
        first, last = plan.window
        for kind in plan.negatives:
            if kind in ("bm25", "dense", "hybrid"):
                own = found[kind] = []
                for one in self.rank(kind, wanted.question.text, vector)[first - 1 : last]:
                    fresh = all(one.text != other.text for other in taken)
                    if (
                        len(own) < plan.negatives[kind]
                        and fresh
                        and self._allowed(one, wanted, vector, positive, plan)
                    ):
                        own.append(one)
                        taken.append(one)
        return found

    def _allowed(
        self, one: Passage, wanted: Wanted, vector: NDArray[np.float32], positive: Passage, plan: Plan
    ) -> bool:
        if not is_allowed(one, wanted, positive, plan):
            return False
        if plan.margin is None:
            return True
        known = self.sim(positive.id, vector)
        return self.sim(one.id, vector) <= known - (1 - plan.margin) * abs(known)


def is_allowed(one: Passage, wanted: Wanted, positive: Passage, plan: Plan) -> bool:
    """Tell whether a passage may be a negative, whatever its sim."""
    length = len(one.text.split())
    return not (
        one.text == positive.text
        or any(f" {answer} " in f" {one.text} " for answer in wanted.question.answers)
        or any(name in (one.id, one.document_id) for name in wanted.question.relevant)
        or (plan.other_documents and one.document_id == positive.document_id)
        or length < plan.words[0]
        or (plan.words[1] is not None and length > plan.words[1])
    )


def count_answers(world: World, wanted: Wanted) -> Iterator[Passage]:
    """Give the passages that hold an answer."""
    for one in world.passages:
        if any(f" {answer} " in f" {one.text} " for answer in wanted.question.answers):
            yield one
