"""SQuAD's JSON: questions with answers, each about the paragraph that it stands under."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..questions import Question
from .files import fail, read_json


@dataclass(frozen=True, slots=True)
class Paragraph:
    """What a question stands under; its text is empty where the file has none."""

    title: str
    text: str
    #: Where the first answer begins, in characters.
    start: int | None


def read_squad(path: Path) -> Iterator[Question]:
    """Read all questions; a paragraph is named as ``hybrid ingest`` names it: ``dev.json:3.7``.

    A question of SQuAD 2 that its paragraph does not answer comes without answers, and with its paragraph.
    """
    return (question for question, _ in read_with_paragraphs(path))


def read_with_paragraphs(path: Path) -> Iterator[tuple[Question, Paragraph]]:
    """Read all questions, each with its paragraph."""
    for article_number, article in _items(path, "the file", read_json(path), "data"):
        for number, paragraph in _items(path, f"data[{article_number}]", article, "paragraphs"):
            document_id = f"{path.name}:{article_number}.{number}"
            place = f"data[{article_number}].paragraphs[{number}]"
            for qa_number, qa in _items(path, place, paragraph, "qas"):
                question = _read_question(path, f"{place}.qas[{qa_number}]", qa, document_id, qa_number)
                yield question, _read_paragraph(article, paragraph, qa)


def _items(path: Path, place: str, parent: object, name: str) -> Iterator[tuple[int, Any]]:
    items = parent.get(name) if isinstance(parent, dict) else None
    if not isinstance(items, list):
        fail(path, place, f"no list named {name}")
    return enumerate(items)


def _read_question(path: Path, place: str, qa: object, document_id: str, number: int) -> Question:
    if not isinstance(qa, dict) or not isinstance(qa.get("question"), str):
        fail(path, place, "no text named question")
    found = qa.get("answers") or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        fail(path, place, "the answers are no list of objects")
    answers = [one.get("text") for one in found]
    if not all(isinstance(one, str) for one in answers):
        fail(path, place, "an answer without a text")
    question_id = str(qa.get("id") or f"{document_id}.{number}")
    return Question(question_id, qa["question"].strip(), tuple(dict.fromkeys(answers)), relevant={document_id: 1})


def _read_paragraph(article: dict[str, Any], paragraph: dict[str, Any], qa: dict[str, Any]) -> Paragraph:
    title, text = article.get("title"), paragraph.get("context")
    starts = [one.get("answer_start") for one in qa.get("answers") or []]
    return Paragraph(
        title=title.replace("_", " ") if isinstance(title, str) else "",
        text=text if isinstance(text, str) else "",
        start=starts[0] if starts and isinstance(starts[0], int) else None,
    )
