"""How often is a reader right? Requests with the right answers in; exact match and F1 of the first answers out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..evaluation.reading_metrics import exact_match, f1
from .answers import Answer, ReadRequest
from .reader import AnyReader

#: Questions that are read together.
_TOGETHER = 32


@dataclass(frozen=True, slots=True)
class Judged:
    """A question's first answer, if there is one, and how good it is."""

    answer: Answer | None
    em: float
    f1: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What a reader's first answers are worth, in percent."""

    questions: int
    em: float
    f1: float


def judge(answers: Sequence[Answer], right: Sequence[str]) -> Judged:
    """Judge the first of several answers; no answer is right where there is none to find."""
    if not answers:
        return Judged(None, float(not right), float(not right))
    said = answers[0].text
    return Judged(answers[0], exact_match(said, right), f1(said, right))


def judge_all(reader: AnyReader, requests: Sequence[ReadRequest], right: Sequence[Sequence[str]]) -> Iterator[Judged]:
    """Judge a reader's first answer to each question."""
    for start in range(0, len(requests), _TOGETHER):
        some = slice(start, start + _TOGETHER)
        yield from map(judge, reader.read(requests[some]), right[some])


def average(judged: Sequence[Judged]) -> Measured:
    """Give the means."""
    count = max(len(judged), 1)
    em, mean_f1 = sum(one.em for one in judged), sum(one.f1 for one in judged)
    return Measured(len(judged), round(100 * em / count, 2), round(100 * mean_f1 / count, 2))
