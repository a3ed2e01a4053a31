"""The command as a person meets it: exit codes, one clear line for every mistake, plain lines in a pipe, JSON."""

import dataclasses
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hybrid import IndexSpec, Passage, create_index, open_index
from hybrid.settings import Settings
from ingest.documents import Document
from tests.commands import Said, Say, one_line
from tests.conftest import MakeIndex, small_profile
from tests.integration.faults import name_of, upstream_of
from tests.integration.feeding import FIELD, accepted_of, document, ingest, stored, write_jsonl
from tests.integration.killing import Moment, run_watched

DOCUMENTS = [document(f"d{number}", 250) for number in range(4)]
PASSAGES = 3 * len(DOCUMENTS)


@pytest.fixture
def hybrid(hybrid: Say, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Say:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return hybrid


@pytest.fixture
def address(make_index: MakeIndex) -> str:
    return make_index()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "source.jsonl", DOCUMENTS)


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "faulty.jsonl", [DOCUMENTS[0], "no JSON", document("empty", 0)])


def test_second_ingestion_says_that_nothing_is_new(hybrid: Say, address: str, source: Path) -> None:
    first = hybrid("ingest", address, source, "--no-vectors")
    second = hybrid("ingest", address, source, "--no-vectors")
    assert (first.code, second.code) == (0, 0)
    assert first.out.splitlines() == [
        "rows 4 = accepted 4 + rejected 0",
        f"passages {PASSAGES} = created {PASSAGES} + updated 0 + unchanged 0 + duplicate 0",
    ]
    assert f" = created 0 + updated 0 + unchanged {PASSAGES} + " in second.out
    assert first.err == second.err == ""


def test_index_may_be_named_by_an_option_or_by_its_short_form(
    hybrid: Say, address: str, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hybrid("ingest", "--index", address, source, "--no-vectors").out.endswith(
        f" = created {PASSAGES} + updated 0 + unchanged 0 + duplicate 0\n"
    )
    monkeypatch.setenv("HYBRID_OPENSEARCH_URL", upstream_of(address))
    again = hybrid("ingest", source, "--no-vectors", "--index", f"os:{name_of(address)}")
    assert " = created 0 + " in again.out


def test_rejected_rows_are_listed_and_give_exit_code_3(hybrid: Say, address: str, faulty: Path) -> None:
    said = hybrid("ingest", address, faulty, "--no-vectors")
    assert said.code == 3
    assert said.out.splitlines()[0] == "rows 3 = accepted 1 + rejected 2"
    first, second, last = said.err.splitlines()
    assert first.startswith("1 × not JSON: ")
    assert first.endswith(f" (first: {faulty}, line 2)")
    assert second == f"1 × the text is empty (first: {faulty}, line 3)"
    assert last.startswith("2 rows were rejected, with line and reason in ")
    assert last.endswith(f"; see: hybrid rejects {address}")
    listed = hybrid("rejects", address)
    lines = [line.split("\t") for line in listed.out.splitlines()]
    assert [(line[0], line[1]) for line in lines] == [("2", str(faulty)), ("3", str(faulty))]
    assert all(line[2] for line in lines)
    as_json = hybrid("rejects", address, "--json").json
    assert [set(one) for one in as_json] == [{"source", "line", "reason", "excerpt"}] * 2


def test_index_without_rejects_says_so(hybrid: Say, address: str) -> None:
    assert hybrid("rejects", address) == Said(0, "", "No rows were rejected.\n")
    assert hybrid("rejects", address, "--json").json == []


def test_report_as_json_holds_the_proof(hybrid: Say, address: str, faulty: Path) -> None:
    report = hybrid("ingest", address, faulty, "--no-vectors", "--json").json
    counts = {"rows": 3, "accepted": 1, "rejected": 2, "passages": 3, "created": 3, "updated": 0}
    assert report.items() >= {**counts, "unchanged": 0, "duplicate": 0, "deleted": 0, "adds_up": True}.items()
    assert report["vectors"] == {"encoded": 0, "failed": 0, "contested": 0, "missing": 0}
    assert Path(report["rejects_file"]).exists()
    assert report["job"]


def test_rows_of_a_table_are_passages_unless_words_are_asked_for(hybrid: Say, address: str, tmp_path: Path) -> None:
    table = tmp_path / "a.tsv"
    table.write_text("id\ttext\ttitle\n1\t" + "word " * 150 + "\tT\n", encoding="utf-8")
    assert hybrid("ingest", address, table, "--no-vectors", "--json").json["created"] == 1
    assert hybrid("ingest", address, table, "--no-vectors", "--by", "words", "--json").json["created"] == 2


def test_status_tells_counts_ranking_and_jobs(hybrid: Say, address: str, source: Path) -> None:
    hybrid("ingest", address, source, "--no-vectors")
    rows = [line.split("\t") for line in hybrid("status", address).out.splitlines()]
    job = hybrid("status", address, "--json").json["jobs"][0]["id"]
    assert rows == [
        ["passages", f"{PASSAGES} = encoded 0 + pending {PASSAGES} + failed 0"],
        ["with a vector", "0.0%"],
        ["encoder", "made-up, 8 numbers, dot"],
        ["score", "BM25 (k1 0.9, b 0.4, english) + 1.1 · sim; λ from paper, depth 2,000"],
        ["statistics", "settled: BM25 counts living passages only"],
        [
            f"job {job[:8]}",
            "done; rows 4 = accepted 4 + rejected 0; "
            f"created {PASSAGES}, updated 0, unchanged 0, deleted 0; from {source}",
        ],
    ]
    as_json = hybrid("status", address, "--json").json
    assert as_json["passages"] == as_json["encoded"] + as_json["pending"] + as_json["failed"] == PASSAGES
    assert (as_json["coverage"], as_json["settled"]) == (0.0, True)
    (listed,) = as_json["jobs"]
    assert (listed["state"], listed["position"], listed["counts"]["created"]) == ("done", 4, PASSAGES)


def test_documents_are_deleted_by_name(hybrid: Say, address: str, source: Path) -> None:
    hybrid("ingest", address, source, "--no-vectors")
    assert hybrid("delete", address, "d0", "d3") == Said(0, "6 passages deleted\n", "")
    assert hybrid("delete", address, "d1", "--json").json == {"deleted": 3}
    assert hybrid("delete", address, "d0") == Said(1, "0 passages deleted\n", "not there: d0\n")
    assert hybrid("status", address, "--json").json["passages"] == 3
    assert " = created 9 + updated 0 + unchanged 3 + " in hybrid("ingest", address, source, "--no-vectors").out


def test_whole_index_is_deleted_only_when_that_is_meant(hybrid: Say, address: str) -> None:
    address = f"{address}-other"
    create_index(address, small_profile(), settings=Settings())
    assert hybrid("delete", address).code == 2
    assert hybrid("delete", address, "d0", "--everything").code == 2
    assert hybrid("status", address).code == 0
    assert hybrid("delete", address, "--everything", "--yes").code == 0
    assert hybrid("status", address).code == 1


def test_copy_has_the_vectors_and_the_profile(
    hybrid: Say, address: str, tmp_path: Path, raw: Any, dropped: Callable[[str], str]
) -> None:
    ingest(address, DOCUMENTS, tmp_path / "rejects.jsonl")
    ingest(address, [document("pending", 9)], tmp_path / "rejects.jsonl", encode=None)
    copy = dropped(f"{address}-copy")
    said = hybrid("copy", address, copy)
    count = len(accepted_of([*DOCUMENTS, document("pending", 9)]))
    assert (said.code, said.out) == (0, f"{count} passages copied to {copy}\n")
    old, new = stored(raw, address), stored(raw, copy)
    assert {one: hit["_source"] for one, hit in old.items()} == {one: hit["_source"] for one, hit in new.items()}
    assert sum(FIELD in hit["_source"] for hit in new.values()) == count - 3
    with open_index(address, settings=Settings()) as first, open_index(copy, settings=Settings()) as second:
        assert first.profile == second.profile
        assert dataclasses.replace(first.status(), deleted=0) == second.status()
    assert ingest(copy, DOCUMENTS, tmp_path / "again.jsonl").tally.unchanged == count - 3
    again = hybrid("copy", address, copy)
    assert again.code == 1
    assert "exists" in one_line(again)


@pytest.fixture
def dropped(raw: Any) -> Iterator[Callable[[str], str]]:
    """Give a function that takes note of an index to drop after the test."""
    made: list[str] = []

    def note(address: str) -> str:
        made.append(name_of(address))
        return address

    yield note
    for name in made:
        raw.indices.delete(index=f"{name}-*", ignore_unavailable=True)


def test_copy_has_the_types_of_the_metadata(
    hybrid: Say, make_index: MakeIndex, raw: Any, dropped: Callable[[str], str]
) -> None:
    address = make_index(spec=IndexSpec(replicas=0, meta_types={"year": "keyword", "by.born": "date"}))
    # In the order of ids each first value would be guessed as another type, or refused, without the old types.
    metas: list[dict[str, Any]] = [
        {"when": "2020-01-31", "year": 1, "weight": 0.5, "long": "x" * 40_000, "by": {"born": "1999/12/31"}},
        {"day": "2020/01/31", "year": "MCM", "weight": 2, "draft": True, "by": {"born": "1999-12-31", "name": "Ann"}},
        {"day": "2020/01/31 10:00:00", "long": "y"},
    ]
    with open_index(address, settings=Settings()) as index:
        given = [Passage(f"p{len(metas) - place}", "text", meta=meta) for place, meta in enumerate(metas)]
        assert index.add(given, refresh=True).created == len(metas)
        types = index.meta_types()
    assert types == {
        "year": "keyword",
        "by.born": "date",
        "by.name": "keyword",
        "when": "date",
        "day": "date",
        "weight": "double",
        "long": "keyword",
        "draft": "boolean",
    }
    copy = dropped(f"{address}-typed")
    assert hybrid("copy", address, copy) == Said(0, f"{len(metas)} passages copied to {copy}\n", "")
    with open_index(copy, settings=Settings()) as index:
        assert index.meta_types() == types
    old, new = stored(raw, address), stored(raw, copy)
    assert {one: hit["_source"] for one, hit in old.items()} == {one: hit["_source"] for one, hit in new.items()}


def test_refused_passages_of_a_copy_give_exit_code_3(
    hybrid: Say, make_index: MakeIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dropped: Callable[[str], str]
) -> None:
    from hybrid.cli import copy

    def typed(**layout: Any) -> IndexSpec:
        return IndexSpec(**{**layout, "meta_types": {"day": "date"}})

    address = make_index()
    given = [Document("good", "", "one", {"day": "x"}), Document("also", "", "two", {})]
    ingest(address, given, tmp_path / "rejects.jsonl")
    monkeypatch.setattr(copy, "IndexSpec", typed)
    said = hybrid("copy", address, dropped(f"{address}-copy"), "--replicas", "0")
    assert said.code == 3
    assert said.err.startswith("not copied: good#0: ")


def test_ctrl_c_says_interrupted_and_the_same_command_goes_on(
    hybrid: Say, address: str, tmp_path: Path, raw: Any
) -> None:
    many = [document(f"many{number}", 40) for number in range(3000)]
    source = str(write_jsonl(tmp_path / "many.jsonl", many))
    start = "from hybrid.cli.main import main; main()"
    code, said, _ = run_watched(
        address,
        lambda seen: ["-c", start, "ingest", seen, source, "--no-vectors"],
        Moment(12, done=True, kind=signal.SIGINT),
        {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
    )
    assert (code, said) == (130, "\nhybrid: interrupted; the same command goes on where it was\n")
    report = hybrid("ingest", address, source, "--no-vectors", "--json")
    assert (report.code, report.json["created"] + report.json["unchanged"]) == (0, len(many))
    assert len(stored(raw, address)) == len(many)


def test_condition_on_a_field_that_no_passage_has_is_told(hybrid: Say, address: str) -> None:
    with open_index(address, settings=Settings()) as index:
        index.add([Passage("m", "a fox", meta={"year": 1900})], refresh=True)
    asked = ("search", address, "fox", "--mode", "lexical", "--where")
    assert hybrid(*asked, "year>1950") == Said(0, "", "Nothing was found.\n")
    told = "Nothing was found: no passage has the metadata field yaer; there are year.\n"
    assert hybrid(*asked, "yaer>1850").err == told
