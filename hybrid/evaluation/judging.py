"""From rankings to numbers: what was found for every question in one mode goes in, its metrics come out.

Down to which rank something is right (``top20``) is told by the answers in the texts or by the ids that are judged
relevant; MRR, nDCG, MAP and Recall need the latter.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Literal

from ..errors import UsageError
from .matching import Matcher
from .metrics import DEPTHS, Values, count_found, find_first, measure
from .questions import Question
from .rankings import Ranking
from .relevance import document_of, is_relevant, leave_out, rank_documents

By = Literal["answers", "ids"]


def choose_by(questions: Iterable[Question]) -> By:
    """Choose how to tell what is right: by answers where there are any, as DPR does."""
    by_ids = False
    for question in questions:
        if question.answers:
            return "answers"
        by_ids = by_ids or bool(question.relevant)
    if not by_ids:
        raise UsageError("The questions come with neither answers nor judgements; there is nothing to measure by.")
    return "ids"


def mark_answers(ranking: Ranking, matcher: Matcher) -> Ranking:
    """Look for the answers to a question in what was found for it."""
    marked = (dataclasses.replace(one, has_answer=matcher.matches(one.text)) for one in ranking.passages)
    return dataclasses.replace(ranking, passages=tuple(marked))


def measure_mode(
    rankings: Sequence[Ranking],
    by: By,
    *,
    judged: bool = True,
    documents: bool = False,
    questions_are_documents: bool = False,
    depths: Sequence[int] = DEPTHS,
    reach: int | None = None,
) -> dict[str, Values]:
    """Give the metrics of one mode, a number for each question; those that need judgements where it is ``judged``.

    With ``documents`` a document counts where its best passage stands. ``questions_are_documents`` leaves out of a
    ranking what has the question's own id, as BEIR does for all its sets; of what is left the first ``reach`` count.
    """
    ids = [[passage.id for passage in ranking.passages] for ranking in rankings]
    relevant = [ranking.question.relevant for ranking in rankings]
    if documents:
        ids = [rank_documents(found) for found in ids]
    if questions_are_documents:
        ids = [leave_out(found, ranking.question.id)[:reach] for found, ranking in zip(ids, rankings, strict=True)]
    if by == "ids":
        right = [is_relevant(found, named) for found, named in zip(ids, relevant, strict=True)]
    else:
        right = [_answered(ranking) for ranking in rankings]
    metrics = count_found([find_first(one) for one in right], depths)
    return metrics | measure(ids, relevant) if judged else metrics


def find_right(ranking: Ranking, by: By, *, documents: bool = False) -> int | None:
    """Give the rank of the best passage that is right: that holds an answer, or is relevant or of such a document."""
    if by == "answers":
        return find_first(_answered(ranking))
    named = [document_of(passage.id) if documents else passage.id for passage in ranking.passages]
    return find_first(is_relevant(named, ranking.question.relevant))


def _answered(ranking: Ranking) -> list[bool]:
    if any(passage.has_answer is None for passage in ranking.passages):
        raise UsageError(f"Nobody looked for the answers to question {ranking.question.id!r}.")
    return [bool(passage.has_answer) for passage in ranking.passages]
