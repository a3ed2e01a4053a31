"""Does a passage hold an answer? A question goes in, and a ``Matcher`` that looks into texts comes out.

An answer matches as in DPR: its tokens stand in the passage's text one after the other, whatever their case and
whatever lies between them. The title does not count. An answer that would match every text is reported and not used.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from .libraries import need
from .questions import Question
from .tokens import NO_TOKENS, cut


@dataclass(frozen=True, slots=True)
class Unusable:
    """An answer that is not looked for, and why."""

    answer: str
    reason: str


class Matcher(Protocol):
    """Looks for the answers to one question."""

    @property
    def unusable(self) -> tuple[Unusable, ...]:
        """Answers that are not looked for; a pattern joins them when it has taken too long."""

    def matches(self, text: str) -> bool:
        """Tell whether a text holds one of the answers."""


class TokenMatcher:
    """Looks for answers token by token."""

    def __init__(self, answers: Iterable[str]):
        found = [(answer, cut(answer)) for answer in answers]
        #: Answers as ``cut`` gives them.
        self.needles = tuple(dict.fromkeys(needle for _, needle in found if needle != NO_TOKENS))
        self.unusable = tuple(Unusable(one, "has no tokens") for one, needle in found if needle == NO_TOKENS)

    def matches(self, text: str) -> bool:
        """Tell whether a text holds one of the answers."""
        tokens = cut(text)
        return any(needle in tokens for needle in self.needles)


def match_answers(question: Question) -> Matcher:
    """Give what looks for the answers to a question."""
    if not question.answers_are_patterns:
        return TokenMatcher(question.answers)
    need("regex", "matching patterns")
    from .patterns import PatternMatcher

    return PatternMatcher(question.answers)
