"""The sample that ships with the package: short articles on varied facts, and questions with their answers.

The questions were written to show what each side of a hybrid search is good at, so they are no benchmark. A kind says
what makes a question hard: ``rare`` names and numbers that an encoder blurs, ``paraphrase`` in words that the article
does not use, ``plain`` neither.
"""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

import orjson

Kind = Literal["rare", "paraphrase", "plain"]

#: Hybrid puts the answer first in all six. Of its two sides alone, with MiniLM, only BM25 does so in the first and
#: fourth, only the encoder in the second and fifth, neither in the third and sixth.
SHOWCASE = (
    "Who circled 6EQUJ5?",
    "Why do motorists see a wet patch on the asphalt that isn't there?",
    "Which Persian explained the bow in the same years as Theodoric?",
    "Whose patent has the number 1,219,881?",
    "Which classic horror novel was born of a holiday spoiled by rain?",
    "How was the public convinced that elevators would not plunge to the ground?",
)


@dataclass(frozen=True, slots=True)
class SampleQuestion:
    """A question, and strings of which each stands in the passage that answers it."""

    question: str
    answers: tuple[str, ...]
    #: The id of the article that answers it.
    article: str
    kind: Kind


def articles_path() -> Path:
    """Name the file of articles: JSON, one object a line with id, title, text and metadata."""
    return _path("articles.jsonl")


def questions() -> list[SampleQuestion]:
    """Give all questions, those on one article together."""
    rows = map(orjson.loads, _path("questions.jsonl").read_bytes().splitlines())
    return [SampleQuestion(**{**row, "answers": tuple(row["answers"])}) for row in rows]


def _path(name: str) -> Path:
    return Path(str(resources.files(__package__) / name))
