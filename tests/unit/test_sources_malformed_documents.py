"""A malformed paragraph, document or text costs itself, and damage that cannot be passed is named with its line."""

from pathlib import Path

import pytest

from tests.unit.test_sources_malformed import outcome, read

# SQuAD


@pytest.mark.parametrize(
    ("data", "outcomes"),
    [
        ('[{"title":"T","paragraphs":[{"context":"x"},{"context":3},{},7,{"context":"y"}]}]',
         ["a.json:0.0", "the text is a number instead of text", "no text", "no text", "a.json:0.4"]),
        ('[{"title":3,"paragraphs":[{"context":"x"}]},{"paragraphs":[{"context":"x"}]}]',
         ["the title is a number instead of text", "a.json:1.0"]),
        ('[{"title":"T"},3,{"paragraphs":[{"context":"x"}]}]',
         ["the article has no list named paragraphs"] * 2 + ["a.json:2.0"]),
        ('[{"paragraphs":[{"context":"x"},{"context":"a\\u0000"},{"context":"a\\ud800"},{"context":"\udcff"}]}]',
         ["a.json:0.0", "the text holds a NUL character (character 2)",
          "the text holds half of a surrogate pair (U+D800, character 2)",
          "the text holds a byte that is not UTF-8 (0xff, character 1)"]),
        ("[]", []),
    ],
)  # fmt: skip
def test_malformed_paragraph_is_refused_alone(data: str, outcomes: list[str], tmp_path: Path) -> None:
    rows = read(tmp_path, "a.json", f'{{"version":"1","data":{data}}}', format="squad")
    assert [outcome(row) for row in rows] == outcomes


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (
            '{"data":[{"paragraphs":[{"context":"x"}]},\n{"paragraphs":\n[{"context":"y"}',
            3,
            "not JSON: expecting ',' delimiter",
        ),
        ('{"data":[{"paragraphs":[{"context":"x"}]}\n{}]}', 2, "not JSON: ',' is missing"),
        ('{"data":[{"paragraphs":[{"context":"x"}]},\n' + "[" * 100_000, 2, "not JSON"),
        (
            '{"data":[{"paragraphs":[{"context":"x"}]},\n{"paragraphs":[],"year":' + "9" * 5000 + "}]}",
            2,
            "not JSON that anybody would write: a number is too long",
        ),
    ],
)
def test_damage_to_squad_ends_the_file_with_its_line(content: str, line: int, reason: str, tmp_path: Path) -> None:
    first, last = read(tmp_path, "a.json", content, format="squad")
    assert outcome(first) == "a.json:0.0"
    assert last.line == line
    assert outcome(last).startswith(reason)
    assert outcome(last).endswith("; nothing behind it was read")


def test_json_without_articles_is_refused(tmp_path: Path) -> None:
    for content in ('{"a": 1, "data": {}}', "[1]"):
        (row,) = read(tmp_path, "a.json", content, format="squad")
        assert outcome(row).startswith("not ")


def test_article_past_all_bounds_ends_the_file(tmp_path: Path) -> None:
    content = '{"data":[{"paragraphs":[{"context":"' + "x " * 10**6 + '"}]}]}'
    (row,) = read(tmp_path, "a.json", content, format="squad", max_row_bytes=1000)
    assert outcome(row).startswith("a value of more than 4,000 characters, or not JSON")


# TREC


def test_malformed_trec_document_is_refused_alone(tmp_path: Path) -> None:
    good = "<DOC>\n<DOCNO>good</DOCNO>\nx\n</DOC>\n"
    parts = {
        "stray words\n": "not between <DOC> and </DOC>",
        "<DOC>\n<DOCNO>never closed</DOCNO>\n": "not between <DOC> and </DOC>",
        "<DOC>\nx</DOC>\n": "no <DOCNO>",
        "<DOC>\n<DOCNO> </DOCNO>x</DOC>\n": "no id",
        "<DOC>\n<DOCNO>1</DOCNO>\n</DOC>\n": "the text is empty",
        "<DOC>\n<DOCNO>1</DOCNO>\x00\n</DOC>\n": "the text holds a NUL character (character 1)",
        "<DOC>\n<DOCNO>1</DOCNO>\n" + "word word\n" * 1000 + "</DOC>\n": "the row has more than 5,000 bytes",
        "<DOC>\n<DOCNO>1</DOCNO>" + "word word " * 1000 + "</DOC>\n": "the row has more than 5,000 bytes",
    }
    for part, reason in parts.items():
        rows = read(tmp_path, "a.trec", good + part + good, max_row_bytes=5000)
        assert [outcome(row) for row in rows] == ["good", reason, "good"]
        assert rows[1].line == 5


def test_trec_document_in_another_encoding_is_refused_with_the_byte(tmp_path: Path) -> None:
    (row,) = read(tmp_path, "a.trec", b"<DOC><DOCNO>1</DOCNO>caf\xe9</DOC>")
    assert outcome(row) == "not UTF-8: byte 0xe9 at offset 24 of the file"


# Text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("\u3000\n".encode(), "the text is empty"),
        (b"caf\xe9", "not UTF-8: byte 0xe9 at offset 3 of the file"),
        (b"a\x00", "the text holds a NUL character (character 2)"),
        (b"word " * 300, "the file has more than 1,000 bytes (if every line is a passage, say --format lines)"),
    ],
)
def test_malformed_text_file_is_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    (row,) = read(tmp_path, "a.txt", content, max_row_bytes=1000)
    assert outcome(row) == reason


def test_malformed_line_is_refused_alone(tmp_path: Path) -> None:
    rows = read(
        tmp_path, "a.txt", b"one\ncaf\xe9\na\x00\n" + b"x " * 999 + b"\nlast", format="lines", max_row_bytes=1000
    )
    assert [outcome(row) for row in rows] == [
        "a.txt:1",
        "not UTF-8: byte 0xe9 at offset 7 of the file",
        "the text holds a NUL character (character 2)",
        "the row has more than 1,000 bytes",
        "a.txt:5",
    ]
