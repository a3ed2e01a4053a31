"""Formats are told by name and first bytes, of files, pipes and standard input alike."""

import gzip
import io
import json
import os
import sys
import threading
from pathlib import Path

import pytest

from hybrid.errors import UsageError
from ingest.sources import FORMATS, read_sources, source_fingerprint
from tests.unit.test_sources_files import JSONL, TSV, folder, ids, put, write

__all__ = ["folder"]

SQUAD = '{"data":[{"title":"T","paragraphs":[{"context":"x"}]}]}'
WIKI = "<mediawiki><page><title>T</title><id>9</id><revision><text>x</text></revision></page></mediawiki>"
TREC = "<DOC>\n<DOCNO>1</DOCNO>\nx\n</DOC>\n"


# Formats


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.json", SQUAD, "a.json:0.0"),
        ("a.json", json.dumps(json.loads(SQUAD), indent=1), "a.json:0.0"),
        ("a.json", JSONL, "a"),
        ("a.json", '{"text":"' + "x " * 50_000 + '","id":"a"}\n', "a"),
        ("a.json", '{"version": "' + "x" * 1000 + '", ' + SQUAD[1:], "a.json:0.0"),
        ("a.dat", JSONL, "a"),
        ("a.dat", "\ufeff" + JSONL, "a"),
        ("a.dat", TSV, "1"),
        ("a.csv", TSV, "1"),
        ("a.dat", "year;id;text\n1999;a;x\n", "a"),
        ("a", TREC, "1"),
        ("A.TSV", TSV, "1"),
        ("a.xml", WIKI, "9"),
        ("a.dat", "<!-- c -->\n<!DOCTYPE html><p>x", "a.dat"),
    ],
)  # fmt: skip
def test_format_is_told_by_name_and_content(name: str, content: str, expected: str, folder: Path) -> None:
    write(folder, name, content)
    assert ids(name)[0] == expected


@pytest.mark.parametrize(
    "content",
    ["plain text", "{}", '{"a": 1}\n{"b": 2}', "[1, 2]", "a,b,c\n1,2,3\n", "<html5>", "x\ty\n", "<!--" * 9000],
)
@pytest.mark.parametrize("name", ["a.dat", "a.json", "a.xml", "a"])
def test_format_that_nobody_can_tell_is_asked_for(name: str, content: str, folder: Path) -> None:
    write(folder, name, content)
    with pytest.raises(UsageError) as caught:
        read_sources([name])
    message = str(caught.value)
    assert message.startswith(f"The format of {name} cannot be told; say --format and one of dpr, jsonl, ")
    assert "\n" not in message
    assert all(one in message for one in FORMATS)


@pytest.mark.parametrize("content", [b"", b"\n", b" \r\n\t", b"\xef\xbb\xbf", b"\xff\xfe", gzip.compress(b"")])
def test_source_in_which_nothing_stands_has_no_rows(content: bytes, folder: Path) -> None:
    for name in ("a", "a.dat", *(f"a{suffix}" for one in FORMATS.values() for suffix in one.suffixes)):
        write(folder, name, content)
        assert ids(name) == []
        assert all(ids(name, format=one) == [] for one in FORMATS)
    put(folder, **{"docs/a.txt": "", "docs/b.txt": "x"})
    assert ids("docs") == ["b.txt"]


def test_named_format_goes_before_name_and_content(folder: Path) -> None:
    put(folder, **{"a.jsonl": "one\ntwo\n", "b.txt": JSONL})
    assert ids("a.jsonl", format="lines") == ["a.jsonl:1", "a.jsonl:2"]
    assert ids("b.txt", format="jsonl") == ["a", "b"]


# Standard input and pipes


def give_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.mark.parametrize(
    ("content", "expected"), [(TSV, ["1", "2"]), (JSONL, ["a", "b"]), (SQUAD, ["stdin:0.0"]), (TREC, ["1"])]
)
def test_standard_input_is_told_by_its_content(
    content: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    give_stdin(monkeypatch, content.encode())
    assert ids("-") == expected


def test_standard_input_in_a_named_format(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    give_stdin(monkeypatch, b"one\ntwo\n")
    write(folder, "a.txt", "three")
    rows = list(read_sources(["-", "a.txt", "-"], format="lines"))
    assert [(row.source, row.line) for row in rows] == [("stdin", 1), ("stdin", 2), ("a.txt", 1)]


def test_standard_input_that_nobody_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    give_stdin(monkeypatch, b"one\ntwo\n")
    with pytest.raises(UsageError, match="The format of standard input cannot be told; say --format"):
        ids("-")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["pipe", "pipe.jsonl"])
def test_pipe_that_fills_slowly_is_read_like_a_file(name: str) -> None:
    os.mkfifo(name)
    content = "".join(f'{{"id":"{number}","text":"x"}}\n' for number in range(20_000))

    def fill() -> None:
        with open(name, "w") as pipe:
            for place in range(0, len(content), 1000):
                pipe.write(content[place : place + 1000])
                pipe.flush()

    writer = threading.Thread(target=fill)
    writer.start()
    assert ids(name) == [str(number) for number in range(20_000)]
    writer.join()
    assert source_fingerprint([name]) is None
