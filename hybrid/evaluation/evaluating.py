"""The flow of an evaluation: what was asked goes in, each question's numbers come out, and a run if one is wanted."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from ..engines.contract import Index
from ..errors import UsageError, VectorError
from ..requests import Vectors
from .asking import Asked, encode
from .measuring import Batch, Judge, Tally, rank_all
from .questions import Question
from .rankings import Ranking
from .rules import LEXICAL, Rule
from .runs import save, write_dpr, write_pyserini, write_trec
from .texts import Texts

RunFormat = Literal["trec", "dpr", "pyserini"]
RUN_FORMATS: tuple[RunFormat, ...] = get_args(RunFormat)

#: Told how many questions are done.
OnProgress = Callable[[int], None]
#: Given some questions' rankings, with their texts.
OnRankings = Callable[[Sequence[Ranking]], None]


@dataclass(frozen=True, slots=True)
class Run:
    """A file of the first rule's rankings."""

    path: Path
    format: RunFormat

    @property
    def holds_texts(self) -> bool:
        """Whether passages' texts are written."""
        return self.format != "trec"

    def write(self, rankings: Iterable[Ranking], tag: str) -> None:
        """Write the file; ``tag`` names what made it."""
        save(self.path, write_run(rankings, self.format, tag))


def write_run(rankings: Iterable[Ranking], run_format: RunFormat, tag: str) -> Iterator[bytes]:
    """Give the pieces of a run in one of the formats."""
    writers: dict[RunFormat, Callable[[Iterable[Ranking]], Iterator[bytes]]] = {
        "trec": partial(write_trec, tag=tag.replace(" ", "-")),
        "dpr": write_dpr,
        "pyserini": write_pyserini,
    }
    return writers[run_format](rankings)


def check_rules(index: Index, rules: Sequence[Rule], vectors: Vectors | None) -> None:
    """Refuse rules that want a dense side where the questions have no vectors."""
    if vectors is None and index.profile.question_tower is None:
        wanting = [rule.name for rule in rules if rule.name != LEXICAL]
        if wanting:
            # A gateway keeps its encoder to itself, and says what is to be asked instead.
            index.status()
            raise VectorError(
                f"{wanting[0]} needs the questions' vectors, and the index names no encoder; give --vectors, or ask "
                "with --modes lexical."
            )


def check_ids(questions: Sequence[Question]) -> None:
    """Refuse questions that no run could tell apart, before any work is done."""
    seen: set[str] = set()
    for question in questions:
        if question.id in seen:
            raise UsageError(f"Two questions have the id {question.id!r}; a file of rankings cannot tell them apart.")
        seen.add(question.id)


def encode_all(index: Index, questions: Sequence[Question], on_progress: OnProgress) -> Vectors | None:
    """Give all questions' vectors; None where the index names no encoder."""
    if index.profile.question_tower is None:
        return None
    vectors = []
    for some in encode(index, questions):
        vectors.append(some)
        on_progress(sum(map(len, vectors)))
    return np.concatenate(vectors)


def count_all(
    index: Index,
    asked: Iterable[Sequence[Asked]],
    rules: Sequence[Rule],
    judge: Judge,
    *,
    kept: Collection[str] = (),
    run: Run | None = None,
    on_rankings: OnRankings | None = None,
    on_progress: OnProgress = lambda _: None,
) -> Tally:
    """Rank by every rule what was asked, and count what is right; run and listener get the first rule's rankings."""
    tally, texts, first = Tally(judge, kept), Texts(index), rules[0].name
    with_texts = on_rankings is not None or (run is not None and run.holds_texts)
    rankings = _count(
        rank_all(asked, rules, judge, texts, with_texts=with_texts), tally, first, on_rankings, on_progress
    )
    if run is None:
        deque(rankings, maxlen=0)
    else:
        run.write(rankings, first)
    return tally


def _count(
    batches: Iterable[Batch], tally: Tally, first: str, on_rankings: OnRankings | None, on_progress: OnProgress
) -> Iterator[Ranking]:
    for batch in batches:
        tally.add(batch)
        if on_rankings is not None:
            on_rankings(batch.rankings[first])
        on_progress(len(tally.questions))
        yield from batch.rankings[first]
