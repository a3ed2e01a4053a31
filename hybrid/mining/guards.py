"""False negatives: why a passage is no negative of a question, though nobody named it as a positive."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..evaluation.matching import Matcher, match_answers
from ..evaluation.questions import Question
from ..evaluation.relevance import document_of
from ..evaluation.tokens import cut
from ..training.dpr_json import Context
from .plan import Plan

# Why a passage is left out.
POSITIVE = "is a positive"
JUDGED = "is judged to be right"
SAME_TEXT = "has the text of a positive"
ANSWERS = "holds an answer"
SAME_DOCUMENT = "is of a positive's document"
WRONG_LENGTH = "is too short or too long"
TOO_NEAR = "has too high a sim"
TAKEN = "is taken already, or its text is"


@dataclass(slots=True)
class Guard:
    """Looks at one passage after the other that might become a negative of one question."""

    question: Question
    positives: Sequence[Context]
    plan: Plan
    #: The highest sim of a negative; None where there is no bound.
    ceiling: float | None = None
    _matcher: Matcher = field(init=False)
    _right: frozenset[str] = field(init=False)
    _documents: frozenset[str] = field(init=False)
    _texts: frozenset[str] = field(init=False)
    _taken: set[str] = field(init=False)

    def __post_init__(self) -> None:
        """Prepare what is looked for in every passage."""
        self._matcher = match_answers(self.question)
        self._right = frozenset(name for name, grade in self.question.relevant.items() if grade > 0)
        self._documents = frozenset(document_of(one.id) for one in self.positives)
        self._texts = frozenset(cut(one.text) for one in self.positives)
        self._taken = set()

    def take(self, passage: Context, sim: float | None = None) -> str:
        """Take a passage, or say why not."""
        reason = self._refuse(passage, sim)
        if not reason:
            self._taken.update((passage.id, cut(passage.text)))
        return reason

    def _refuse(self, passage: Context, sim: float | None) -> str:
        text, document = cut(passage.text), document_of(passage.id)
        if any(passage.id == one.id for one in self.positives):
            return POSITIVE
        if passage.id in self._right or document in self._right:
            return JUDGED
        if text in self._texts:
            return SAME_TEXT
        if self._matcher.matches(passage.text):
            return ANSWERS
        if self.plan.other_documents and document in self._documents:
            return SAME_DOCUMENT
        if not self.plan.fits(passage.text):
            return WRONG_LENGTH
        if self.ceiling is not None and sim is not None and sim > self.ceiling:
            return TOO_NEAR
        return TAKEN if passage.id in self._taken or text in self._taken else ""


def find_ceiling(sim: float | None, margin: float | None) -> float | None:
    """Give the highest sim of a negative beside a positive's; a margin below 1 lowers what is below 0, too."""
    return None if sim is None or margin is None else sim - (1 - margin) * abs(sim)
