"""Files, folders, patterns and standard input are found, told apart, and put into an order that stays."""

import os
from pathlib import Path

import pytest

from hybrid.errors import HybridError, UsageError
from ingest.documents import Document, Reject
from ingest.sources import Meter, read_sources, source_fingerprint

TSV = "id\ttext\ttitle\n1\tone\tT\n2\ttwo\tT\n"
JSONL = '{"_id":"a","text":"x"}\n{"_id":"b","text":"y"}\n'
SQUAD = '{"data":[{"title":"T","paragraphs":[{"context":"x"}]}]}'
WIKI = "<mediawiki><page><title>T</title><id>9</id><revision><text>x</text></revision></page></mediawiki>"
TREC = "<DOC>\n<DOCNO>1</DOCNO>\nx\n</DOC>\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty folder and stand in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(folder: Path, **files: str) -> None:
    for name, content in files.items():
        write(folder, name, content)


def write(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def ids(*specs: str, format: str | None = None, start: int = 0) -> list[str]:  # noqa: A002
    found = []
    for row in read_sources(specs, format=format, start=start):
        assert isinstance(row.content, Document), row
        found.append(row.content.id)
    return found


# Folders


def test_folder_gives_its_documents_in_the_order_of_their_paths(folder: Path) -> None:
    for name in ("b/z.md", "b.md", "a.txt", "b/deep/er/x.txt", "C.MD", "ü.txt"):
        write(folder, f"docs/{name}", "text")
    assert ids("docs") == ["C.MD", "a.txt", "b/deep/er/x.txt", "b/z.md", "b.md", "ü.txt"]
    assert ids("docs/") == ids(str(folder / "docs")) == ids("docs/../docs/.") == ids("docs")


def test_folder_leaves_out_what_is_hidden_or_of_another_kind(folder: Path) -> None:
    for name in (".git/a.txt", ".b.txt", "c.txt~", "d.png", "e.jsonl", "f.json", "README"):
        write(folder, f"docs/{name}", "text")
    write(folder, "docs/g.txt", "text")
    (folder / "docs" / "round").symlink_to(folder / "docs", target_is_directory=True)
    assert ids("docs") == ["g.txt"]


def test_folder_without_documents_is_an_error_that_helps(folder: Path) -> None:
    write(folder, "docs/a.jsonl", JSONL)
    with pytest.raises(UsageError, match=r"docs holds no text, Markdown, HTML or PDF; .* 'docs/\*\.jsonl'\.$"):
        read_sources(["docs"])
    with pytest.raises(UsageError, match="docs holds no file of the format trec"):
        read_sources(["docs"], format="trec")
    assert ids("docs", format="jsonl") == ["a", "b"]


def test_lines_of_a_whole_folder(folder: Path) -> None:
    write(folder, "docs/a.txt", "one\ntwo\n")
    write(folder, "docs/b.md", "not these\n")
    assert ids("docs", format="lines") == ["a.txt:1", "a.txt:2"]


@pytest.mark.parametrize("format_", [None, "jsonl"])
def test_of_a_beir_folder_only_the_corpus_is_read(format_: str | None, folder: Path) -> None:
    write(folder, "beir/corpus.jsonl", JSONL)
    write(folder, "beir/queries.jsonl", '{"_id":"q","text":"?"}')
    write(folder, "beir/qrels/test.tsv", "query-id\tcorpus-id\tscore\nq\ta\t1\n")
    write(folder, "beir/README.md", "# About")
    assert ids("beir", format=format_) == ["a", "b"]


def test_file_whose_name_is_not_unicode_is_refused(folder: Path) -> None:
    path = os.fsencode(folder / "docs") + b"/caf\xe9.txt"
    (folder / "docs").mkdir()
    with open(path, "wb") as file:
        file.write(b"text")
    (row,) = read_sources(["docs"])
    assert isinstance(row.content, Reject)
    assert row.content.reason == "the id holds a byte that is not UTF-8 (0xe9, character 4)"
    assert row.source == r"docs/caf\udce9.txt"


# Patterns, several sources


def test_pattern_names_files_below_its_fixed_part(folder: Path) -> None:
    for name in ("a/1.md", "a/b/2.md", "a/b/3.txt"):
        write(folder, f"docs/{name}", "text")
    assert ids("docs/**/*.md") == ["a/1.md", "a/b/2.md"]
    assert ids("docs/a/b/[23].*") == ["2.md", "3.txt"]
    assert ids(str(folder / "do?s/a/*.md")) == ["docs/a/1.md"]
    assert ids("*/a/b/*.md") == ["docs/a/b/2.md"]


def test_file_with_the_name_of_a_pattern_is_that_file(folder: Path) -> None:
    write(folder, "a[1].txt", "text")
    assert ids("a[1].txt") == ["a[1].txt"]


def test_sources_come_in_the_order_in_which_they_are_named_and_once(folder: Path) -> None:
    put(folder, **{"b.tsv": TSV, "a.jsonl": JSONL, "c.trec": TREC})
    (folder / "link.tsv").symlink_to("b.tsv")
    rows = list(read_sources(["c.trec", "b.tsv", "*.jsonl", "./b.tsv", str(folder / "c.trec"), "link.tsv"]))
    assert [row.source for row in rows] == ["c.trec", "b.tsv", "b.tsv", "a.jsonl", "a.jsonl"]
    assert [row.position for row in rows] == [0, 1, 2, 3, 4]


def test_files_whose_documents_would_have_the_same_ids_are_not_mixed(folder: Path) -> None:
    put(folder, **{"a/readme.md": "one", "b/readme.md": "two", "a/x.jsonl": JSONL, "b/x.jsonl": JSONL})
    for specs in (["a", "b"], ["a/readme.md", "b/readme.md"]):
        with pytest.raises(UsageError, match=r"a/readme.md and b/readme.md would give documents the same ids"):
            read_sources(specs)
    assert ids("*/*.md") == ["a/readme.md", "b/readme.md"]
    assert ids("a/x.jsonl", "b/x.jsonl") == ["a", "b", "a", "b"]  # ids of rows are the job's business


def test_reading_goes_on_at_any_position(folder: Path) -> None:
    put(folder, **{"a.tsv": TSV + "bad\n", "b.jsonl": JSONL, "c.json": SQUAD, "d.txt": "x"})
    specs = ["a.tsv", "b.jsonl", "c.json", "d.txt"]
    rows = list(read_sources(specs))
    assert [row.position for row in rows] == list(range(7))
    for start in range(9):
        assert list(read_sources(specs, start=start)) == rows[start:]


# What is said when the call is wrong


@pytest.mark.parametrize(
    ("specs", "error"),
    [
        ([], "No source is named; name a file, a folder, a pattern in quotes such as "),
        (["there.tsv", "nowhere.tsv"], "nowhere.tsv is not there; name a file, a folder, "),
        (["nowhere/*.tsv"], r"No file matches nowhere/\*.tsv; name a file, "),
        (["empty"], "empty holds no text, Markdown, HTML or PDF; "),
    ],
)
def test_wrong_source_is_an_error_before_the_first_row(specs: list[str], error: str, folder: Path) -> None:
    write(folder, "there.tsv", TSV)
    (folder / "empty").mkdir()
    with pytest.raises(UsageError, match=f"^{error}"):
        read_sources(specs)


def test_unknown_format_is_an_error_with_a_list() -> None:
    with pytest.raises(
        UsageError, match=r"'xls' is no format; say one of dpr, jsonl, csv, squad, trec, text, lines, html, "
    ):
        read_sources(["-"], format="xls")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_that_may_not_be_read_is_said_plainly(folder: Path) -> None:
    write(folder, "docs/a.tsv", TSV)
    (folder / "docs/a.tsv").chmod(0)
    with pytest.raises(HybridError, match=r"^docs/a.tsv cannot be read: permission denied\.$"):
        read_sources(["docs/a.tsv"])


def test_file_that_vanishes_while_others_are_read_is_refused(folder: Path) -> None:
    put(folder, **{"a.txt": "one", "b.txt": "two", "c.txt": "three"})
    rows = read_sources(["*.txt"])
    next(rows)
    (folder / "b.txt").unlink()
    second, third = (row.content for row in rows)
    assert isinstance(second, Reject)
    assert second.reason == "the file cannot be read: No such file or directory"
    assert isinstance(third, Document)


# Progress and fingerprints


def test_meter_counts_bytes_on_the_disk(folder: Path) -> None:
    put(folder, **{"a.tsv": TSV, "b.jsonl": JSONL * 1000})
    meter = Meter()
    rows = read_sources(["a.tsv", "b.jsonl"], meter=meter)
    assert meter == Meter(0, len(TSV) + len(JSONL) * 1000)
    next(rows)
    assert meter.done == len(TSV)
    list(rows)
    assert meter.done == meter.total


def test_fingerprint_stays_while_nothing_changes(folder: Path) -> None:
    put(folder, **{"docs/a.txt": "one", "docs/b/c.txt": "two"})
    before = source_fingerprint(["docs"])
    assert before is not None
    assert source_fingerprint([str(folder / "docs")]) == before
    os.utime("docs/a.txt", (0, 0))
    assert source_fingerprint(["docs"]) == before


def test_fingerprint_shows_every_change(folder: Path) -> None:
    put(folder, **{"docs/a.txt": "one", "docs/b.txt": "two"})
    seen = {source_fingerprint(["docs"]), source_fingerprint(["docs"], format="lines")}
    for name, content in [("a.txt", "One"), ("a.txt", "one more"), ("c.txt", ""), ("c.txt", "x")]:
        write(folder, f"docs/{name}", content)
        seen.add(source_fingerprint(["docs"]))
    (folder / "docs/c.txt").rename(folder / "docs/d.txt")
    seen.add(source_fingerprint(["docs"]))
    seen.add(source_fingerprint(["docs/b.txt", "docs/a.txt"]))
    assert len(seen) == 8


@pytest.mark.parametrize("place", [0, 1_499_999, 2_999_999])
def test_fingerprint_samples_a_large_file(place: int, folder: Path) -> None:
    data = bytearray(b"x" * 3_000_000)
    write(folder, "a.txt", bytes(data))
    before = source_fingerprint(["a.txt"])
    data[place : place + 200_000] = b"y" * len(data[place : place + 200_000])
    write(folder, "a.txt", bytes(data))
    assert source_fingerprint(["a.txt"]) != before


def test_standard_input_has_no_fingerprint(folder: Path) -> None:
    write(folder, "a.tsv", TSV)
    assert source_fingerprint(["a.tsv", "-"]) is None
