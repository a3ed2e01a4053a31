"""What is asked: a ``Question`` with the answers or the passages that are right for it, and sets of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Question:
    """One question and what is known to be right."""

    id: str
    text: str
    answers: tuple[str, ...] = ()
    #: Whether the answers are regular expressions, as CuratedTREC's are.
    answers_are_patterns: bool = False
    #: Passages or documents by id, each with its grade; above 0 is relevant.
    relevant: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """The questions of a data set, and what could not be joined with its judgements."""

    format: str
    questions: tuple[Question, ...]
    #: Questions left out because the judgements do not name them.
    unjudged: tuple[str, ...] = ()
    #: Questions that the judgements name and the data set does not hold.
    unasked: tuple[str, ...] = ()


#: Grades by question and by passage or document.
Judgements = Mapping[str, Mapping[str, int]]


def judge(asked: QuestionSet, judgements: Judgements) -> QuestionSet:
    """Join questions with judgements; like trec_eval, count only questions that somebody judged."""
    known = {question.id for question in asked.questions}
    return QuestionSet(
        format=asked.format,
        questions=tuple(
            Question(one.id, one.text, one.answers, one.answers_are_patterns, judgements[one.id])
            for one in asked.questions
            if one.id in judgements
        ),
        unjudged=tuple(one.id for one in asked.questions if one.id not in judgements),
        unasked=tuple(question_id for question_id in judgements if question_id not in known),
    )
