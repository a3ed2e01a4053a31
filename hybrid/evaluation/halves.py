"""Two halves of a set of questions, so that what is chosen on one can be checked on the other.

Questions that are about one passage, or have an answer in common, stay together: otherwise the other half would
already be known. Where nearly all questions hang together, as where many passages are judged for each, they are
divided nevertheless, and it is said how many passages are in both halves.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from .questions import Question
from .tokens import cut

#: A group with a larger share of the questions than this leaves no second half.
_LARGEST = 0.6

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Halves:
    """Places of the questions in each half, and how many passages or answers are right in both."""

    first: Places
    second: Places
    shared: int


def split(questions: Sequence[Question], seed: int = 0) -> Halves:
    """Divide questions; the groups are dealt out in random order, each to the half that has fewer."""
    if len(questions) < 2:
        raise UsageError("One question cannot be divided into two that check each other; ask dozens at least.")
    groups = _group(questions)
    if max(map(len, groups), default=0) > _LARGEST * len(questions):
        groups = [[place] for place in range(len(questions))]
    halves: tuple[list[int], list[int]] = ([], [])
    for number in np.random.default_rng(seed).permutation(len(groups)).tolist():
        min(halves, key=len).extend(groups[number])
    known = [{key for place in half for key in _keys(questions[place])} for half in halves]
    first, second = (np.array(sorted(half), dtype=np.int64) for half in halves)
    return Halves(first, second, len(known[0] & known[1]))


def _group(questions: Sequence[Question]) -> list[list[int]]:
    """Put together all questions that are linked through what is right for them."""
    leader = list(range(len(questions)))

    def find(place: int) -> int:
        while leader[place] != place:
            leader[place] = leader[leader[place]]
            place = leader[place]
        return place

    owner: dict[Hashable, int] = {}
    for place, question in enumerate(questions):
        for key in _keys(question):
            leader[find(place)] = find(owner.setdefault(key, place))
    groups: dict[int, list[int]] = {}
    for place in range(len(questions)):
        groups.setdefault(find(place), []).append(place)
    return list(groups.values())


def _keys(question: Question) -> Iterator[Hashable]:
    """Name the passages that are right for a question; its answers only where no passage is named."""
    named = [one for one, grade in question.relevant.items() if grade > 0]
    if named:
        yield from named
    else:
        yield from (("answer", cut(answer)) for answer in question.answers)
