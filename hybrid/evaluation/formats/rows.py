"""One question a row: DPR's tables, JSON lines, JSON lists, and plain lists.

A row without an id is named by its number among the rows, from 0, as Pyserini names DPR's questions.
"""

import ast
import csv
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..questions import Question
from .files import fail, read_json, read_json_lines, read_lines

#: A line's number, or a row's way through a JSON file.
Place = int | str


def read_dpr(path: Path) -> Iterator[Question]:
    """Read ``question TAB ['answer', …]``, quoted as CSV is; the list is read as a literal, never evaluated."""
    for number, (line, text) in enumerate(read_lines(path)):
        question, answers = _split_columns(path, line, text, "a question and a list of answers")
        yield Question(str(number), question, _read_literal(path, line, answers))


def read_table(path: Path) -> Iterator[Question]:
    """Read ``id TAB question``, as TREC's deep learning tracks have it."""
    for line, text in read_lines(path):
        columns = text.split("\t")
        if len(columns) != 2 or not columns[0].strip():
            fail(path, line, f"{_count(len(columns))} instead of an id, a tab and a question")
        yield Question(columns[0].strip(), columns[1].strip())


def read_plain(path: Path) -> Iterator[Question]:
    """Read a question a line."""
    for number, (line, text) in enumerate(read_lines(path)):
        if "\t" in text:
            fail(path, line, "a tab in a plain list of questions; if these are columns, name the format")
        yield Question(str(number), text.strip())


def read_jsonl(path: Path) -> Iterator[Question]:
    """Read NQ-open's rows, KILT's, and BEIR's queries: ``question``, ``input`` or ``text`` with answers, if any."""
    for number, (line, row) in enumerate(read_json_lines(path)):
        yield _read_row(path, line, row, number)


def read_list(path: Path) -> Iterator[Question]:
    """Read such rows from one JSON list, as DPR's training data and retriever results have them."""
    rows = read_json(path)
    if not isinstance(rows, list):
        fail(path, "the file", "not a JSON list")
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            fail(path, f"row {number}", "not a JSON object")
        yield _read_row(path, f"row {number}", row, number)


def _read_row(path: Path, place: Place, row: dict[str, Any], number: int) -> Question:
    text = _pick(row, "question", "input", "text")
    if not isinstance(text, str):
        fail(path, place, "no text named question, input or text")
    id_, answers = _read_id(path, place, row, number), _read_answers(path, place, row)
    return Question(id_, text.strip(), answers, answers_are_patterns=row.get("patterns") is True)


def _split_columns(path: Path, line: int, text: str, wanted: str) -> tuple[str, str]:
    reader = csv.reader([text, ""], delimiter="\t")
    try:
        columns = next(reader)
    except csv.Error as error:
        fail(path, line, str(error))
    if reader.line_num > 1:
        fail(path, line, "a quotation mark opens a column and is not closed where the row ends")
    if len(columns) != 2:
        fail(path, line, f"{_count(len(columns))} instead of {wanted} with a tab between them")
    return columns[0].strip(), columns[1]


def _count(columns: int) -> str:
    return "one column" if columns == 1 else f"{columns} columns"


def _read_literal(path: Path, line: int, text: str) -> tuple[str, ...]:
    try:
        with warnings.catch_warnings():  # patterns have backslashes that Python knows no meaning for
            warnings.simplefilter("ignore")
            answers = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        fail(path, line, f"the answers are no Python list: {text[:60]!r}")
    return _check_answers(path, line, answers)


def _read_answers(path: Path, place: Place, row: dict[str, Any]) -> tuple[str, ...]:
    answers = _pick(row, "answers", "answer")
    if answers is None and isinstance(row.get("output"), list):
        outputs = (one.get("answer") for one in row["output"] if isinstance(one, dict))
        answers = [answer for answer in outputs if answer is not None]
    if answers is None:
        return ()
    return _check_answers(path, place, [answers] if isinstance(answers, str) else answers)


def _check_answers(path: Path, place: Place, answers: object) -> tuple[str, ...]:
    if not isinstance(answers, list | tuple) or not all(isinstance(one, str) for one in answers):
        fail(path, place, f"the answers are no list of texts: {str(answers)[:60]}")
    return tuple(dict.fromkeys(answers))


def _read_id(path: Path, place: Place, row: dict[str, Any], number: int) -> str:
    found = _pick(row, "id", "_id")
    if found is None:
        return str(number)
    if isinstance(found, bool) or not isinstance(found, str | int) or not str(found).strip():
        fail(path, place, f"the id is neither text nor a whole number: {str(found)[:60]!r}")
    return str(found)


def _pick(row: dict[str, Any], *names: str) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)
