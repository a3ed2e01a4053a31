"""A malformed row of a table costs itself, even where it opens a quote and never closes it."""

from pathlib import Path

import pytest

from ingest.documents import Document, Reject
from ingest.formats.checks import MAX_WORD
from tests.unit.test_sources_malformed import outcome, read

HEADER = "id\ttext\ttitle\n"
UNCLOSED = "a quotation mark opens a field and is not closed where the row ends"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a\tx", "the number of columns is 2 instead of 3 (id, text, title)"),
        ("a\tx\tT\tmore", "the number of columns is 4 instead of 3 (id, text, title)"),
        ("just text", "the number of columns is 1 instead of 3 (id, text, title)"),
        ("\tx\tT", "no id"),
        ("a\t\tT", "the text is empty"),
        ("a\tx\x00\tT", "the text holds a NUL character (character 2)"),
        ("a\tcaf\udce9\tT", "not UTF-8: byte 0xe9 at offset 28 of the file"),
        ("a\tx\udced\udca0\udc80\tT", "not UTF-8: byte 0xed at offset 26 of the file"),
        ("i" * 40_000 + "\tx\tT", "the id has 40,000 bytes, more than 504"),
        ("a\t" + "x" * MAX_WORD + "\tT", "the text has a word of 1,000,000 characters or more"),
        ("a\t" + "x " * 600_000 + "\tT", "the row has more than 1,100,000 bytes"),
        ("a\tx\ry\tT", "a carriage return stands in a field without quotes"),
        ('a\t"x\tT', UNCLOSED),
        ('a\tx\t"T', UNCLOSED),
        ('"a\tx\tT', UNCLOSED),
    ],
    ids=lambda value: value[:20],
)
def test_malformed_table_row_is_refused_alone(line: str, reason: str, tmp_path: Path) -> None:
    good = "good\tx\tT\n"
    rows = read(tmp_path, "a.tsv", f"{HEADER}{good}{line}\n{good}{good}", max_row_bytes=1_100_000)
    assert [outcome(row) for row in rows] == ["good", reason, "good", "good"]
    assert rows[1].line == 3
    rows = read(tmp_path, "a.tsv", f"{HEADER}{good}{line}", max_row_bytes=1_100_000)
    assert [outcome(row) for row in rows] == ["good", reason]


def test_row_that_an_unclosed_quote_would_swallow_arrives(tmp_path: Path) -> None:
    lines = ['1\t"one\tT', "2\ttwo\tT", '3\t"three ""3"""\tT', '4\tfour"\tT', '5\t"fi\nve"\tT']
    rows = read(tmp_path, "a.tsv", HEADER + "\n".join(lines))
    assert [outcome(row) for row in rows] == [UNCLOSED, "2", "3", "4", "5"]
    assert rows[4].content == Document("5", "T", "fi\nve")


def test_unclosed_quote_in_a_long_file_costs_one_row(tmp_path: Path) -> None:
    lines = [f"{number}\ttext\tT" for number in range(25_000)]
    lines[100] = '100\t"text\tT'
    rows = read(tmp_path, "a.tsv", HEADER + "\n".join(lines))
    assert [row.position for row in rows if isinstance(row.content, Reject)] == [100]
    assert len(rows) == len(lines)
