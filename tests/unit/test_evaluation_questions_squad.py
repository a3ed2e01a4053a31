"""SQuAD's questions: their answers and their paragraphs, and where a file is broken."""

import json
from pathlib import Path
from typing import Any

import pytest

from hybrid.evaluation.questions import Question
from ingest.documents import Document
from ingest.sources import read_sources
from tests.question_files import questions, refusal, write


def squad(*qas: Any) -> str:
    return json.dumps({"version": "2", "data": [{"paragraphs": []}, {"paragraphs": [{"context": "c", "qas": qas}]}]})


def test_squad_question_comes_with_answers_and_its_paragraph(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "dev.json",
        squad(
            {"question": " q ", "id": "a1", "answers": [{"text": "x"}, {"text": "y"}, {"text": "x"}]},
            {"question": "r", "is_impossible": True, "answers": [], "plausible_answers": [{"text": "no"}]},
        ),
    )
    paragraph = {"dev.json:1.0": 1}
    assert questions(path) == [
        Question("a1", "q", ("x", "y"), relevant=paragraph),
        Question("dev.json:1.0.1", "r", relevant=paragraph),
    ]


def test_squad_paragraphs_are_named_as_ingestion_names_them(tmp_path: Path) -> None:
    path = write(tmp_path, "dev.json", squad({"question": "q", "answers": []}))
    (named,) = [row.content for row in read_sources([str(path)])]
    assert isinstance(named, Document)
    assert list(questions(path)[0].relevant) == [named.id]


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (squad({"answers": []}), "data[1].paragraphs[0].qas[0]: no text named question"),
        (squad({"question": "q", "answers": [{}]}), "data[1].paragraphs[0].qas[0]: an answer without a text"),
        (squad({"question": "q", "answers": "a"}), "data[1].paragraphs[0].qas[0]: the answers are no list"),
        (squad(5), "data[1].paragraphs[0].qas[0]: no text"),
        ('{"data": [{}]}', "data[0]: no list named paragraphs"),
        ('{"data": [{"paragraphs": [{}]}]}', "data[0].paragraphs[0]: no list named qas"),
        ('{\n"data": [\n}', "line 3: not JSON"),
    ],
)
def test_malformed_squad_is_an_error_with_its_place(content: str, where: str, tmp_path: Path) -> None:
    path = write(tmp_path, "dev.json", content)
    assert refusal(path).startswith(f"{path}, {where}")
