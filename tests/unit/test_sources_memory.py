"""Memory is bounded by the largest row, whatever the size of the source."""

import json
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, repeat
from pathlib import Path

import pytest

from ingest.documents import Reject
from ingest.sources import read_sources

MIB = 2**20
TEXT = "forty characters of text, again and again, " * 12
ROWS = 25_000

#: Each gives a source of about 13 MiB in pieces.
MADE: dict[str, Callable[[], Iterable[str]]] = {
    "dpr": lambda: (f'{n}\t"{TEXT}"\tT\n' for n in range(ROWS)),
    "csv": lambda: chain(["id,text,year\n"], (f'{n},"{TEXT}",{n}\n' for n in range(ROWS))),
    "jsonl": lambda: (json.dumps({"id": n, "text": TEXT, "year": n}) + "\n" for n in range(ROWS)),
    "lines": lambda: (f"{n} {TEXT}\n" for n in range(ROWS)),
    "trec": lambda: (f"<DOC>\n<DOCNO>{n}</DOCNO>\n{TEXT}\n</DOC>\n" for n in range(ROWS)),
    "squad": lambda: make_squad(),
    "wiki": lambda: make_wiki(),
}


def make_squad() -> Iterator[str]:
    paragraphs = json.dumps([{"context": TEXT, "qas": []}] * 50)
    yield '{"version": "1", "data": ['
    yield from (f'{{"title": "T", "paragraphs": {paragraphs}}},' for _ in range(ROWS // 50 - 1))
    yield f'{{"title": "T", "paragraphs": {paragraphs}}}]}}'


def make_wiki() -> Iterator[str]:
    yield "<mediawiki>"
    page = f"<page><title>T</title><ns>1</ns><id>1</id><revision><text>{TEXT * 10}</text></revision></page>\n"
    yield from repeat(page, ROWS // 10)
    yield "</mediawiki>"


def peak_of_reading(path: Path, format_: str, max_row_bytes: int = 16 * MIB) -> tuple[int, int, int]:
    """Give the rows of a source, how many are rejects, and the most memory that reading took."""
    rows = rejects = 0
    tracemalloc.start()
    try:
        for row in read_sources([str(path)], format=format_, max_row_bytes=max_row_bytes):
            rows += 1
            rejects += isinstance(row.content, Reject)
        return rows, rejects, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("format_", MADE)
def test_large_source_is_read_in_little_memory(format_: str, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("w") as file:
        file.writelines(MADE[format_]())
    assert path.stat().st_size > 12 * MIB
    rows, rejects, peak = peak_of_reading(path, format_)
    assert (rows, rejects) == (0 if format_ == "wiki" else ROWS, 0)
    assert peak < 8 * MIB


@pytest.mark.parametrize("format_", ["dpr", "csv", "jsonl", "lines", "trec", "squad", "wiki", "text"])
def test_endless_row_is_refused_in_little_memory(format_: str, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.write(
            {
                "csv": b"id,text\n",
                "squad": b'{"data": [{"paragraphs": [{"context": "',
                "wiki": b"<mediawiki><page><id>",
            }.get(format_, b"<DOC>")
        )
        if format_ == "wiki":
            file.writelines(repeat(b"x" * MIB, 100))
        file.truncate(300 * MIB)  # the rest is a hole that takes no room on the disk
    rows, rejects, peak = peak_of_reading(path, format_, MIB)
    assert (rows, rejects) == (1, 1)
    assert peak < 32 * MIB


@pytest.mark.parametrize(("format_", "separator"), [("dpr", b"\t"), ("csv", b";")])
def test_quote_that_is_never_closed_is_given_up_in_little_memory(
    format_: str, separator: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "large"
    line = b"some words " * 90 + b"\n"
    with path.open("wb") as file:
        file.write(b'id\ttext\ttitle\n1\t"open\n'.replace(b"\t", separator))
        file.writelines(repeat(line, 20_000))
    rows, rejects, peak = peak_of_reading(path, format_, MIB)
    assert rows == rejects == 20_001
    assert peak < 16 * MIB


def test_text_in_another_encoding_is_read_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("w", encoding="utf-16") as file:
        file.writelines(MADE["lines"]())
    rows, rejects, peak = peak_of_reading(path, "lines")
    assert (rows, rejects) == (ROWS, 0)
    assert peak < 8 * MIB
