"""Questions as rows of DPR's tables and of JSON: what stands in them, and where they are broken."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.errors import HybridError
from hybrid.evaluation.questions import Question, QuestionSet
from hybrid.evaluation.sources import read_questions
from tests.question_files import questions, refusal, write

# DPR's tables


def test_dpr_table_gives_questions_and_answers(tmp_path: Path) -> None:
    table = 'who sang x\t[\'Ann Lee\', "O\'Neil"]\r\n\n"""quoted"" one"\t"[""Él""]"\nnone\t[]\n'
    found = read_questions(write(tmp_path, "nq-test.qa.csv", table))
    assert found == QuestionSet(
        "dpr",
        (
            Question("0", "who sang x", ("Ann Lee", "O'Neil")),
            Question("1", '"quoted" one', ("Él",)),
            Question("2", "none", ()),
        ),
    )


def test_answers_are_read_as_a_literal_and_never_evaluated(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    path = write(tmp_path, "a.csv", f"q\t[open({str(mark)!r}, 'w')]\n")
    with pytest.raises(HybridError, match=r"line 1: the answers are no Python list"):
        questions(path, format="dpr")
    assert not mark.exists()


def test_backslashes_of_patterns_are_kept_without_a_warning(tmp_path: Path) -> None:
    (one,) = questions(write(tmp_path, "trec.csv", "q\t['\\d+ Sept\\.?']\n"), patterns=True)
    assert one == Question("0", "q", (r"\d+ Sept\.?",), answers_are_patterns=True)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("only a question", "one column instead of a question and a list of answers"),
        ("a\tb\t['c']", "3 columns"),
        ("q\t['a', 1]", "the answers are no list of texts"),
        ("q\t'a'", "the answers are no list of texts"),
        ("q\t['a'", "the answers are no Python list"),
        ("q\t" + "(" * 5000, "the answers are no Python list"),
        ("\"open\t['a']", "a quotation mark opens a column and is not closed"),
        ("q\t\"['a']", "a quotation mark opens a column and is not closed"),
    ],
)
def test_malformed_dpr_row_is_an_error_with_file_and_line(row: str, reason: str, tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", f"fine\t['x']\n\n{row}\nfine\t['x']\n")
    assert refusal(path).startswith(f"{path}, line 3: {reason}")


@given(
    rows=st.lists(
        st.tuples(
            st.text(st.sampled_from("aé語\"' \u2028"), min_size=1).map(lambda text: f"w{text}w"),
            st.lists(st.text(st.sampled_from("aé\"'\t\n\\,[]")), max_size=3, unique=True),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_python_writes_as_a_dpr_table_comes_back(
    rows: list[tuple[str, list[str]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    quoted = [
        "\t".join('"' + column.replace('"', '""') + '"' for column in (question, repr(answers)))
        for question, answers in rows
    ]
    path = write(tmp_path_factory.mktemp("dpr"), "a.csv", "\n".join(quoted))
    assert [(one.text, list(one.answers)) for one in questions(path)] == rows


# JSON lines


@pytest.mark.parametrize(
    ("row", "question"),
    [
        ({"question": "q", "answer": ["a", "b", "a"]}, Question("0", "q", ("a", "b"))),
        ({"question": "q", "answers": [], "id": 7}, Question("7", "q")),
        ({"question": "q", "answer": "a"}, Question("0", "q", ("a",))),
        ({"id": "k", "input": "q", "output": [{"answer": "a"}, {"provenance": []}]}, Question("k", "q", ("a",))),
        ({"_id": "b", "text": " q \u2028 r", "metadata": {}}, Question("b", "q \u2028 r")),
    ],
)
def test_json_line_becomes_a_question(row: dict[str, Any], question: Question, tmp_path: Path) -> None:
    assert questions(write(tmp_path, "a.jsonl", json.dumps(row, ensure_ascii=False) + "\n")) == [question]


def test_mined_rows_keep_their_patterns(tmp_path: Path) -> None:
    path = write(tmp_path, "mined.json", '[{"question": "when?", "answers": ["19\\\\d\\\\d"], "patterns": true}]')
    (question,) = questions(path)
    assert (question.answers, question.answers_are_patterns) == (("19\\d\\d",), True)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("[1]", "not a JSON object"),
        ('{"question": "q"', "not JSON: unexpected end of data at column 17"),
        ('{"answer": ["a"]}', "no text named question, input or text"),
        ('{"question": 5}', "no text named question, input or text"),
        ('{"question": "q", "answer": {"a": 1}}', "the answers are no list of texts"),
        ('{"question": "q", "answers": [null]}', "the answers are no list of texts"),
        ('{"question": "q", "id": true}', "the id is neither text nor a whole number"),
    ],
)
def test_malformed_json_line_is_an_error_with_file_and_line(row: str, reason: str, tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", f'{{"question": "fine"}}\n{row}\n')
    assert refusal(path).startswith(f"{path}, line 2: {reason}")


def test_json_list_is_read_as_its_rows_would_be(tmp_path: Path) -> None:
    rows = [
        {"dataset": "nq", "question": " who ", "answers": ["Ann"], "positive_ctxs": [], "hard_negative_ctxs": []},
        {"id": 7, "question": "when", "answers": ["1", "2"], "ctxs": [{"id": "wiki:1", "score": "80.1"}]},
    ]
    path = write(tmp_path, "biencoder.json", json.dumps(rows, indent=1))
    lines = write(tmp_path, "biencoder.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))
    assert questions(path) == questions(lines) == [Question("0", "who", ("Ann",)), Question("7", "when", ("1", "2"))]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('[{"question": "q"}, 5]', "row 1: not a JSON object"),
        ('[{"answers": []}]', "row 0: no text named question"),
        ('[{"question": "q", "answers": 5}]', "row 0: the answers are no list"),
        ('[\n{"question": "q"},\n}', "line 3: not JSON"),
        ("{}", "the file: not a JSON list"),
    ],
)
def test_malformed_json_list_is_an_error_with_its_row(content: str, reason: str, tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", content)
    assert refusal(path, format="json").startswith(f"{path}, {reason}")
