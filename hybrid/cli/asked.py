"""Questions as arguments of several commands, read and checked: ``--questions`` and all that belongs to it."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np

from ..engines.contract import Index
from ..errors import UsageError, VectorError
from ..evaluation.evaluating import encode_all
from ..evaluation.formats.folders import DEFAULT_SPLIT
from ..evaluation.questions import Question, QuestionSet
from ..evaluation.sources import FORMATS, read_questions
from ..evaluation.texts import Texts
from ..evaluation.validate import Fault, find_faults
from ..requests import MAX_DEPTH, Vectors, check_encoder
from .output import say
from .progress import Progress

F = TypeVar("F", bound=Callable[..., Any])

#: What a folder of BEIR's holds that could be taken for an output.
_OF_BEIR = ("corpus.jsonl", "queries.jsonl")
_NUMBERS = "a comma-separated list of numbers"


def question_options(*, positional: bool = False) -> Callable[[F], F]:
    """Add everything that decides which questions are asked; ``read_asked`` reads it."""

    def add(command: F) -> F:
        for option in reversed(_QUESTION_OPTIONS):
            command = option(command)
        return click.argument("questions")(command) if positional else _NAMED(command)

    return add


def read_asked(given: dict[str, Any]) -> tuple[QuestionSet, Vectors | None]:
    """Take the question options out of the command line's, and give the questions with their vectors, if given."""
    asked, rows, drawn = draw_asked(given)
    some = tuple(asked.questions[place] for place in drawn)
    return dataclasses.replace(asked, questions=some), None if rows is None else rows[drawn]


def draw_asked(given: dict[str, Any]) -> tuple[QuestionSet, Any, list[int]]:
    """Do the same, and give all questions and vectors with the places of those that are to be asked."""
    names = ("format", "qrels", "split", "patterns")
    chosen = {name: given.pop(name) for name in names}
    limit, seed, vectors = given.pop("limit"), given.pop("seed"), given.pop("vectors")
    asked = read_questions(given.pop("questions"), **chosen)
    count = len(asked.questions)
    if not count:
        raise UsageError("There is no question to ask.")
    rows = None if vectors is None else _read_rows(vectors, count)
    if limit is None or limit >= count:
        return asked, rows, list(range(count))
    return asked, rows, sorted(np.random.default_rng(seed).choice(count, limit, replace=False).tolist())


def list_files(given: Mapping[str, Any]) -> list[str | Path | None]:
    """List what the question options read, so that nothing is written over it; None where an option names nothing.

    Before ``read_asked``, which takes them.
    """
    beir = (Path(given["questions"]) / name for name in _OF_BEIR)
    return [*(given[name] for name in ("questions", "qrels", "vectors")), *beir]


def read_list(text: str | None) -> list[str]:
    """Read a comma-separated list."""
    return [one.strip() for one in (text or "").split(",") if one.strip()]


def read_numbers(option: str, text: str | None) -> list[float]:
    """Read a comma-separated list of numbers."""
    try:
        return [float(one) for one in read_list(text)]
    except ValueError as error:
        raise UsageError(f"{option} {text!r} is not {_NUMBERS}.") from error


def read_ranks(option: str, text: str) -> tuple[int, ...]:
    """Read a comma-separated list of ranks, smallest first."""
    try:
        ranks = sorted({int(one) for one in read_list(text)})
    except ValueError as error:
        raise UsageError(f"{option} {text!r} is not {_NUMBERS}.") from error
    if not ranks or ranks[0] < 1 or ranks[-1] > MAX_DEPTH:
        raise UsageError(f"{option} {text!r}: say ranks of 1 to {MAX_DEPTH}.")
    return tuple(ranks)


def _encode(index: Index, questions: Sequence[Question]) -> Vectors | None:
    """Give the questions' vectors from the index's encoder, and show how far it is."""
    with Progress("encoding", len(questions)) as progress:
        return encode_all(index, questions, progress.update)


@contextmanager
def holding(
    index: Index, questions: Sequence[Question], vectors: Vectors | None, *, encodes: bool = True
) -> Iterator[tuple[Index, Vectors | None]]:
    """Hold an index at one moment, and give it with the questions' vectors; there are none unless it ``encodes``.

    They are made first: encoding may take longer than a cluster keeps a moment that nobody searches.
    """
    pair_id = index.profile.pair_id
    rows = _encode(index, questions) if vectors is None and encodes else vectors
    with index.hold() as held:
        check_encoder(pair_id, held.profile)
        yield held, rows


def say_unfinished(index: Index) -> None:
    """Tell what keeps an index from being all that it can be."""
    now = index.status()
    if now.pending or now.failed:
        say(f"{now.pending + now.failed} of {now.passages} passages have no vector; their sim is a guess")
    if not now.settled:
        say(f"{now.deleted} deleted passages still count in BM25: hybrid settle")


@contextmanager
def asking(index: Index, questions: int) -> Iterator[Progress]:
    """Give what shows how many questions are asked; tell what keeps the index from being all that it can be."""
    say_unfinished(index)
    with Progress("asking", questions) as progress:
        yield progress


def check_asked(index: Index, asked: QuestionSet, texts: Texts, *, whole: bool = False) -> list[Fault]:
    """Find what is wrong with the questions; ``whole`` reads the index for answers that stand nowhere."""
    known = texts.known(one for question in asked.questions for one in question.relevant)
    passages = (passage.text for page in index.scan() for passage in page) if whole else None
    return find_faults(asked, known_ids=known, passages=passages)


def say_faults(faults: Iterable[Fault]) -> None:
    """Tell what is wrong with the questions."""
    for fault in faults:
        more = ", …" if fault.count > len(fault.examples) else ""
        say(f"{fault.count} {fault.name}: {', '.join(fault.examples)}{more}")


def _read_rows(path: Path, questions: int) -> Any:
    try:
        rows = np.load(path, allow_pickle=False)
    except (EOFError, OSError, ValueError) as error:
        raise VectorError(f"Cannot read vectors from {path}: {error}") from error
    if not isinstance(rows, np.ndarray) or rows.dtype.kind not in "fiu":
        raise VectorError(f"{path} holds no array of numbers; numpy.save writes one.")
    if rows.ndim != 2 or len(rows) != questions:
        shape = "×".join(map(str, rows.shape))
        raise VectorError(f"{path} has the shape {shape}; {questions} questions need a row each.")
    return rows


_NAMED = click.option(
    "--questions",
    required=True,
    metavar="FILE",
    help="A file of questions, or a folder of BEIR's, TREC's or of SQuAD sentences.",
)
_QUESTION_OPTIONS = (
    click.option("--format", type=click.Choice(FORMATS), help="What it is; found out by default."),
    click.option("--qrels", metavar="FILE", help="Judgements for a file of questions."),
    click.option("--split", metavar="NAME", help=f"Which of a BEIR folder's judgements; {DEFAULT_SPLIT} by default."),
    click.option("--patterns", is_flag=True, help="Answers are regular expressions, as CuratedTREC's are."),
    click.option(
        "--vectors",
        metavar="FILE.npy",
        type=click.Path(path_type=Path),
        help="The questions' vectors, a row each; by default the index's encoder makes them.",
    ),
    click.option("--limit", type=click.IntRange(1), help="Ask only so many questions, drawn at random."),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Which ones are drawn."),
)
