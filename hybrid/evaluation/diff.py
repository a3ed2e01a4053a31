"""Which questions does only one of two modes answer? Where each put what is right goes in, these questions come out.

It is the paper's way to look behind the figures (Karpukhin et al. 2020, appendix on qualitative analysis).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .measuring import Places
from .questions import Question
from .texts import Texts


@dataclass(frozen=True, slots=True)
class Won:
    """A question that one mode answers and another does not."""

    question: Question
    winner: str
    loser: str
    #: The rank of what is right, in the winner's order and, if it is there at all, in the loser's.
    rank: int
    loser_rank: int | None
    #: The passage that is right, and the one that the loser puts first instead; blank if it finds nothing.
    right_id: str
    instead_id: str

    def to_json(self, texts: Texts) -> dict[str, Any]:
        """Give plain values, with the texts of both passages."""
        return {
            "id": self.question.id,
            "question": self.question.text,
            "answers": list(self.question.answers),
            "winner": self.winner,
            "loser": self.loser,
            "rank": self.rank,
            "loser_rank": self.loser_rank,
            "right": read_passage(self.right_id, texts),
            "instead": read_passage(self.instead_id, texts) if self.instead_id else None,
        }


def find_won(
    questions: Sequence[Question], modes: tuple[str, str], places: tuple[Sequence[Places], Sequence[Places]], at: int
) -> list[Won]:
    """Give the questions that one mode answers among its first ``at`` and the other does not, the clearest first."""
    won = []
    for question, *both in zip(questions, *places, strict=True):
        for winner, loser in ((0, 1), (1, 0)):
            right, other = both[winner], both[loser]
            if right.right is None or right.right > at or (other.right is not None and other.right <= at):
                continue
            sides = (modes[winner], modes[loser])
            won.append(Won(question, *sides, right.right, other.right, right.right_id, other.first_id))
    return sorted(won, key=lambda one: (modes.index(one.winner), one.rank, -(one.loser_rank or float("inf"))))


def read_passage(passage_id: str, texts: Texts) -> dict[str, str]:
    """Give a passage's title and text; blank if it was deleted meanwhile."""
    found = texts.get([passage_id]).get(passage_id)
    return {"id": passage_id, "title": found.title if found else "", "text": found.text if found else ""}
