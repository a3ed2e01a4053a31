"""Every plain format gives the documents that stand in it."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.documents import Document, Row
from ingest.sources import read_sources

#: Characters that upset naive readers: quotes, tabs, and all that Unicode takes for the end of a line.
TRICKY = st.text(
    st.sampled_from(["a", "Z", "ß", "語", "🙂", '"', "\t", "\n", "\x0b", "\x1c", "\x85", "\u2028", " ", "'"])
)
WORDS = TRICKY.map(lambda text: f"w{text}w")


def write(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def documents(*specs: str, **options: Any) -> list[Document]:
    rows = list(read_sources(specs, **options))
    assert [row.position for row in rows] == list(range(len(rows)))
    return [accepted(row) for row in rows]


def accepted(row: Row) -> Document:
    assert isinstance(row.content, Document), row
    return row.content


# DPR


def test_dpr_table_is_read_with_its_quotes(tmp_path: Path) -> None:
    table = 'id\ttext\ttitle\n1\t"He said ""no"", twice."\tAnn "A" Lee\n2\tplain 5" disk\t"Quoted"\n'
    assert documents(write(tmp_path, "psgs.tsv", table)) == [
        Document("1", 'Ann "A" Lee', 'He said "no", twice.'),
        Document("2", "Quoted", 'plain 5" disk'),
    ]


def test_quoted_field_may_hold_line_breaks_and_tabs(tmp_path: Path) -> None:
    table = 'id\ttext\ttitle\n1\t"one\n\ntwo\tthree"\tT\n2\tnext\tU\n'
    rows = list(read_sources([write(tmp_path, "a.tsv", table)]))
    assert accepted(rows[0]).text == "one\n\ntwo\tthree"
    assert [row.line for row in rows] == [2, 5]


def test_dpr_table_may_lack_its_header(tmp_path: Path) -> None:
    assert documents(write(tmp_path, "a.tsv", "7\tthe text\tthe title")) == [Document("7", "the title", "the text")]


def test_header_names_the_columns_and_further_ones_are_metadata(tmp_path: Path) -> None:
    table = "Title\tyear\tid\ttext\r\nT\t1999\ta\tb\r\n\r\n"
    assert documents(write(tmp_path, "a.tsv", table)) == [Document("a", "T", "b", {"year": "1999"})]


def test_table_without_titles_is_read(tmp_path: Path) -> None:
    assert documents(write(tmp_path, "a.tsv", "id\ttext\n1\tb\n")) == [Document("1", "", "b")]


@given(rows=st.lists(st.tuples(WORDS, TRICKY), max_size=6))
def test_whatever_the_csv_module_writes_comes_back(
    rows: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter="\t", lineterminator="\n")
    writer.writerow(["id", "text", "title"])
    writer.writerows((number, text, title) for number, (text, title) in enumerate(rows))
    path = write(tmp_path_factory.mktemp("tsv"), "a.tsv", buffer.getvalue())
    assert [(one.text, one.title) for one in documents(path)] == rows


# JSON, one object a line


def test_json_lines_keep_everything_else_as_metadata(tmp_path: Path) -> None:
    row = {"id": "a", "title": "T", "text": "x", "year": 1999, "tags": ["p", "q"], "score": 0.5, "draft": False}
    meta = {"year": 1999, "tags": ["p", "q"], "score": 0.5, "draft": False}
    assert documents(write(tmp_path, "a.jsonl", json.dumps(row))) == [Document("a", "T", "x", meta)]


@pytest.mark.parametrize(
    ("row", "document"),
    [
        ({"_id": "b", "text": "x"}, Document("b", "", "x")),
        ({"id": 12, "text": "x", "title": None}, Document("12", "", "x")),
        ({"id": "a", "_id": "b", "text": "x"}, Document("a", "", "x", {"_id": "b"})),
        (
            {"_id": "b", "text": "x", "metadata": {"url": "u", "n": 1}, "n": 2},
            Document("b", "", "x", {"url": "u", "n": 2}),
        ),
        ({"_id": "b", "text": "x", "metadata": {}}, Document("b", "", "x")),
        ({"id": "a", "text": "x", "metadata": "said"}, Document("a", "", "x", {"metadata": "said"})),
        ({"id": "a", "text": "x", "none": None, "some": [1, None]}, Document("a", "", "x", {"some": [1]})),
        ({"id": "a", "text": " x\u2028y \n"}, Document("a", "", " x\u2028y \n")),
    ],
    ids=str,
)
def test_json_line_becomes_a_document(row: dict[str, Any], document: Document, tmp_path: Path) -> None:
    assert documents(write(tmp_path, "a.jsonl", json.dumps(row, ensure_ascii=False))) == [document]


def test_empty_lines_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    lines = '\ufeff{"id":"a","text":"x"}\r\n\r\n  \n{"id":"b","text":"y"}'
    rows = list(read_sources([write(tmp_path, "a.jsonl", lines)]))
    assert [(accepted(row).id, row.position, row.line) for row in rows] == [("a", 0, 1), ("b", 1, 4)]


@given(
    rows=st.lists(st.fixed_dictionaries({"id": WORDS, "title": TRICKY, "text": WORDS}), max_size=6),
    ascii_only=st.booleans(),
)
def test_whatever_the_json_module_writes_comes_back(
    rows: list[dict[str, str]], ascii_only: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lines = "".join(json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in rows)
    path = write(tmp_path_factory.mktemp("jsonl"), "a.jsonl", lines)
    assert documents(path) == [Document(row["id"], row["title"], row["text"]) for row in rows]


# SQuAD


def squad(*articles: tuple[str, list[str]], indent: int | None = None) -> str:
    made = [
        {"title": title, "paragraphs": [{"context": one, "qas": []} for one in texts]} for title, texts in articles
    ]
    return json.dumps({"version": "1.1", "data": made, "more": {"n": [1, 2]}}, indent=indent)


@pytest.mark.parametrize("indent", [None, 2])
def test_squad_paragraphs_are_documents_named_after_their_place(indent: int | None, tmp_path: Path) -> None:
    path = write(tmp_path, "dev.json", squad(("One", ["a", "b"]), ("Two", []), ("One", ["é"]), indent=indent))
    assert documents(path) == [
        Document("dev.json:0.0", "One", "a"),
        Document("dev.json:0.1", "One", "b"),
        Document("dev.json:2.0", "One", "é"),
    ]


def test_squad_article_longer_than_what_is_read_at_once(tmp_path: Path) -> None:
    texts = [f"{number} " + "é" * 5000 for number in range(300)]
    path = write(tmp_path, "dev.json", squad(("A", texts), ("B", texts), indent=1))
    assert [one.text for one in documents(path)] == texts * 2


def test_squad_line_is_where_the_article_begins(tmp_path: Path) -> None:
    rows = list(
        read_sources(
            [write(tmp_path, "a.json", '{"data": [\n{"title": "T",\n "paragraphs": [{"context": "x"}]}\n]}')]
        )
    )
    assert [row.line for row in rows] == [2]


# TREC


def test_trec_documents(tmp_path: Path) -> None:
    text = (
        "<DOC>\n<DOCNO> 1 </DOCNO>\nfirst  line\nsecond a < b\n</DOC>\n\n"
        "<doc><docno>FT-2</docno><DATE>1999</DATE><HEADLINE>\nBig\n news </HEADLINE>\n"
        "<TEXT>\n<P>AT&amp;T &para ok</P>\n</TEXT><TEXT>more</TEXT></doc><DOC><DOCNO>3</DOCNO>x</DOC>"
    )
    found = documents(write(tmp_path, "a.trec", text))
    assert [(one.id, one.title, " ".join(one.text.split())) for one in found] == [
        ("1", "", "first line second a < b"),
        ("FT-2", "Big news", "AT&T &para ok more"),
        ("3", "", "x"),
    ]


def test_trec_title_is_not_repeated_in_the_text(tmp_path: Path) -> None:
    text = "<DOC><DOCNO>1</DOCNO><TITLE>T</TITLE>body</DOC>"
    assert documents(write(tmp_path, "a.trec", text)) == [Document("1", "T", "body")]


# Plain text


def test_each_line_is_a_passage_on_request(tmp_path: Path) -> None:
    path = write(tmp_path, "passages.txt", "one\u2028still one \r\n\n two\n")
    assert documents(path, format="lines") == [
        Document("passages.txt:1", "", "one\u2028still one "),
        Document("passages.txt:3", "", " two"),
    ]


def test_text_file_is_one_document(tmp_path: Path) -> None:
    path = write(tmp_path, "My notes.v2.txt", "# no heading in plain text\n\nline\r\n")
    assert documents(path) == [
        Document("My notes.v2.txt", "My notes.v2", "# no heading in plain text\n\nline\r\n"),
    ]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("intro\n\n## The heading ##\n\n# Later", "The heading"),
        ("Underlined\n==========\ntext", "Underlined"),
        ("```\n# a comment\n```\n# Real", "Real"),
        ("~~~\n# a comment", "file"),
        ('---\ntitle: "From above"\ntags: [a]\n---\n# Heading', "From above"),
        ("---\ntags: [a]\n---\n# Heading #1", "Heading #1"),
        ("#hashtag\nno heading", "file"),
        ("# C#\r\ntext\r\n", "C"),
        ("", "file"),
    ],
)
def test_markdown_title_is_its_first_heading(text: str, title: str, tmp_path: Path) -> None:
    (one,) = documents(write(tmp_path, "file.md", text + "\nbody"))
    assert (one.title, one.text) == (title, text + "\nbody")
