"""``SentenceReader``: an answer without a model, the best sentence of each passage.

A sentence is worth the rarity of the question's words in it, rarity being counted over the sentences at hand; of
equal ones the first counts. Passages keep the retriever's order, and its score.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..engines.local.analysis import find_analyzer
from .answers import Answer, ReadPassage, ReadRequest
from .reader import keep_good, refuse_threshold
from .selecting import name_answer
from .sense import says_anything

#: What ends a sentence: a sign before space and what may begin one, a sign of scripts without spaces, a blank line.
_END = re.compile(
    "[.!?\u2026][\"'\u201d\u2019)\\]]*(?=\\s+[\"'\u201c\u2018(\\[]*[^\\Wa-z_])|[\u3002\uff01\uff1f]|\\n\\s*\\n"
)
_WORD = re.compile(r"\S")


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sentence of a passage, and which of the question's terms it holds."""

    passage: int
    start: int
    end: int
    terms: frozenset[str]


class SentenceReader:
    """Answers with sentences; it needs no model."""

    name = "sentences"

    def __init__(self) -> None:
        self._analyze = find_analyzer("english")

    def read(self, requests: Sequence[ReadRequest]) -> list[list[Answer]]:
        """Give the answers to each question, best first."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: ReadRequest) -> list[Answer]:
        if request.options.threshold is not None:
            refuse_threshold(self.name)
        wanted = frozenset(self._analyze(request.question))
        sentences = [
            _Sentence(place, start, end, wanted & frozenset(self._analyze(passage.text[start:end])))
            for place, passage in enumerate(request.passages)
            for start, end in split_sentences(passage.text)
            if says_anything(passage.text, start, end)
        ]
        found = Counter(term for one in sentences for term in one.terms)
        worth = {term: math.log(1 + len(sentences) / count) for term, count in found.items()}
        best: dict[int, _Sentence] = {}
        for one in sorted(sentences, key=lambda one: -sum(worth[term] for term in sorted(one.terms))):
            best.setdefault(one.passage, one)
        return keep_good(self._list(request.passages, best)[: request.options.answers], request.options)

    def _list(self, passages: Sequence[ReadPassage], best: dict[int, _Sentence]) -> list[Answer]:
        answers: dict[str, Answer] = {}
        for place in sorted(best, key=lambda place: (-passages[place].score, place)):
            one, passage = best[place], passages[place]
            text = passage.text[one.start : one.end]
            answers.setdefault(name_answer(text), Answer(text, passage.score, passage.id, one.start, one.end))
        return list(answers.values())


def split_sentences(text: str) -> Iterator[tuple[int, int]]:
    """Give where each sentence stands, without space around it."""
    start = 0
    for end in (*(found.end() for found in _END.finditer(text)), len(text)):
        if first := _WORD.search(text, start, end):
            yield first.start(), start + len(text[start:end].rstrip())
        start = end
