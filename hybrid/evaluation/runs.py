"""Files of rankings, written piece by piece and read whole: TREC's, DPR's in Facebook's form, and Pyserini's.

A TREC run is read by other tools, which order it by score alone, in single precision, and by themselves where scores
are equal. So it is written with scores that still fall from rank to rank when they are read that way: of equal ones
each is the next smaller number that there is. Ids with spaces, which the format cannot hold, are written quoted.
"""

import math
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.parse import quote, unquote

import numpy as np
import orjson

from ..errors import HybridError, UsageError
from .formats.files import fail, read_json, read_lines, split_columns
from .questions import Question
from .rankings import Ranked, Ranking, check_rankings

T = TypeVar("T")

#: Marks an id that is quoted as in an URL.
_QUOTED = "quoted:"
_SPACE = re.compile(r"\s")
_COLUMNS = ("question", "Q0", "passage", "rank", "score", "tag")


def write_trec(rankings: Iterable[Ranking], tag: str) -> Iterator[bytes]:
    """Give the lines of a TREC run; ``tag`` names what made it."""
    if not tag or _SPACE.search(tag):
        raise UsageError(f"{tag!r} cannot name a run; say one word.")
    for ranking in check_rankings(rankings):
        question_id = _quote(ranking.question.id)
        scores = _lower_ties([passage.score for passage in ranking.passages])
        for rank, (passage, score) in enumerate(zip(ranking.passages, scores, strict=True), 1):
            yield f"{question_id} Q0 {_quote(passage.id)} {rank} {score} {tag}\n".encode()


def read_trec(path: Path) -> list[Ranking]:
    """Read a TREC run: by score, and of equal ones by rank; it holds neither questions nor texts."""
    rows: dict[str, list[tuple[float, int, str]]] = {}
    for line, text in read_lines(path):
        columns = split_columns(text)
        if len(columns) != len(_COLUMNS):
            fail(path, line, f"{len(columns)} columns instead of {', '.join(_COLUMNS)}")
        question_id, _, passage_id, rank, score, _ = columns
        try:
            row = (-_finite(score), int(rank), _unquote(passage_id))
        except ValueError:
            fail(path, line, f"rank and score are no numbers: {rank[:30]!r}, {score[:30]!r}")
        rows.setdefault(_unquote(question_id), []).append(row)
    rankings = (
        Ranking(Question(question_id, ""), tuple(Ranked(one, -score) for score, _, one in sorted(found)))
        for question_id, found in rows.items()
    )
    return list(check_rankings(rankings))


def write_dpr(rankings: Iterable[Ranking]) -> Iterator[bytes]:
    """Give DPR's retriever results as Facebook's code writes them: a list without ids, and scores that are text."""
    rows = (
        {
            "question": ranking.question.text,
            "answers": ranking.question.answers,
            "ctxs": [
                {"id": one.id, "title": one.title, "text": one.text, "score": repr(float(one.score))} | _seen(one)
                for one in ranking.passages
            ],
        }
        for ranking in check_rankings(rankings)
    )
    return _enclose(b"[", map(orjson.dumps, rows), b"]")


def write_pyserini(rankings: Iterable[Ranking]) -> Iterator[bytes]:
    """Give the same in Pyserini's form: questions by id, and a passage's title as the first line of its text."""
    rows = (
        (
            ranking.question.id,
            {
                "question": ranking.question.text,
                "answers": ranking.question.answers,
                "contexts": [
                    {"docid": one.id, "score": float(one.score), "text": f"{' '.join(one.title.split())}\n{one.text}"}
                    | _seen(one)
                    for one in ranking.passages
                ],
            },
        )
        for ranking in check_rankings(rankings)
    )
    return _enclose(b"{", (orjson.dumps(name) + b":" + orjson.dumps(row) for name, row in rows), b"}")


def read_results(path: Path) -> list[Ranking]:
    """Read retriever results in either form; in Facebook's, questions are named by their numbers from 0."""
    whole = read_json(path)
    if isinstance(whole, list):
        return [_read_row(path, str(number), row, "ctxs", "id") for number, row in enumerate(whole)]
    if not isinstance(whole, dict):
        fail(path, "the file", "neither a list nor an object of questions")
    return [_read_row(path, question_id, row, "contexts", "docid") for question_id, row in whole.items()]


def check_places(*paths: Path | None, read: Iterable[str | Path | None] = ()) -> None:
    """Refuse files that cannot be written, before the work that would be lost; None names no file.

    A file that is written must be no other one of them, and none of those that are ``read``.
    """
    taken = {os.path.realpath(path) for path in read if path is not None}
    for path in paths:
        if path is None:
            continue
        if os.path.realpath(path) in taken:
            raise UsageError(f"{path} is to be written, and is named for something else as well; name another file.")
        taken.add(os.path.realpath(path))
        with _aside(path):
            pass


def save(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file beside its place and move it there when it is whole."""
    with _aside(path) as file:
        file.writelines(pieces)
        file.close()
        Path(file.name).replace(path)


@contextmanager
def _aside(path: Path) -> Iterator[BinaryIO]:
    """Open a new file beside a place, under a name that nobody has; what is not moved from there is removed."""
    aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with aside.open("xb") as file:
            try:
                yield file
            finally:
                aside.unlink(missing_ok=True)
    except OSError as error:
        raise HybridError(f"{path} cannot be written: {error.strerror}.") from error


def _quote(name: str) -> str:
    """Make one word of an id."""
    clear = name and not _SPACE.search(name) and not name.startswith(_QUOTED)
    return name if clear else f"{_QUOTED}{quote(name)}"


def _unquote(name: str) -> str:
    return unquote(name.removeprefix(_QUOTED)) if name.startswith(_QUOTED) else name


def _lower_ties(scores: Sequence[float]) -> Iterator[str]:
    """Write scores so that they fall strictly in single precision."""
    above = np.float32(np.inf)
    for score in scores:
        above = min(np.float32(score), np.nextafter(above, np.float32(-np.inf)))
        yield str(above)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _seen(passage: Ranked) -> dict[str, bool]:
    return {} if passage.has_answer is None else {"has_answer": passage.has_answer}


def _enclose(begin: bytes, rows: Iterable[bytes], end: bytes) -> Iterator[bytes]:
    separator = begin + b"\n"
    for row in rows:
        yield separator + row
        separator = b",\n"
    yield (b"" if separator == b",\n" else begin) + b"\n" + end + b"\n"


def _read_row(path: Path, question_id: str, row: Any, list_name: str, id_name: str) -> Ranking:
    place = f"question {question_id}"
    try:
        passages = tuple(_read_passage(one, id_name) for one in row[list_name])
        answers = tuple(_given(str, one) for one in _given(list, row.get("answers") or []))
        return Ranking(Question(question_id, _given(str, row["question"]), answers), passages)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        fail(path, place, f"no result of a retriever: {type(error).__name__} {error}")


def _read_passage(row: Any, id_name: str) -> Ranked:
    title, text = row.get("title"), _given(str, row.get("text") or "")
    if title is None:
        title, _, text = text.partition("\n")
    return Ranked(str(row[id_name]), float(row["score"]), _given(str, title), text, row.get("has_answer"))


def _given(kind: type[T], value: Any) -> T:
    """Give what has to be of a kind; ``TypeError`` if it is not."""
    if not isinstance(value, kind):
        raise TypeError(f"{type(value).__name__} instead of {kind.__name__}")
    return value
