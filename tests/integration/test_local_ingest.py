"""What was ingested into a folder is what stands in the source, however often the run was killed."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from hybrid import IndexSpec, create_index, delete_index, isolate, open_index
from hybrid.cli.main import run as run_command
from hybrid.encoders import load_encoder
from hybrid.errors import LockHeldError, VectorError
from hybrid.passages import Passage, Vector
from hybrid.records import Filled, Job
from hybrid.settings import Settings
from ingest import batches, job
from ingest.documents import Document, Reject
from ingest.run import Plan, run
from ingest.sources import Meter
from ingest.splitter import By
from tests.conftest import small_profile
from tests.integration.feeding import (
    Pairs,
    accepted_of,
    document,
    encode,
    ignore,
    ingest,
    rejected_positions,
    write_jsonl,
)
from tests.integration.test_ingest import RUNS, check_counts
from tests.local_ingest import assert_holds, files, stored
from tests.tiny_models import save_sentence_transformer


@pytest.fixture
def address(tmp_path: Path) -> str:
    address = str(tmp_path / "index")
    create_index(address, small_profile(), IndexSpec(meta_types={"day": "date"}))
    return address


def test_second_run_writes_nothing(address: str, rejects: Path) -> None:
    source = [document(f"d{number}", number % 9 + 1) for number in range(40)]
    first = ingest(address, source, rejects).tally
    before = files(address)
    second = ingest(address, source, rejects).tally
    assert (first.created, first.unchanged) == (len(accepted_of(source)), 0)
    assert (second.created, second.updated, second.deleted, second.unchanged) == (0, 0, 0, first.created)
    assert files(address) == before
    assert_holds(address, accepted_of(source))


def test_changed_document_is_replaced_and_its_surplus_goes(address: str, rejects: Path) -> None:
    source = [document("same", 5), document("d", 9), Document("m", "T", "one", {"year": 1})]
    ingest(address, source, rejects)
    changed = [document("same", 5), document("d", 4, "other"), Document("m", "T", "one", {"year": 2})]
    tally = ingest(address, changed, rejects).tally
    assert (tally.created, tally.updated, tally.unchanged, tally.deleted) == (0, 3, 2, 1)
    assert_holds(address, accepted_of(changed))
    tally = ingest(address, changed, rejects, by="document").tally
    assert tally.deleted == len(accepted_of(changed))
    assert_holds(address, accepted_of(changed, "document"))


def test_document_that_is_refused_leaves_nothing_behind(address: str, rejects: Path) -> None:
    source = [document("a", 7), document("b", 7, day="no day"), document("c", 7, day="2020-01-01")]
    ingest(address, [document("b", 30)], rejects)
    tally = ingest(address, source, rejects).tally
    assert (tally.accepted, tally.rejected) == (2, 1)
    assert rejected_positions(rejects) == [1]
    assert_holds(address, accepted_of([source[0], source[2]]))


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(runs=RUNS, size=st.sampled_from([1, 4, 512]))
def test_every_row_and_every_passage_is_counted_once(
    runs: list[tuple[list[Document | Reject], By]], size: int, tmp_path: Path, rejects: Path
) -> None:
    address = str(tmp_path / "counted")
    create_index(address, small_profile())
    known: dict[str, tuple[Document, By]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "MAX_PASSAGES", size)
        for source, by in runs:
            check_counts(ingest(address, source, rejects, by=by).tally, source, by, rejects)
            for one in reversed([one for one in source if isinstance(one, Document)]):
                known[one.id] = (one, by)
    assert_holds(address, {p.id: p for one, by in known.values() for p in accepted_of([one], by).values()})
    delete_index(address)


@pytest.mark.parametrize("slow", [False, True], ids=["with the text", "after the text"])
def test_passage_that_cannot_be_encoded_stands_alone(
    slow: bool, address: str, rejects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if slow:
        monkeypatch.setattr(job, "SLOW_ENCODER", float("inf"))
        monkeypatch.setattr(batches, "MAX_PASSAGES", 8)
        monkeypatch.setattr(isolate, "FILL_SIZE", 8)
    asked: list[str] = []

    def stumble(pairs: Pairs) -> list[Vector]:
        asked.extend(text for _, text in pairs)
        if any("poison" in text for _, text in pairs):
            raise ValueError("a token that nobody knows")
        return encode(pairs)

    good = [document(f"d{number}", number % 7 + 1) for number in range(30)]
    source = [*good[:11], Document("bad", "", "poison one two"), *good[11:]]
    summary = ingest(address, source, rejects, encode=stumble)
    assert (summary.filled.failed, summary.tally.rejected) == (1, 0)
    with open_index(address) as index:
        status = index.status()
    assert (status.pending, status.failed, status.encoded) == (0, 1, len(accepted_of(good)))
    asked.clear()
    assert ingest(address, source, rejects, encode=stumble).filled == Filled()
    assert asked == []
    cured = [Document("bad", "", "all is well") if one.id == "bad" else one for one in source]
    assert ingest(address, cured, rejects, encode=stumble).tally.updated == 1
    assert_holds(address, accepted_of(cured))


def test_vectors_that_come_later_are_checked_like_those_that_come_at_once(tmp_path: Path) -> None:
    address = str(tmp_path / "cosine")
    create_index(address, small_profile(similarity="cosine", scale=20.0))
    with open_index(address) as index:
        index.add([Passage("a", "fox"), Passage("b", "dog")])
        intake = index.intake()
        with pytest.raises(VectorError, match="passage a"):
            list(intake.fill_pending(lambda pairs: [np.ones(7, np.float32) for _ in pairs], 10))
        assert index.status().pending == 2
        list(intake.fill_pending(lambda pairs: [np.full(8, 3.0, np.float32) for _ in pairs], 10))
        for page in index.scan():
            for one in page:
                assert np.linalg.norm(np.asarray(one.vector)) == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize("settled", [True, False])
def test_passage_that_changes_before_its_vector_comes_does_not_get_it(settled: bool, address: str) -> None:
    with open_index(address) as index, open_index(address) as other:
        index.add([Passage(name, "old", vector=None) for name in "abcd"])

        def meddle(pairs: Sequence[tuple[str, str]]) -> list[Vector | str]:
            other.add([Passage("b", "new")])
            other.delete(["c"])
            other.add([Passage("d", "old", vector=[2.0] * 8)])
            if settled:
                other.settle()
            return [np.ones(8, np.float32) if number else "no" for number in range(len(pairs))]

        filled = sum(index.intake().fill_pending(meddle, 10), Filled())
        assert filled == Filled(failed=1, missing=3)
        found = stored(address)
        assert found["b"].vector is None
        assert_array_equal(np.asarray(found["d"].vector), np.full(8, 2.0))
        assert (index.status().pending, index.status().failed, set(found)) == (1, 1, {"a", "b", "d"})


def test_passage_that_got_a_vector_meanwhile_keeps_it(address: str) -> None:
    with open_index(address) as index:
        index.add([Passage(name, "fox") for name in "ab"])

        def meddle(pairs: Sequence[tuple[str, str]]) -> list[Vector | str]:
            with open_index(address) as other:
                list(other.intake().fill_pending(lambda some: [np.full(8, 2.0, np.float32)] * len(some), 10))
            return [np.ones(8, np.float32)] * len(pairs)

        assert list(index.intake().fill_pending(meddle, 10)) == [Filled(missing=2)]
        assert index.settle().segments == 2
    for passage in stored(address).values():
        assert_array_equal(np.asarray(passage.vector), np.full(8, 2.0))


def test_everything_may_vanish_before_the_vectors_come(address: str) -> None:
    with open_index(address) as index, open_index(address) as other:
        index.add([Passage("a", "fox")])

        def meddle(pairs: Sequence[tuple[str, str]]) -> list[Vector | str]:
            other.delete(["a"])
            other.settle()
            return [np.ones(8, np.float32)] * len(pairs)

        assert list(index.intake().fill_pending(meddle, 10)) == [Filled(missing=1)]
        assert index.status().passages == 0


def test_records_of_jobs_are_kept_and_versioned(address: str) -> None:
    with open_index(address) as index:
        intake = index.intake()
        assert intake.load_job("one") is None
        first = intake.save_job(Job("one", "here", "abc", counts={"rows": 3}, saved_settings={"a": None}))
        second = intake.save_job(dataclasses.replace(first, position=7))
        intake.save_job(Job("two", "there", "def"))
        with pytest.raises(LockHeldError, match="one"):
            intake.save_job(dataclasses.replace(first, position=9))
        with pytest.raises(LockHeldError, match="two"):
            intake.save_job(Job("two", "there", "def"))
        assert [one.id for one in intake.list_jobs()] == ["two", "one"]
    with open_index(address) as index:
        assert index.intake().load_job("one") == second


def test_one_command_makes_the_folder_and_fills_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    model = save_sentence_transformer(tmp_path / "model")
    documents = [document(f"d{number}", number * 40 + 1) for number in range(6)]
    source = write_jsonl(tmp_path / "source.jsonl", documents)
    command = ["ingest", "./wiki", str(source), "--encoder", str(model), "--scale", "20", "--words", "50", "--json"]
    assert run_command(command) == 0
    first = json.loads(capsys.readouterr().out)
    write_jsonl(source, [*documents[:-1], Document("d5", "New", "other words now")])
    assert run_command(command) == 0
    second = json.loads(capsys.readouterr().out)
    assert (first["created"], second["created"], second["updated"], second["deleted"]) == (16, 0, 1, 4)
    found = list(stored("wiki").values())
    wanted = load_encoder(str(model), scale=20.0).encode_passages([(one.title, one.text) for one in found])
    assert_allclose(np.array([one.vector for one in found]), wanted, atol=2e-2)
    assert run_command(["status", "wiki", "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)
    assert (counts["passages"], counts["encoded"], counts["coverage"]) == (12, 12, 1.0)


def test_plan_without_vectors_is_searchable_by_its_text_and_filled_by_the_next(tmp_path: Path) -> None:
    model = save_sentence_transformer(tmp_path / "model")
    source = write_jsonl(tmp_path / "source.jsonl", [document(f"d{number}", 30) for number in range(5)])
    plan = Plan(sources=[str(source)], encoder=str(model), scale=20.0, words=10, rejects=tmp_path / "rejects")
    address = str(tmp_path / "index")
    assert run(address, dataclasses.replace(plan, vectors=False), ignore, Meter(), Settings()).tally.created == 15
    with open_index(address) as index:
        assert index.search("d3w7", mode="lexical").hits[0].id == "d3#0"
        assert index.status().pending == 15
    summary = run(address, plan, ignore, Meter(), Settings())
    assert (summary.tally.unchanged, summary.filled) == (15, Filled(encoded=15))
    with open_index(address) as index:
        assert index.search("d3w7").hits[0].sim is not None
