"""What travels: a ``ReadRequest`` goes to a reader; ``Answer`` after ``Answer`` comes back, in an ``AskResult``."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from ..errors import UsageError
from ..passages import Hit, SearchResult
from ..passages import to_json as search_to_json

#: How answers are ranked: the best span of the best passage, or what all passages together say most.
Rule = Literal["passage", "sum"]

#: Answers that are given unless more or fewer are wanted.
ANSWERS = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """A piece of a passage: ``passage.text[start:end] == text``."""

    text: str
    #: What answers are ranked by; readers differ in what it means.
    score: float
    passage_id: str
    start: int
    end: int
    #: How likely the answer is right; None where the reader was never calibrated.
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class ReadPassage:
    """A passage to be read, and what the retriever thinks of it."""

    id: str
    title: str
    text: str
    score: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How to choose answers; None leaves it to the reader's card."""

    #: How many answers, at most.
    answers: int = ANSWERS
    rule: Rule | None = None
    #: A passage counts ``beta`` · relevance + ``gamma`` · the retriever's score.
    beta: float | None = None
    gamma: float | None = None
    #: Tokens of the longest answer.
    longest: int | None = None
    #: Answers that are less likely, or have a lower score, are left out.
    threshold: float | None = None
    least_score: float | None = None

    def __post_init__(self) -> None:
        for name, number, least in (("answers", self.answers, 1), ("longest", self.longest, 1)):
            if number is not None and number < least:
                raise UsageError(f"{name} is {number}; say {least} or more.")
        if self.rule not in (None, *get_args(Rule)):
            raise UsageError(f"rule is {self.rule!r}; say {' or '.join(get_args(Rule))}.")
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise UsageError(f"threshold is {self.threshold}; say 0 to 1.")


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A question, and the passages that may answer it, the retriever's best first."""

    question: str
    passages: tuple[ReadPassage, ...]
    options: ReadOptions = ReadOptions()

    @classmethod
    def of(cls, question: str, hits: Sequence[Hit], options: ReadOptions) -> Self:
        """Take what a reader needs from hits."""
        return cls(question, tuple(ReadPassage(hit.id, hit.title, hit.text, hit.score) for hit in hits), options)

    def to_json(self) -> dict[str, Any]:
        """Write a request as it goes to a worker."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, request: Mapping[str, Any]) -> Self:
        """Read a request; the twin of ``to_json``."""
        passages = tuple(ReadPassage(**one) for one in request["passages"])
        return cls(request["question"], passages, ReadOptions(**request["options"]))


@dataclass(frozen=True, slots=True)
class AskResult:
    """The answers to one question, best first, and what was read for them."""

    question: str
    #: Empty where nothing was found that is good enough.
    answers: Sequence[Answer]
    found: SearchResult
    #: Who answered.
    reader: str
    #: From the question to the answers.
    took_ms: float

    @property
    def hits(self) -> Sequence[Hit]:
        """The passages that were read."""
        return self.found.hits


def to_json(result: AskResult) -> dict[str, Any]:
    """Give a result as it is printed: that of a search, and the answers."""
    document = search_to_json(result.found)
    return {
        **{name: fact for name, fact in document.items() if name != "hits"},
        "took_ms": round(result.took_ms, 3),
        "reader": result.reader,
        "answers": [dataclasses.asdict(one) for one in result.answers],
        "hits": document["hits"],
    }
