"""How many of a question's words stand in the passage that answers it, by question and by data set.

Where questions were written by somebody who looked at the passage, as SQuAD's were, it is many, and BM25 is hard to
beat; where they were asked before any passage was known, as Natural Questions' were, it is fewer.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .tokens import words

#: Lucene's English stop words, and what questions are made of.
_FUNCTION_WORDS = (
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they "
    "this to was will with can could did do does had has have how s were what when where which who whom whose "
    "why would"
)
#: Words that say little of what a question is about.
STOP_WORDS = frozenset(_FUNCTION_WORDS.split())


@dataclass(frozen=True, slots=True)
class Overlap:
    """Question–passage word overlap of a data set."""

    #: Questions with at least one word that counts.
    questions: int
    #: The mean share of a question's words that stand in its passage.
    mean: float
    median: float
    #: The share of questions all of whose words do.
    whole: float


def share_words(question: str, passage: str) -> float | None:
    """Give the share of a question's distinct words that stand in a passage; None for a question without any."""
    asked = set(words(question)) - STOP_WORDS
    return len(asked & set(words(passage))) / len(asked) if asked else None


def measure_overlap(pairs: Iterable[tuple[str, str]]) -> Overlap:
    """Give the overlap over pairs of a question and a passage that answers it, its title included if it has one."""
    found = [share for question, passage in pairs if (share := share_words(question, passage)) is not None]
    if not found:
        return Overlap(0, 0.0, 0.0, 0.0)
    shares = np.array(found)
    return Overlap(len(found), float(shares.mean()), float(np.median(shares)), float((shares == 1).mean()))
