"""What an engine found for a question, in order: what run files hold and metrics read."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from ..errors import UsageError
from .questions import Question

#: What tools that count in single precision can read.
MAX_SCORE = 3.4e38


@dataclass(frozen=True, slots=True)
class Ranked:
    """A passage at its rank."""

    id: str
    score: float
    title: str = ""
    text: str = ""
    #: None where nobody looked.
    has_answer: bool | None = None


@dataclass(frozen=True, slots=True)
class Ranking:
    """What was found for one question, best first."""

    question: Question
    passages: tuple[Ranked, ...]


def check_rankings(rankings: Iterable[Ranking]) -> Iterator[Ranking]:
    """Pass rankings on, and stop at one that no file could give back: twins, wrong order, scores that are none."""
    seen: set[str] = set()
    for ranking in rankings:
        question_id, passages = ranking.question.id, ranking.passages
        if question_id in seen:
            raise UsageError(f"Two questions have the id {question_id!r}; a file of rankings cannot tell them apart.")
        seen.add(question_id)
        if len({passage.id for passage in passages}) < len(passages):
            raise UsageError(f"A passage is ranked twice for question {question_id!r}.")
        if not all(abs(passage.score) <= MAX_SCORE for passage in passages):
            raise UsageError(f"A score for question {question_id!r} is no finite number of single precision.")
        if any(better.score < worse.score for better, worse in pairwise(passages)):
            raise UsageError(f"The passages for question {question_id!r} are not in the order of their scores.")
        yield ranking
