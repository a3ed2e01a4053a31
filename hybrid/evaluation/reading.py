"""How good are a reader's answers? Rankings go in as they are found; exact match and F1 come out, one a question."""

from collections.abc import Iterable, Sequence

import numpy as np

from ..errors import UsageError
from ..reader.answers import ReadOptions, ReadPassage, ReadRequest
from ..reader.measuring import judge_all
from ..reader.reader import AnyReader
from .metrics import Values
from .questions import Question
from .rankings import Ranking
from .reading_metrics import EM, F1


class Reading:
    """Reads the first passages of every ranking, and judges the first answer."""

    def __init__(self, reader: AnyReader, passages: int):
        self._reader = reader
        self._passages = passages
        self._em: list[float] = []
        self._f1: list[float] = []

    def add(self, rankings: Sequence[Ranking]) -> None:
        """Read what was found for some questions."""
        requests = [self._request(ranking) for ranking in rankings]
        for judged in judge_all(self._reader, requests, [ranking.question.answers for ranking in rankings]):
            self._em.append(judged.em)
            self._f1.append(judged.f1)

    def measured(self) -> dict[str, Values]:
        """Give a number a question by metric."""
        return {EM: np.array(self._em), F1: np.array(self._f1)}

    def _request(self, ranking: Ranking) -> ReadRequest:
        some = ranking.passages[: self._passages]
        passages = tuple(ReadPassage(one.id, one.title, one.text, one.score) for one in some)
        return ReadRequest(ranking.question.text, passages, ReadOptions(answers=1))


def check_answers(questions: Iterable[Question]) -> None:
    """Refuse questions whose answers cannot be compared with a reader's."""
    asked = list(questions)
    if any(question.answers_are_patterns for question in asked):
        raise UsageError("Answers that are patterns cannot be compared with a reader's; leave --read out.")
    if not any(question.answers for question in asked):
        raise UsageError("The questions come without answers to compare a reader's with; leave --read out.")
