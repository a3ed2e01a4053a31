"""TREC's topics and judgements, and BEIR's table of judgements."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

from ..questions import Judgements, Question
from .files import fail, read_lines, read_text, split_columns

_TOPIC = re.compile(r"<(top|topic)\b([^>]*)>(.*?)</\1\s*>", re.IGNORECASE | re.DOTALL)
_NUMBER = re.compile(r"""\bnumber\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE)
#: A field ends at the next tag, whether it is closed or, as in the older tracks, not.
_FIELD = re.compile(r"<(num|title|query|desc|description)>([^<]*+)", re.IGNORECASE)
_LABEL = re.compile(r"^\s*(number|topic|description)\s*:", re.IGNORECASE)
_TEXTS = ("title", "query", "desc", "description")
_ENTITY = re.compile(r"&(?:#\d+|#x[0-9a-f]+|[a-z][a-z0-9]*);", re.IGNORECASE)


#: Columns of judgements.
_TREC = ("question", "iteration", "passage", "grade")
_BEIR = ("query-id", "corpus-id", "score")


def read_topics(path: Path) -> Iterator[Question]:
    """Read ``<top>`` or ``<topic>`` elements; a question is the title, or the description where there is none."""
    whole = read_text(path)
    end = 0
    for found in _TOPIC.finditer(whole):
        _refuse_rest(path, whole, end, found.start())
        end = found.end()
        line = whole.count("\n", 0, found.start()) + 1
        fields = {name.lower(): _clean(text) for name, text in reversed(_FIELD.findall(found[3]))}
        number = _NUMBER.search(found[2])
        question_id = number[1] if number else fields.get("num", "")
        if not question_id:
            fail(path, line, "a topic without a number")
        text = next((fields[name] for name in _TEXTS if fields.get(name)), None)
        if text is None:
            fail(path, line, f"topic {question_id} has neither title, query nor description")
        yield Question(question_id, text)
    _refuse_rest(path, whole, end, len(whole))


def _refuse_rest(path: Path, whole: str, start: int, end: int) -> None:
    """Stop where a topic is lost because it does not begin or end as it should."""
    stray = re.compile(r"</?(top|num)>", re.IGNORECASE).search(whole, start, end)
    if stray:
        fail(path, whole.count("\n", 0, stray.start()) + 1, f"{stray[0]} outside of <top> and </top>")


def _clean(text: str) -> str:
    plain = _ENTITY.sub(lambda entity: html.unescape(entity[0]), _LABEL.sub("", text))
    return " ".join(plain.split())


def read_judgements(path: Path) -> Judgements:
    """Read ``question 0 passage grade`` (TREC), or ``question TAB passage TAB grade`` of BEIR."""
    judgements: dict[str, dict[str, int]] = {}
    tabbed = False
    for number, (line, text) in enumerate(read_lines(path)):
        if number == 0:
            tabbed = text.count("\t") == len(_BEIR) - 1
            if tabbed and text.split("\t")[0] == _BEIR[0]:
                continue
        question_id, passage_id, grade = _split_judgement(path, line, text, tabbed)
        grades = judgements.setdefault(question_id, {})
        if grades.setdefault(passage_id, grade) != grade:
            fail(path, line, f"{passage_id} has two grades for question {question_id}: {grades[passage_id]}, {grade}")
    return judgements


def _split_judgement(path: Path, line: int, text: str, tabbed: bool) -> tuple[str, str, int]:
    columns, wanted = (text.split("\t"), _BEIR) if tabbed else (split_columns(text), _TREC)
    if len(columns) != len(wanted):
        fail(path, line, f"{len(columns)} columns instead of {', '.join(wanted)}")
    question_id, passage_id, grade = columns[0].strip(), columns[-2].strip(), columns[-1].strip()
    try:
        return question_id, passage_id, int(grade)
    except ValueError:
        fail(path, line, f"the grade is no whole number: {grade[:60]!r}")
