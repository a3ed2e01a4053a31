"""What ``hybrid ingest`` ends with: counts once, why rows were rejected, and a plain word where nothing was read."""

import io
import os
import sys
from pathlib import Path

import pytest

from hybrid import create_index
from hybrid.cli import ingest as command
from hybrid.cli.output import INTERRUPTED
from hybrid.errors import IndexExistsError
from hybrid.profile import Profile
from ingest import run
from ingest.job import Ingestion
from ingest.sources import FORMATS
from tests.commands import Said, Say, one_line
from tests.conftest import MakeIndex, small_profile
from tests.integration.feeding import document, write_jsonl

PROOF_OF_NOTHING = (
    "rows 0 = accepted 0 + rejected 0\npassages 0 = created 0 + updated 0 + unchanged 0 + duplicate 0\n"
)
TABLE = 'id;text;title;year\n1;"the Moon pulls\nthe water";Tides;1999\nbad\n2;café;;\n'


@pytest.fixture
def hybrid(hybrid: Say, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Say:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return hybrid


@pytest.fixture
def index(tmp_path: Path) -> str:
    create_index(str(tmp_path / "index"), small_profile())
    return str(tmp_path / "index")


def put(name: str, content: str | bytes) -> str:
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return name


def test_types_of_columns_can_be_said(hybrid: Say, tmp_path: Path) -> None:
    put("a.csv", "id,text,year,day\n1,sea one,999,2020-01-05\n2,sea two,1999,n/a\n")
    index, types = str(tmp_path / "typed"), ["--type", "year=long", "--type", "meta.day=keyword"]
    assert hybrid("ingest", index, "a.csv", "--no-vectors", *types).code == 0
    (hit,) = hybrid("search", index, "sea", "--mode", "lexical", "--where", "year>=1000", "--json").json["hits"]
    assert hit["id"] == "2#0"
    # The same command is no other wish; another type is.
    assert hybrid("ingest", index, "a.csv", "--no-vectors", *types).code == 0
    other = hybrid("ingest", index, "a.csv", "--no-vectors", "--type", "year=double")
    assert (other.code, "has year as long, not double" in one_line(other)) == (2, True)
    new = hybrid("ingest", index, "a.csv", "--no-vectors", "--type", "month=long")
    assert (new.code, "has no month of a type yet" in one_line(new)) == (2, True)
    for wrong in ("year", "=long", "year=int"):
        assert "is no FIELD=TYPE" in one_line(hybrid("ingest", index, "a.csv", "--type", wrong))


def test_types_reach_a_cluster(hybrid: Say, make_index: MakeIndex) -> None:
    address = make_index()
    assert hybrid("delete", address, "--everything", "--yes").code == 0
    put("a.csv", "id,text,year\n1,sea one,999\n2,sea two,1999\n")
    assert hybrid("ingest", address, "a.csv", "--no-vectors", "--type", "year=long").code == 0
    (hit,) = hybrid("search", address, "sea", "--mode", "lexical", "--where", "year>=1000", "--json").json["hits"]
    assert hit["id"] == "2#0"


def test_files_of_a_folder_that_are_not_read_are_counted(hybrid: Say, index: str) -> None:
    for name in ("docs/a.md", "docs/b.csv", "docs/README", "docs/deep/c.jsonl", "docs/.hidden"):
        put(name, "the tide")
    said = hybrid("ingest", index, "docs", "--no-vectors")
    assert said.code == 0
    assert "passed over in folders: 3 files (.csv, .jsonl, README); name such by a pattern" in said.err
    assert hybrid("ingest", index, "docs", "--no-vectors", "--json").json["passed_over"] == 3
    assert hybrid("ingest", index, "docs/a.md", "--no-vectors", "--json").json["passed_over"] == 0


def test_index_that_another_process_makes_meanwhile_is_filled(
    hybrid: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("a.jsonl", '{"id": "1", "contents": "the tide"}\n')

    def overtaken(address: str, profile: Profile, *_: object, **__: object) -> None:
        create_index(address, profile)
        raise IndexExistsError("there is one")

    monkeypatch.setattr(run, "create_index", overtaken)
    assert hybrid("ingest", tmp_path / "new", "a.jsonl", "--no-vectors").code == 0
    (hit,) = hybrid("search", tmp_path / "new", "tide", "--mode", "lexical", "--json").json["hits"]
    assert hit["text"] == "the tide"


def test_table_is_searchable_with_its_columns(hybrid: Say, index: str) -> None:
    put("a.csv", TABLE.encode("cp1252"))
    said = hybrid("ingest", index, "a.csv", "--no-vectors", "--encoding", "cp1252")
    assert said.code == 3
    assert said.out.splitlines() == [
        "rows 3 = accepted 2 + rejected 1",
        "passages 2 = created 2 + updated 0 + unchanged 0 + duplicate 0",
    ]
    first, last = said.err.splitlines()
    assert first == ("1 × the number of columns is 1 instead of 4 (id, text, title, year) (first: a.csv, line 4)")
    assert last.endswith(f".jsonl; see: hybrid rejects {index}")
    (hit,) = hybrid("search", index, "moon", "--mode", "lexical", "--where", "year=1999", "--json").json["hits"]
    assert (hit["id"], hit["title"], hit["meta"]) == ("1#0", "Tides", {"year": "1999"})
    (hit,) = hybrid("search", index, "café", "--mode", "lexical", "--json").json["hits"]
    assert hit["id"] == "2#0"


def test_rejects_are_counted_by_reason(hybrid: Say, index: str) -> None:
    rows = ['{"id": "a", "text": "x"}', *["17"] * 3, '{"id": "b"}', '{"id": "c", "text": ""}', '{"text": "x"}']
    put("a.jsonl", "\n".join([*rows, *rows[:5], '{"id": 1', ""]).encode() + b'{"id": "caf\xe9"}')
    said = hybrid("ingest", index, "a.jsonl", "--no-vectors")
    assert said.err.splitlines()[:5] == [
        "6 × the line is no JSON object (first: a.jsonl, line 2)",
        "2 × no text (first: a.jsonl, line 5)",
        "1 × the text is empty (first: a.jsonl, line 6)",
        "3 × for 3 other reasons",
        "text that is not UTF-8 is read with --encoding NAME",
    ]
    assert said.err.splitlines()[5].startswith("12 rows were rejected, with line and reason in ")
    report = hybrid("ingest", index, "a.jsonl", "--no-vectors", "--json").json
    assert report["reasons"][1] == {"reason": "no text", "rows": 2, "source": "a.jsonl", "line": 5}
    assert sum(one["rows"] for one in report["reasons"]) == report["rejected"] == 12


@pytest.mark.parametrize("name", ["a.jsonl", "a.txt", "a.csv", "a.tsv", "a.json", "a.html", "a.pdf", "a.xml", "a"])
def test_empty_source_is_no_fault_and_makes_no_index(hybrid: Say, name: str) -> None:
    put(name, "")
    said = hybrid("ingest", "new", name, "--no-vectors")
    assert said == Said(0, PROOF_OF_NOTHING, f"nothing was read: {name} is empty; no index was made\n")
    assert not Path("new").exists()
    report = hybrid("ingest", "new", name, "--json")
    assert (report.code, report.json["rows"], report.json["reasons"], report.err) == (0, 0, [], "")


def test_nothing_to_read_is_said_of_an_index_that_is_there(hybrid: Say, index: str) -> None:
    put("a.csv", "id,text\n")
    said = hybrid("ingest", index, "a.csv", "--no-vectors")
    assert said == Said(0, PROOF_OF_NOTHING, "nothing was read: a.csv holds no rows\n")
    put("b.csv", "")
    assert hybrid("ingest", index, "a.csv", "b.csv", "--no-vectors").err == (
        "nothing was read: none of the sources holds a row\n"
    )


def test_empty_file_beside_others_is_no_fault(hybrid: Say, index: str) -> None:
    put("docs/a.txt", "")
    put("docs/b.txt", "x")
    assert hybrid("ingest", index, "docs", "--no-vectors") == Said(
        0,
        "rows 1 = accepted 1 + rejected 0\npassages 1 = created 1 + updated 0 + unchanged 0 + duplicate 0\n",
        "",
    )


def test_table_without_its_columns_makes_no_index(hybrid: Say) -> None:
    put("a.csv", "name,body\n1,x\n")
    said = hybrid("ingest", "new", "a.csv")
    assert said.code == 2
    assert one_line(said) == (
        "hybrid: a.csv cannot be read as csv: wanted are columns named id (or _id) and text, and found: name, body."
    )
    assert not Path("new").exists()


def test_command_knows_all_formats() -> None:
    assert tuple(FORMATS) == command.FORMATS


def test_unknown_encoding_is_refused_by_name(hybrid: Say) -> None:
    put("a.txt", "x")
    said = hybrid("ingest", "new", "a.txt", "--encoding", "klingon")
    assert said.code == 2
    assert one_line(said).startswith("hybrid: 'klingon' is no encoding of text; ")


def test_another_encoding_is_another_job(hybrid: Say, index: str) -> None:
    put("a.txt", "café".encode("cp1252"))
    plain = hybrid("ingest", index, "a.txt", "--no-vectors", "--json")
    named = hybrid("ingest", index, "a.txt", "--no-vectors", "--json", "--encoding", "cp1252")
    assert (plain.code, named.code) == (3, 0)
    assert plain.json["job"] != named.json["job"]


def test_surplus_passages_are_counted(hybrid: Say, index: str) -> None:
    write_jsonl(Path("a.jsonl"), [document("a", 250)])
    hybrid("ingest", index, "a.jsonl", "--no-vectors")
    write_jsonl(Path("a.jsonl"), [document("a", 90)])
    assert hybrid("ingest", index, "a.jsonl", "--no-vectors").out.endswith(" + duplicate 0\ndeleted 2\n")


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        ("a.jsonl", "the same command goes on where it was"),
        ("-", "the same command, given the same input, writes nothing twice"),
    ],
)
def test_ctrl_c_says_what_the_same_command_does(
    source: str, advice: str, hybrid: Say, index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    put("a.jsonl", '{"id": "a", "text": "x"}')
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"id": "a", "text": "x"}')))
    monkeypatch.setattr(Ingestion, "run", interrupted)
    said = hybrid("ingest", index, source, "--no-vectors")
    assert (said.code, said.err) == (INTERRUPTED, f"\nhybrid: interrupted; {advice}\n")


def test_file_whose_name_is_not_utf_8_is_read(hybrid: Say, make_index: MakeIndex, tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jsonl")
    write_jsonl(Path(name), [document("a", 9)])
    address = make_index(small_profile())
    said = hybrid("ingest", address, name, "--no-vectors", "--json")
    assert (said.code, said.json["created"]) == (0, 1), said.err
    assert r"caf\udce9.jsonl" in hybrid("status", address, "--json").out.replace("\\\\", "\\")
