"""A malformed row costs itself and nothing else: it is named with line and reason, and its neighbours arrive."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.documents import EXCERPT, Document, Reject, Row
from ingest.formats.checks import MAX_DOCUMENT_ID_BYTES, MAX_WORD
from ingest.sources import read_sources

GOOD = b'{"id":"good","text":"x"}'


def read(folder: Path, name: str, content: str | bytes, **options: Any) -> list[Row]:
    path = folder / name
    path.write_bytes(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content)
    rows = list(read_sources([str(path)], **options))
    assert [row.position for row in rows] == list(range(len(rows)))
    for row in rows:
        assert row.source == str(path)
        if isinstance(row.content, Reject):
            assert (row.content.source, row.content.line) == (str(path), row.line)
            assert row.content.excerpt.isprintable()
            assert row.content.reason.isprintable()
            assert len(row.content.excerpt) <= EXCERPT
    return rows


def outcome(row: Row) -> str:
    """Give an accepted row's id, or a rejected one's reason."""
    return row.content.id if isinstance(row.content, Document) else row.content.reason


# JSON, one object a line


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"id":"a","text":"x"', "not JSON: unexpected end of data"),
        (b'{"id":"a","text":NaN}', "not JSON: unexpected character"),
        (b"id,text", "not JSON: unexpected character"),
        (b"[" * 100_000, "not JSON: "),
        (b'["a","x"]', "the line is no JSON object"),
        (b"17", "the line is no JSON object"),
        (b'{"text":"x"}', "no id"),
        (b'{"id":"","text":"x"}', "no id"),
        (b'{"id":" \\n","text":"x"}', "no id"),
        (b'{"id":1.5,"text":"x"}', "the id is a number instead of text"),
        (b'{"id":true,"text":"x"}', "the id is true or false instead of text"),
        (b'{"id":["a"],"text":"x"}', "the id is a list instead of text"),
        (b'{"id":"' + b"a" * 40_000 + b'","text":"x"}', "the id has 40,000 bytes, more than 504"),
        (b'{"id":"a","title":"t"}', "no text"),
        (b'{"id":"a","text":null}', "no text"),
        (b'{"id":"a","text":""}', "the text is empty"),
        (b'{"id":"a","text":" \\u3000\\n\\t"}', "the text is empty"),
        (b'{"id":"a","text":17}', "the text is a number instead of text"),
        (b'{"id":"a","text":["x"]}', "the text is a list instead of text"),
        (b'{"id":"a","text":{"t":"x"}}', "the text is an object instead of text"),
        (b'{"id":"a","text":"x","title":1}', "the title is a number instead of text"),
        (b'{"id":"a","text":"x","title":"' + b"t" * 5000 + b'"}', "the title has 5,000 characters, more than 4,096"),
        (b'{"id":"a","text":"ab\\u0000c"}', "the text holds a NUL character (character 3)"),
        (b'{"id":"a\\u0000","text":"c"}', "the id holds a NUL character (character 2)"),
        (b'{"id":"a","text":"c","title":"\\u0000"}', "the title holds a NUL character (character 1)"),
        (b'{"id":"a","text":"a\x00b"}', "not JSON: "),
        (b'{"id":"a","text":"a \\ud800 b"}', "half of a surrogate pair at column"),
        (b'{"id":"a","text":"a \\udc00 b"}', "half of a surrogate pair at column"),
        (b'{"id":"a","text":"a \xed\xa0\x80 b"}', "not UTF-8: byte 0xed at offset 46 of the file"),
        (b'{"id":"a","text":"caf\xe9"}', "not UTF-8: byte 0xe9 at offset 47 of the file"),
        (b'{"id":"a","text":"' + b"x" * MAX_WORD + b'"}', "the text has a word of 1,000,000 characters or more"),
        (b'{"id":"a","text":"x","m":{"deep":1}}', "the metadata field 'm' holds an object; "),
        (b'{"id":"a","text":"x","m":[[1]]}', "the metadata field 'm' holds a list; "),
        (b'{"id":"a","text":"x","m":[{"n":1}]}', "the metadata field 'm' holds an object; "),
        (b'{"id":"a","text":"x","metadata":{"m":{"n":1}}}', "the metadata field 'm' holds an object; "),
        (
            b'{"id":"a","text":"x","m":9223372036854775808}',
            "the metadata field 'm' holds a whole number of more than",
        ),
        (b'{"id":"a","text":"x","m":"\\u0000"}', "the metadata field 'm' holds a NUL character (character 1)"),
        (b'{"id":"a","text":"x","":1}', "the metadata field '' has an empty name"),
        (b'{"id":"a","text":"x","a..b":1}', "the metadata field 'a..b' has an empty name"),
        (b'{"id":"a","text":"x","m":"' + b"x" * 70_000 + b'"}', "the metadata has 70,008 bytes, more than 65,536"),
        (b'{"id":"a","text":"' + b"x " * 600_000 + b'"}', "the row has more than 1,100,000 bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_malformed_json_line_is_refused_alone(line: bytes, reason: str, tmp_path: Path) -> None:
    rows = read(tmp_path, "a.jsonl", b"\n".join([GOOD, b"", line, GOOD]), max_row_bytes=1_100_000)
    assert [outcome(rows[0]), outcome(rows[2])] == ["good", "good"]
    assert isinstance(rows[1].content, Reject)
    assert rows[1].content.reason.startswith(reason)
    assert rows[1].line == 3


def test_what_is_long_but_not_too_long_is_accepted(tmp_path: Path) -> None:
    document_id, word = "é" * (MAX_DOCUMENT_ID_BYTES // 2), "x" * (MAX_WORD - 1)
    lines = [
        json.dumps({"id": document_id, "text": f"{word} {word}"}),
        json.dumps({"id": document_id + "a", "text": "x"}),
    ]
    rows = read(tmp_path, "a.jsonl", "\n".join(lines))
    assert [outcome(row) for row in rows] == [document_id, "the id has 505 bytes, more than 504"]


def test_excerpt_shows_the_beginning_of_the_row(tmp_path: Path) -> None:
    (row,) = read(tmp_path, "a.jsonl", b'{"id": "\x1b[31m\xff' + b"x" * 1000)
    assert isinstance(row.content, Reject)
    assert row.content.excerpt == r'{"id": "\x1b[31m\xff' + "x" * 80


@given(data=st.binary(max_size=300), format_=st.sampled_from(["jsonl", "dpr", "squad", "trec", "lines", "text"]))
def test_no_bytes_stop_the_reading(data: bytes, format_: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    read(tmp_path_factory.mktemp("bytes"), "file", data, format=format_)


@pytest.mark.parametrize("format_", ["jsonl", "dpr", "squad", "trec", "text", "html", "pdf", "wiki"])
def test_no_damage_to_a_good_file_stops_the_reading(format_: str, tmp_path: Path) -> None:
    rng = random.Random(format_)
    good = {
        "jsonl": '{"id":"a","title":"T","text":"x"}\n' * 3,
        "dpr": 'id\ttext\ttitle\na\t"x ""y"""\tT\n' * 3,
        "squad": '{"data":[{"title":"T","paragraphs":[{"context":"x"},{"context":"y"}]}]}',
        "trec": "<DOC>\n<DOCNO>1</DOCNO>\n<TITLE>T</TITLE>x\n</DOC>\n" * 3,
        "text": "# T\ntext\n",
        "html": "<html><head><title>T</title></head><body><p>x<ul><li>y</ul></body></html>",
        "pdf": "%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\ntrailer<</Root 1 0 R>>\n%%EOF",
        "wiki": "<mediawiki><page><title>T</title><ns>0</ns><id>1</id><revision><text>x [[y]]</text></revision>"
        "</page></mediawiki>",
    }[format_].encode()
    for _ in range(150):
        damaged = bytearray(good)
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(damaged) + 1)
            damaged[place : place + rng.choice([0, 1, 5])] = rng.choice(
                [b"", b"\x00", b'"', b"<", b"\xff", b"\n", b"{"]
            )
        read(tmp_path, "file", bytes(damaged), format=format_)
