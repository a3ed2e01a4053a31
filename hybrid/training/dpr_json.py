"""DPR's retriever JSON, a row at a time: a question, its answers, passages that are right for it, and others.

A file is a list of rows, or a row a line, plain or gzipped. It is read in pieces, since Facebook's has gigabytes.
"""

import gzip
import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn, cast

import orjson

from ..errors import HybridError, UsageError

#: Characters that are read at a time, and of the longest row.
_PIECE, _LONGEST = 1 << 18, 1 << 26
#: What is wrong so near to the end of what was read may only be cut off there.
_CUT = 16


@dataclass(frozen=True, slots=True)
class Context:
    """A passage beside a question."""

    title: str
    text: str
    id: str = ""
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A question with its passages."""

    question: str
    answers: tuple[str, ...]
    positives: tuple[Context, ...]
    hard_negatives: tuple[Context, ...] = ()
    negatives: tuple[Context, ...] = ()
    dataset: str = ""
    #: Whether the answers are patterns, as in Curated TREC.
    patterns: bool = False

    def name(self, context: Context) -> set[tuple[str, ...]]:
        """Give the names by which a passage is recognised in other rows: its text, and its id in a named data set."""
        names: set[tuple[str, ...]] = {(context.text.strip(),)}
        return names | {(self.dataset, context.id)} if self.dataset and context.id else names


def read_rows(path: Path) -> Iterator[Row]:
    """Give the rows of a file; one without a right passage comes with no positives."""
    for number, value in enumerate(read_values(path), 1):
        yield _read_row(path, f"row {number}", value)


def begins_list(path: Path) -> bool:
    """Tell whether a file begins as a JSON list, without reading on."""
    with _explained(path), _open(path) as file:
        return file.read(_PIECE).lstrip()[:1] == "["


def is_lines(path: Path) -> bool:
    """Tell by its name whether a file is to hold a row a line; else it holds a list."""
    return path.name.lower().removesuffix(".gz").endswith(".jsonl")


def write_rows(rows: Iterable[Row], *, lines: bool = False) -> Iterator[bytes]:
    """Give the pieces of a file; a row of a list stands on a line of its own as well."""
    if lines:
        yield from (write_row(row) + b"\n" for row in rows)
        return
    before = b"[\n"
    for row in rows:
        yield before + write_row(row)
        before = b",\n"
    yield b"[]\n" if before == b"[\n" else b"\n]\n"


def write_row(row: Row) -> bytes:
    """Give a row as JSON on one line."""
    return orjson.dumps(
        {
            "dataset": row.dataset,
            "question": row.question,
            "answers": row.answers,
            **({"patterns": True} if row.patterns else {}),
            "positive_ctxs": [_write_context(one) for one in row.positives],
            "negative_ctxs": [_write_context(one) for one in row.negatives],
            "hard_negative_ctxs": [_write_context(one) for one in row.hard_negatives],
        }
    )


def _write_context(one: Context) -> dict[str, Any]:
    score = {} if one.score is None else {"score": one.score}
    return {"title": one.title, "text": one.text, **score, "passage_id": one.id}


def _read_row(path: Path, place: str, row: Any) -> Row:
    if not isinstance(row, dict):
        _fail(path, place, "not a JSON object")
    if not isinstance(row.get("question"), str):
        _fail(path, place, "no text named question")
    answers = row.get("answers")
    if not isinstance(answers, list) or not all(isinstance(one, str) for one in answers):
        _fail(path, place, "no list of texts named answers")
    if row.get("positive_ctxs") is None:
        _fail(path, place, "no list named positive_ctxs")
    if not isinstance(row.get("dataset") or "", str):
        _fail(path, place, "a dataset that is no text")
    if not isinstance(row.get("patterns") or False, bool):
        _fail(path, place, "patterns that is neither true nor false")
    return Row(
        question=row["question"].strip(),
        answers=tuple(answers),
        positives=_read_contexts(path, place, row, "positive_ctxs"),
        hard_negatives=_read_contexts(path, place, row, "hard_negative_ctxs"),
        negatives=_read_contexts(path, place, row, "negative_ctxs"),
        dataset=row.get("dataset") or "",
        patterns=row.get("patterns") or False,
    )


def _read_contexts(path: Path, place: str, row: Mapping[str, Any], name: str) -> tuple[Context, ...]:
    found = [] if row.get(name) is None else row[name]
    if not isinstance(found, list):
        _fail(path, place, f"{name} is no list")
    return tuple(_read_context(path, place, name, one) for one in found)


def _read_context(path: Path, place: str, name: str, one: Any) -> Context:
    if not isinstance(one, dict) or not isinstance(one.get("text"), str):
        _fail(path, place, f"a passage of {name} without a text")
    title = one.get("title")
    if title is not None and not isinstance(title, str):
        _fail(path, place, f"a title in {name} that is no text")
    known = next((one[key] for key in ("passage_id", "psg_id") if one.get(key) is not None), "")
    return Context(title or "", one["text"], str(known), _read_score(path, place, name, one.get("score")))


def _read_score(path: Path, place: str, name: str, score: Any) -> float | None:
    """Read a score, which some of Facebook's files hold as text."""
    if score is None:
        return None
    try:
        value = float(score)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        _fail(path, place, f"a score in {name} that is no number: {str(score)[:30]!r}")
    return value


def read_values(path: Path) -> Iterator[Any]:
    """Give the values of a list, or those that stand one after the other."""
    with _explained(path), _open(path) as file:
        yield from _Scanner(path, file).values()


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise HybridError(f"{path} cannot be unpacked: {error}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8: byte 0x{error.object[error.start]:02x}.") from error
    except OSError as error:
        raise HybridError(f"{path} cannot be read: {error.strerror}.") from error


def _open(path: Path) -> IO[str]:
    if path.suffix.lower() == ".gz":
        return cast(IO[str], gzip.open(path, "rt", encoding="utf-8-sig"))
    return path.open(encoding="utf-8-sig")


class _Scanner:
    """Takes JSON values off a file, with little more than the next one in memory."""

    def __init__(self, path: Path, file: IO[str]):
        self._path = path
        self._file = file
        self._text = ""
        self._at = 0
        self._rows = 0
        self._decoder = json.JSONDecoder()

    def values(self) -> Iterator[Any]:
        """Give one value after the other."""
        first = self._peek()
        if first == "[":
            yield from self._list()
        elif first == "{":
            while self._peek():
                yield self._take()
        else:
            raise UsageError(f"{self._path} is no DPR JSON, which is a list of rows or a row a line.")

    def _list(self) -> Iterator[Any]:
        self._at += 1
        if self._peek() != "]":
            yield self._take()
            while self._peek() == ",":
                self._at += 1
                yield self._take()
        if self._peek() != "]":
            _fail(self._path, f"row {self._rows}", "the list is not closed, or has something else behind this row")
        self._at += 1
        if self._peek():
            _fail(self._path, f"row {self._rows}", "something stands behind the end of the list")

    def _peek(self) -> str:
        """Go to the next character that is no space, and give it; nothing at the end."""
        while True:
            while self._at < len(self._text):
                if not self._text[self._at].isspace():
                    return self._text[self._at]
                self._at += 1
            if not self._read(_PIECE):
                return ""

    def _take(self) -> Any:
        """Give the next value, reading on until it is whole."""
        self._rows += 1
        self._peek()
        wanted = _PIECE
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if not self._may_go_on(error) or not self._read(wanted):
                    _fail(self._path, f"row {self._rows}", f"not JSON: {error.msg}")
                wanted = min(2 * wanted, _LONGEST)
            except RecursionError:
                _fail(self._path, f"row {self._rows}", "not JSON: nested too deeply")
            else:
                self._at = end
                return value

    def _may_go_on(self, error: json.JSONDecodeError) -> bool:
        """Tell whether what was read may be the beginning of a row."""
        is_cut = error.pos > len(self._text) - _CUT or error.msg.startswith("Unterminated string")
        return is_cut and len(self._text) - self._at < _LONGEST

    def _read(self, size: int) -> bool:
        more = self._file.read(size)
        self._text, self._at = self._text[self._at :] + more, 0
        return bool(more)


def _fail(path: Path, place: str, reason: str) -> NoReturn:
    raise UsageError(f"{path}, {place}: {reason}.")
