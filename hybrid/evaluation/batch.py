"""Many questions to one run file: what was answered is kept beside the file, so that a killed command goes on.

The kept file says first what was asked and of which state of the index, then holds a line for each question, in
order. The run itself is written from it when all are answered, and put in its place whole; it is of one state.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson

from ..engines.contract import Index
from ..passages import SearchResult
from ..profile import to_meta
from ..requests import SearchOptions, Vectors
from .evaluating import OnProgress, Run
from .judging import mark_answers
from .kept import begin_kept, open_kept, read_kept
from .matching import match_answers
from .questions import Question
from .rankings import Ranked, Ranking

#: Questions that are asked together and kept together.
BATCH = 32


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a run."""

    questions: int
    #: Questions that an earlier command had answered.
    resumed: int
    #: Questions of which only the beginning went to BM25.
    cut: int


def answer_all(
    index: Index,
    address: str,
    questions: Sequence[Question],
    vectors: Vectors | None,
    options: SearchOptions,
    run: Run,
    on_progress: OnProgress,
) -> Answered:
    """Ask every question that was not answered yet, then write the run."""
    options = {**options, "text": run.holds_texts}
    with open_kept(name_kept(run.path)) as kept:
        head = _describe(index, address, questions, vectors, options)
        done = resumed = begin_kept(kept, head, holds="answers to")
        on_progress(done)
        while done < len(questions):
            some = slice(done, done + BATCH)
            texts = [question.text for question in questions[some]]
            results = index.search_many(texts, None if vectors is None else vectors[some], **options)
            kept.write(b"".join(map(_to_line, results)))
            kept.flush()
            done += len(results)
            on_progress(done)
        cut = sum(row["cut"] for row in read_kept(kept))
        mode = options.get("mode", "hybrid")
        run.write(_read_rankings(kept, questions, marked=run.holds_texts), mode)
    name_kept(run.path).unlink()
    return Answered(len(questions), resumed, cut)


def name_kept(path: Path) -> Path:
    """Name the file beside a run that holds what was answered so far."""
    return path.with_name(f"{path.name}.answered")


def _describe(
    index: Index, address: str, questions: Sequence[Question], vectors: Vectors | None, options: SearchOptions
) -> bytes:
    """Write down all that the answers depend on, as far as it is known without asking."""
    asked = hashlib.sha256()
    for question in questions:
        asked.update(orjson.dumps([question.id, question.text]))
    if vectors is not None:
        asked.update(np.asarray(vectors, dtype=np.float32).tobytes())
    said: Mapping[str, Any] = {
        "index": address,
        "profile": to_meta(index.profile),
        "options": options,
        "questions": asked.hexdigest(),
        "moment": index.moment(),
    }
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY) + b"\n"


def _to_line(result: SearchResult) -> bytes:
    hits = [(hit.id, hit.score, hit.title, hit.text) for hit in result.hits]
    return orjson.dumps({"cut": result.question_cut, "hits": hits}) + b"\n"


def _read_rankings(file: BinaryIO, questions: Sequence[Question], *, marked: bool) -> Iterator[Ranking]:
    """Give the rankings, with what is known of the answers where their texts are there."""
    for question, row in zip(questions, read_kept(file), strict=True):
        ranking = Ranking(question, tuple(Ranked(*hit) for hit in row["hits"]))
        yield mark_answers(ranking, match_answers(question)) if marked and question.answers else ranking
