"""Spans of many passages in, ranked answers out. Pure.

Rule ``passage``, the paper's: the most relevant passage gives its best span, then the next one gives its own. Rule
``sum`` (GAR): an answer is worth what all passages together say of it. Relevance may be fused with the retriever's
score (beta, gamma). Equal answers, once case, punctuation and articles are gone, are one; of several that share
letters of a passage the best is given. What says nothing is no answer, though it keeps its share of the confidence.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ..evaluation.reading_metrics import normalise_answer
from .answers import Answer, ReadPassage, Rule
from .sense import says_anything

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A span of a passage, in characters, and what the reader thinks of it."""

    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader found in one window of a passage: at least one span, best first."""

    passage: int
    relevance: float
    spans: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How to choose."""

    rule: Rule
    beta: float
    gamma: float
    #: None leaves answers without a confidence.
    temperature: float | None


@dataclass(slots=True)
class _Proposal:
    """An answer, where it stands best, and what speaks for it."""

    passage: int
    span: Candidate
    key: str
    #: The logarithm of all shares that speak for it, and the largest of them.
    score: float
    best: float


def choose_answers(
    readings: Sequence[Reading], passages: Sequence[ReadPassage], choice: Choice, count: int
) -> list[Answer]:
    """Give the best answers, all different and apart from each other."""
    if not readings:
        return []
    fused = fuse(readings, passages, choice)
    propose = _propose_by_sum if choice.rule == "sum" else _propose_by_passage
    chosen = islice(_keep_apart(propose(readings, passages, fused)), count)
    sure = {} if choice.temperature is None else weigh(readings, passages, fused, choice.temperature)
    return [
        Answer(
            text=passages[one.passage].text[one.span.start : one.span.end],
            score=one.score,
            passage_id=passages[one.passage].id,
            start=one.span.start,
            end=one.span.end,
            confidence=sure.get(one.key),
        )
        for one in chosen
    ]


def fuse(readings: Sequence[Reading], passages: Sequence[ReadPassage], choice: Choice) -> Floats:
    """Give each window's relevance, fused with the retriever's score of its passage."""
    relevance = np.array([one.relevance for one in readings])
    return choice.beta * relevance + choice.gamma * np.array([passages[one.passage].score for one in readings])


def weigh(
    readings: Sequence[Reading], passages: Sequence[ReadPassage], fused: Floats, temperature: float
) -> dict[str, float]:
    """Give the probability of each answer: that of its passage, times that of its span in there, summed."""
    shares = softmax(fused / temperature)
    found: dict[str, float] = {}
    for reading, share in zip(readings, shares, strict=True):
        inner = softmax(np.array([span.score for span in reading.spans]) / temperature)
        for span, part in zip(reading.spans, inner, strict=True):
            key = name_answer(passages[reading.passage].text[span.start : span.end])
            found[key] = found.get(key, 0.0) + float(share * part)
    return {key: min(share, 1.0) for key, share in found.items()}


def name_answer(text: str) -> str:
    """Give what two answers share that are the same."""
    return normalise_answer(text) or text.casefold()


def softmax(scores: Floats) -> Floats:
    """Turn scores into shares of 1."""
    shares: Floats = np.exp(scores - scores.max())
    shares /= shares.sum()
    return shares


def _propose_by_passage(
    readings: Sequence[Reading], passages: Sequence[ReadPassage], fused: Floats
) -> list[_Proposal]:
    """Let each window give the best span that says something, the most relevant window first."""
    order = sorted(range(len(readings)), key=lambda place: (-fused[place], -readings[place].spans[0].score, place))
    proposals: dict[str, _Proposal] = {}
    for place in order:
        reading = readings[place]
        span = next((span for span in reading.spans if _speaks(span, reading, passages)), None)
        if span is not None:
            one = _start(reading, span, passages, float(fused[place]))
            proposals.setdefault(one.key, one)
    return list(proposals.values())


def _propose_by_sum(readings: Sequence[Reading], passages: Sequence[ReadPassage], fused: Floats) -> list[_Proposal]:
    """Sum over all windows: e to the relevance, times the span's share among the window's spans."""
    proposals: dict[str, _Proposal] = {}
    for one in _list_shares(readings, passages, fused):
        known = proposals.setdefault(one.key, one)
        if known is not one:
            known.score = float(np.logaddexp(known.score, one.score))
            if one.best > known.best:
                known.passage, known.span, known.best = one.passage, one.span, one.best
    return sorted(proposals.values(), key=lambda one: (-one.score, one.passage, one.span.start))


def _list_shares(readings: Sequence[Reading], passages: Sequence[ReadPassage], fused: Floats) -> Iterable[_Proposal]:
    for reading, relevance in zip(readings, fused, strict=True):
        shares = softmax(np.array([span.score for span in reading.spans]))
        for span, share in zip(reading.spans, shares, strict=True):
            if _speaks(span, reading, passages):
                yield _start(reading, span, passages, float(relevance + np.log(max(share, np.finfo(float).tiny))))


def _speaks(span: Candidate, reading: Reading, passages: Sequence[ReadPassage]) -> bool:
    return says_anything(passages[reading.passage].text, span.start, span.end)


def _keep_apart(proposals: Iterable[_Proposal]) -> Iterator[_Proposal]:
    """Leave out what shares letters with a better answer from the same passage."""
    taken: dict[int, list[Candidate]] = {}
    for one in proposals:
        others = taken.setdefault(one.passage, [])
        if all(one.span.end <= other.start or other.end <= one.span.start for other in others):
            others.append(one.span)
            yield one


def _start(reading: Reading, span: Candidate, passages: Sequence[ReadPassage], score: float) -> _Proposal:
    key = name_answer(passages[reading.passage].text[span.start : span.end])
    return _Proposal(reading.passage, span, key, score, score)
