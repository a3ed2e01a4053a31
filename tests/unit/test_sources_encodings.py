"""Text that is not UTF-8 is read where a byte order mark or a person says what it is; a bad byte costs its row."""

import codecs
import random
from pathlib import Path

import pytest

from hybrid.errors import UsageError
from ingest.documents import Document
from ingest.sources import read_sources
from tests.unit.test_sources_malformed import outcome, read
from tests.unit.test_sources_rows import documents, write

TEXT = "Über den Käse, 語 und 🙂"
WRITTEN = {
    "a.txt": f"{TEXT}\nzwei",
    "a.jsonl": f'{{"id": "a", "text": "{TEXT}"}}\n{{"id": "b", "text": "zwei"}}\n',
    "a.csv": f'id,text\na,"{TEXT}"\nb,zwei\n',
    "a.tsv": f"id\ttext\ttitle\na\t{TEXT}\tT\nb\tzwei\tT\n",
    "a.trec": f"<DOC><DOCNO>a</DOCNO>{TEXT}</DOC>\n",
    "a.json": f'{{"data": [{{"paragraphs": [{{"context": "{TEXT}"}}]}}]}}',
}
MARKED = {
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
    "utf-8": codecs.BOM_UTF8,
}


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-8"])
def test_mark_tells_the_encoding(name: str, encoding: str, tmp_path: Path) -> None:
    expected = documents(write(tmp_path, name, WRITTEN[name]))
    data = MARKED[encoding] + WRITTEN[name].encode(encoding)
    assert documents(write(tmp_path, name, data)) == expected
    assert documents(write(tmp_path, name, data), encoding="cp1252") == expected  # the mark goes before it
    assert TEXT in expected[0].text
    if not name.endswith(".txt"):  # nobody can tell plain text
        other = write(tmp_path, "unknown", data)
        assert [one.text for one in documents(other)] == [one.text for one in expected]


def test_lines_of_a_marked_file_keep_their_places(tmp_path: Path) -> None:
    rows = list(read_sources([write(tmp_path, "a.txt", "one\n\nzwölf\n".encode("utf-16"))], format="lines"))
    assert [row.content for row in rows] == [Document("a.txt:1", "", "one"), Document("a.txt:3", "", "zwölf")]


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "shift_jis", "utf-16-le", "UTF8"])
def test_named_encoding_is_that_of_all_text(name: str, encoding: str, tmp_path: Path) -> None:
    content = WRITTEN[name].replace(TEXT, "語" if encoding == "shift_jis" else "Käse")
    expected = documents(write(tmp_path, name, content))
    assert documents(write(tmp_path, name, content.encode(encoding)), encoding=encoding) == expected


@pytest.mark.parametrize("name", ["nonsense", "hex", "rot13", "undefined", "idna", "punycode", ""])
def test_unknown_encoding_is_refused_by_name(name: str, tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", "x")
    with pytest.raises(UsageError, match=f"^'{name}' is no encoding of text; say "):
        read_sources([path], encoding=name)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_encoding_of_two_orders_needs_a_mark_or_the_order(encoding: str, tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", "Käse".encode(f"{encoding}-be"))
    with pytest.raises(
        UsageError, match=f"begin with a byte order mark; say --encoding {encoding}-le or {encoding}-be"
    ):
        documents(path, encoding=encoding)
    assert documents(path, encoding=f"{encoding}-be")[0].text == "Käse"
    assert documents(write(tmp_path, "a.txt", "Käse".encode(encoding)), encoding=encoding)[0].text == "Käse"


@pytest.mark.parametrize("encoding", ["cp1252", "shift_jis", "utf-16-le", "utf-16-be", "gb18030"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.tsv"])
def test_byte_that_means_nothing_costs_its_row(name: str, encoding: str, tmp_path: Path) -> None:
    first, *lines = WRITTEN[name].replace(TEXT, "one").splitlines(keepends=True)
    lines = [first, *lines] if name == "a.jsonl" else lines
    head = b"" if name == "a.jsonl" else first.encode(encoding)
    bad = {"utf-16-le": b"\x00\xd8", "utf-16-be": b"\xd8\x00", "cp1252": b"\x81"}.get(encoding, b"\xff")
    good = [line.encode(encoding) for line in lines]
    spoilt = good[0].replace("one".encode(encoding), "o".encode(encoding) + bad + "e".encode(encoding))
    rows = read(tmp_path, name, head + good[0] + spoilt + good[1], encoding=encoding)
    reason = f"not {codecs.lookup(encoding).name}: the row has bytes that mean nothing in it"
    assert [outcome(row) for row in rows] == ["a", reason, "b"]
    assert rows[1].line == (2 if name == "a.jsonl" else 3)


def test_html_says_itself_how_it_is_encoded(tmp_path: Path) -> None:
    page = "<html><body><p>Käse</p></body></html>"
    write(tmp_path, "docs/a.html", page)
    write(tmp_path, "docs/b.txt", "Käse".encode("cp1252"))
    write(tmp_path, "docs/c.html", page.encode("utf-16"))
    assert [one.text for one in documents(str(tmp_path / "docs"), encoding="cp1252")] == ["Käse"] * 3
    with pytest.raises(UsageError, match=r"^--encoding is for text; "):
        read_sources([str(tmp_path / "docs/a.html")], encoding="cp1252")


def test_long_text_in_another_encoding_is_read_whole(tmp_path: Path) -> None:
    rng = random.Random("encodings")
    lines = ["".join(rng.choices("aé語🙂 ", k=rng.randint(1, 400))) + "." for _ in range(3000)]
    data = ("\n".join(lines) + "\n").encode("utf-16")
    found = documents(write(tmp_path, "a.txt", data), format="lines")
    assert [one.text for one in found] == lines


@pytest.mark.parametrize("encoding", [None, "utf-16-le", "utf-32-be", "cp1252", "shift_jis", "utf-7"])
@pytest.mark.parametrize("format_", ["text", "lines", "jsonl", "dpr", "trec", "squad"])
def test_no_bytes_stop_the_reading(encoding: str | None, format_: str, tmp_path: Path) -> None:
    rng = random.Random(f"{encoding}{format_}")
    for _ in range(40):
        mark = rng.choice([b"", *MARKED.values()])
        read(tmp_path, "file", mark + rng.randbytes(rng.randint(0, 300)), format=format_, encoding=encoding)
