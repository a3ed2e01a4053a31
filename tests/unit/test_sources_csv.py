"""Tables with a header give the documents that stand in them, whoever saved them; a bad row costs only itself."""

import bz2
import csv
import gzip
import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.errors import UsageError
from ingest.documents import Document, Reject
from ingest.sources import read_sources
from tests.unit.test_sources_malformed import outcome, read
from tests.unit.test_sources_rows import TRICKY, WORDS, documents, write

UNCLOSED = "a quotation mark opens a field and is not closed where the row ends"
TABLE = 'id,text,title\n1,"one, and\n""two""",T\n2,three,\n'
EXPECTED = [Document("1", "T", 'one, and\n"two"'), Document("2", "", "three")]
WANTED = "wanted are columns named id (or _id) and text, and found: "


def test_table_is_read_with_its_quotes(tmp_path: Path) -> None:
    rows = list(read_sources([write(tmp_path, "a.csv", TABLE)]))
    assert [row.content for row in rows] == EXPECTED
    assert [row.line for row in rows] == [2, 4]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("name", ["a.csv", "A.CSV", "a.dat"])
def test_separator_line_ends_and_mark_are_told(
    separator: str, ending: str, mark: str, name: str, tmp_path: Path
) -> None:
    table = mark + 'ID;"Text";title\n1;"one, and; two\t";T\n2;three;\n'.replace(";", separator).replace("\n", ending)
    wanted = "one, and; two\t".replace(";", separator)
    assert documents(write(tmp_path, name, table)) == [Document("1", "T", wanted), Document("2", "", "three")]


@pytest.mark.parametrize(("ending", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress)])
def test_packed_table_is_told_by_its_name(ending: str, pack: object, tmp_path: Path) -> None:
    assert callable(pack)
    assert documents(write(tmp_path, f"a.csv.{ending}", pack(TABLE.encode()))) == EXPECTED
    assert documents(write(tmp_path, "a", pack(TABLE.encode()))) == EXPECTED


def test_table_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TABLE.encode())))
    assert documents("-") == EXPECTED
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a,b\n1,2\n")))
    with pytest.raises(UsageError, match=r"^- cannot be read as csv"):
        documents("-", format="csv")


def test_dprs_table_stays_what_it_is(tmp_path: Path) -> None:
    assert documents(write(tmp_path, "a.tsv", "id\ttext\tYear\n1\tx\t\n"))[0].meta == {"year": ""}
    assert documents(write(tmp_path, "b.tsv", "_id\ttext\tYear\n1\tx\t7\n"), format="csv")[0].meta == {"Year": "7"}


def test_columns_are_those_of_json_lines(tmp_path: Path) -> None:
    table = ",_ID,TEXT,Year,long name, Tag ,metadata\n0,a,x,1999,y,,{}\n1,b,x,,,z,\n"
    assert documents(write(tmp_path, "a.csv", table)) == [
        Document("a", "", "x", {"Year": "1999", "long name": "y", "metadata": "{}"}),
        Document("b", "", "x", {"Tag": "z"}),
    ]
    lines = '{"_id": "a", "text": "x", "Year": "1999", "long name": "y", "metadata": "{}", "Tag": null}'
    assert documents(write(tmp_path, "a.jsonl", lines)) == documents(write(tmp_path, "b.csv", table))[:1]


def test_id_goes_before_the_other_id(tmp_path: Path) -> None:
    table = "_id,id,text\nother,a,x\nb,,x\n"
    assert documents(write(tmp_path, "a.csv", table)) == [
        Document("a", "", "x", {"_id": "other"}),
        Document("b", "", "x"),
    ]


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("name,body\n1,x\n", f"{WANTED}name, body"),
        ("name;body;more\n1,2;x\n", f"{WANTED}name, body, more"),
        ("id,title\n1,x\n", f"{WANTED}id, title"),
        ("text\nx\n", f"{WANTED}text"),
        ("just text\n", f"{WANTED}just text"),
        ("id,text\r1,x\r", f"{WANTED}none"),
        ("id,text,Text\n1,x,y\n", "two columns are named text"),
        ("id,text,year,year\n1,x,y,z\n", "two columns are named year"),
    ],
)
def test_table_without_the_columns_is_one_error_before_the_first_row(table: str, reason: str, tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", table)
    with pytest.raises(UsageError) as caught:
        read_sources([path])
    assert str(caught.value) == f"{path} cannot be read as csv: {reason}."


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a,x", "the number of columns is 2 instead of 3 (id, text, title)"),
        ("a,x,T,more", "the number of columns is 4 instead of 3 (id, text, title)"),
        (",x,T", "no id"),
        ("a,,T", "the text is empty"),
        (",,", "no id"),
        ("a,x\x00,T", "the text holds a NUL character (character 2)"),
        ("a,caf\udce9,T", "not UTF-8: byte 0xe9 at offset 28 of the file"),
        ("a," + "x" * 200_000 + "\ry,T", "a carriage return stands in a field without quotes"),
        ("a," + "x " * 600_000 + ",T", "the row has more than 1,100,000 bytes"),
        ('a,"x,T', UNCLOSED),
        ('a,x,"T', UNCLOSED),
    ],
    ids=lambda value: value[:20],
)
def test_malformed_row_is_refused_alone(line: str, reason: str, tmp_path: Path) -> None:
    good = "good,x,T\n"
    rows = read(tmp_path, "a.csv", f"id,text,title\n{good}{line}\n\n{good}{good}", max_row_bytes=1_100_000)
    assert [outcome(row) for row in rows] == ["good", reason, "good", "good"]
    assert [row.line for row in rows] == [2, 3, 5, 6]


def test_field_may_be_longer_than_pythons_own_limit(tmp_path: Path) -> None:
    text = "word " * 100_000
    assert documents(write(tmp_path, "a.csv", f'id,text\n1,"{text}"\n2,x\n')) == [
        Document("1", "", text),
        Document("2", "", "x"),
    ]


def test_row_that_an_unclosed_quote_would_swallow_arrives(tmp_path: Path) -> None:
    lines = ['1,"one,T', "2,two,T", '3,"three ""3""",T', '4,"fo\nur",T', '5,"five,T']
    rows = read(tmp_path, "a.csv", "id,text,title\n" + "\n".join(lines))
    assert [outcome(row) for row in rows] == [UNCLOSED, "2", "3", "4", UNCLOSED]


def test_reading_goes_on_at_any_position(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", TABLE + 'bad\n3,"never closed\n4,x,T\n')
    rows = list(read_sources([path]))
    assert [isinstance(row.content, Reject) for row in rows] == [False, False, True, True, False]
    for start in range(7):
        assert list(read_sources([path], start=start)) == rows[start:]


@given(data=st.binary(max_size=300))
def test_no_bytes_below_the_header_stop_the_reading(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    read(tmp_path_factory.mktemp("bytes"), "a.csv", b"id,text\n" + data)


@given(
    rows=st.lists(st.tuples(st.text("abc", min_size=1), WORDS, TRICKY), max_size=8),
    separator=st.sampled_from(",;\t"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_the_csv_module_writes_is_read(
    rows: list[tuple[str, str, str]], separator: str, quoting: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=separator, quoting=quoting)  # type: ignore[arg-type]
    writer.writerows([("id", "text", "year"), *rows])
    path = write(tmp_path_factory.mktemp("csv"), "a.csv", written.getvalue())
    assert documents(path) == [Document(one, "", text, {"year": year} if year else {}) for one, text, year in rows]
