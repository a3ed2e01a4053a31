"""Questions to mine for: a ``Question`` with the passages that it brings, by id, by text or both."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..evaluation.formats.squad import read_with_paragraphs
from ..evaluation.questions import Question, QuestionSet
from ..training.dpr_json import read_rows, read_values


@dataclass(frozen=True, slots=True)
class Gold:
    """A passage that somebody says is right: its own id or its document's, its text, or both."""

    id: str = ""
    title: str = ""
    text: str = ""
    #: Where the answer begins in the text, in characters.
    start: int | None = None

    @property
    def name(self) -> str:
        """How a person is told which one it is."""
        return self.id or self.text[:40]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question to mine for."""

    question: Question
    #: In the order in which they count.
    golds: tuple[Gold, ...] = ()


def bring(asked: QuestionSet, source: Path, *, judged: bool = False) -> list[Wanted]:
    """Join all questions of a data set, in its order, with the passages that they bring.

    ``judged`` says that a file's questions were joined with judgements, which then say what is right.
    """
    if not judged and asked.format == "squad":
        golds = _read_paragraphs(source)
    elif not judged and asked.format in ("json", "jsonl") and _has_passages(source):
        golds = _read_contexts(source)
    else:
        golds = map(_read_judgements, asked.questions)
    return [Wanted(question, own) for question, own in zip(asked.questions, golds, strict=True)]


def _read_paragraphs(path: Path) -> Iterator[tuple[Gold, ...]]:
    for question, paragraph in read_with_paragraphs(path):
        (name,) = question.relevant
        yield (Gold(name, paragraph.title, paragraph.text, paragraph.start),)


def _read_contexts(path: Path) -> Iterator[tuple[Gold, ...]]:
    for row in read_rows(path):
        yield tuple(Gold(one.id, one.title, one.text) for one in row.positives)


def _read_judgements(question: Question) -> tuple[Gold, ...]:
    """Give what is judged to be right, the best first."""
    best = sorted(question.relevant.items(), key=lambda one: -one[1])
    return tuple(Gold(name) for name, grade in best if grade > 0)


def _has_passages(path: Path) -> bool:
    """Tell whether rows bring passages: where one does, all have to."""
    return any(isinstance(row, dict) and "positive_ctxs" in row for row in read_values(path))
