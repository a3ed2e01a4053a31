"""Positives of a question, whichever way they are found, and why others were not taken."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from ..evaluation.matching import match_answers
from ..evaluation.questions import Question
from ..evaluation.tokens import words
from ..passages import Hit, Passage
from ..training.dpr_json import Context
from .plan import Plan

#: Digits of a score that are written: what lies behind differs between engines.
_DIGITS = 4

# Why a question or a passage is left out.
NO_PASSAGE = "brings no passage"
ABSENT = "passage is not in the index"
NO_ANSWER_HERE = "no answer in the passage"
NO_ANSWER_FOUND = "no answer among the first hits"
WRONG_LENGTH = "passage is too short or too long"
NO_ANSWER = "has no answer that can be looked for"
EMPTY = "the question has no words"


@dataclass(frozen=True, slots=True)
class Found:
    """What became of a question."""

    #: In the order in which they count.
    positives: tuple[Context, ...] = ()
    #: Why there are none.
    dropped: str = ""
    #: Passages that the question brings and that were not taken: why, and which.
    left_out: tuple[tuple[str, str], ...] = ()


def find_fault(question: Question, *, answered: bool) -> str:
    """Say why a question cannot be mined for; ``answered`` says that its data set has answers."""
    if not words(question.text):
        return EMPTY
    if not answered:
        return ""
    unusable = {one.answer for one in match_answers(question).unusable} if question.answers else set()
    return "" if set(question.answers) - unusable else NO_ANSWER


def make_holder(question: Question, plan: Plan) -> Callable[[str], bool]:
    """Give what tells whether a text holds an answer as a positive has to; any text does where there are none."""
    if not question.answers:
        return lambda _: True
    matcher = match_answers(question)
    if not plan.exact or question.answers_are_patterns:
        return matcher.matches
    exactly = re.compile("|".join(rf"(?<!\w){re.escape(answer)}(?!\w)" for answer in question.answers if answer))
    return lambda text: matcher.matches(text) and exactly.search(text) is not None


def to_context(passage: Passage) -> Context:
    """Give a passage that nothing was asked about."""
    return Context(passage.title, passage.text, passage.id)


def hit_to_context(hit: Hit) -> Context:
    """Give a passage with the score that it was found by."""
    return Context(hit.title, hit.text, hit.id, round(hit.score, _DIGITS))
