"""Positives by distant supervision: the best passages of BM25 that hold an answer (paper, section 4.2)."""

from collections.abc import Sequence

from ..engines.contract import Index
from ..evaluation.questions import Question
from ..passages import SearchResult
from ..requests import SearchOptions
from .plan import Plan
from .positives import NO_ANSWER_FOUND, WRONG_LENGTH, Found, find_fault, hit_to_context, make_holder
from .wanted import Wanted


def find_distant(index: Index, some: Sequence[Wanted], plan: Plan) -> list[Found]:
    """Give the positives of some questions, asked together."""
    options: SearchOptions = {"mode": "lexical", "k": plan.distant_depth, "depth": plan.distant_depth}
    texts = [_write_query(one.question, plan) for one in some]
    results = index.search_many(texts, [None] * len(texts), **options)
    return [_choose(one.question, result, plan) for one, result in zip(some, results, strict=True)]


def _write_query(question: Question, plan: Plan) -> str:
    """Give what BM25 is asked: a pattern is no words to look for."""
    if plan.query == "question" or question.answers_are_patterns or not question.answers:
        return question.text
    return f"{question.text} {question.answers[0]}"


def _choose(question: Question, result: SearchResult, plan: Plan) -> Found:
    if fault := find_fault(question, answered=True):
        return Found(dropped=fault)
    holds = make_holder(question, plan)
    right = [hit for hit in result.hits if holds(hit.text)]
    fitting = [hit_to_context(hit) for hit in right if plan.fits(hit.text)]
    return Found(tuple(fitting), "" if fitting else WRONG_LENGTH if right else NO_ANSWER_FOUND)
