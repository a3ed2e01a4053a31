"""Many questions to one run file: what was answered is kept beside the file, so that a killed command goes on.

The kept file says first what was asked, then holds a line for each question, in order. The run itself is written from
it when all are answered, and put in its place whole.
"""

import fcntl
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson

from ..engines.contract import Index
from ..errors import HybridError, LockHeldError, UsageError
from ..passages import SearchResult
from ..profile import to_meta
from ..requests import SearchOptions, Vectors
from .evaluating import OnProgress, Run
from .judging import mark_answers
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
    with _open_kept(name_kept(run.path)) as kept:
        done = resumed = _count_kept(kept, _describe(index, address, questions, vectors, options))
        on_progress(done)
        while done < len(questions):
            some = slice(done, done + BATCH)
            texts = [question.text for question in questions[some]]
            results = index.search_many(texts, None if vectors is None else vectors[some], **options)
            kept.write(b"".join(map(_to_line, results)))
            kept.flush()
            done += len(results)
            on_progress(done)
        cut = sum(row["cut"] for row in _read_kept(kept))
        mode = options.get("mode", "hybrid")
        run.write(_read_rankings(kept, questions, marked=run.holds_texts), mode)
    name_kept(run.path).unlink()
    return Answered(len(questions), resumed, cut)


def name_kept(path: Path) -> Path:
    """Name the file beside a run that holds what was answered so far."""
    return path.with_name(f"{path.name}.answered")


@contextmanager
def _open_kept(path: Path) -> Iterator[BinaryIO]:
    """Open the kept file for one command at a time."""
    try:
        with path.open("a+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise LockHeldError(f"{path} is being written by another command; wait for it.") from error
            yield file
    except OSError as error:
        raise HybridError(f"{path} cannot be written: {error.strerror}.") from error


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
    }
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY) + b"\n"


def _count_kept(file: BinaryIO, wanted: bytes) -> int:
    """Give how many questions are answered; a line that was not finished is cut off."""
    file.seek(0)
    head = file.readline()
    if not head.endswith(b"\n"):
        file.truncate(0)
        file.write(wanted)
        return 0
    if head != wanted:
        raise UsageError(
            f"{file.name} holds answers to other questions, or by other options or another profile; "
            "delete it to begin anew, or name another file."
        )
    end, lines = file.tell(), 0
    for line in file:
        if not line.endswith(b"\n"):
            break
        end, lines = end + len(line), lines + 1
    file.truncate(end)
    return lines


def _to_line(result: SearchResult) -> bytes:
    hits = [(hit.id, hit.score, hit.title, hit.text) for hit in result.hits]
    return orjson.dumps({"cut": result.question_cut, "hits": hits}) + b"\n"


def _read_kept(file: BinaryIO) -> Iterator[dict[str, Any]]:
    file.seek(0)
    file.readline()
    for line in file:
        try:
            yield orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise HybridError(f"{file.name} is damaged; delete it and begin anew.") from error


def _read_rankings(file: BinaryIO, questions: Sequence[Question], *, marked: bool) -> Iterator[Ranking]:
    """Give the rankings, with what is known of the answers where their texts are there."""
    for question, row in zip(questions, _read_kept(file), strict=True):
        ranking = Ranking(question, tuple(Ranked(*hit) for hit in row["hits"]))
        yield mark_answers(ranking, match_answers(question)) if marked and question.answers else ranking
