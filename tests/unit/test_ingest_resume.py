"""Which record a run starts from, and how its documents are cut."""

import dataclasses
from typing import Any

import pytest

from hybrid.records import Job
from ingest.documents import Document
from ingest.run import Plan, choose_split, name_job, resume_job

PLAN = Plan(sources=["a.jsonl"])
STOPPED = Job(
    name_job(PLAN),
    "a.jsonl",
    "same",
    position=7,
    counts={"rows": 7},
    saved_settings={"refresh_interval": None},
    rejects_file="rejects.jsonl",
    seq_no=3,
    primary_term=1,
)


def test_source_without_a_record_begins_at_its_first_row() -> None:
    job = resume_job(PLAN, "same", None)
    assert (job.position, job.state, job.seq_no, job.counts) == (0, "running", None, {})
    assert (job.id, job.source, job.source_fingerprint) == (name_job(PLAN), "a.jsonl", "same")


def test_unfinished_run_of_the_same_source_goes_on() -> None:
    assert resume_job(PLAN, "same", STOPPED) == STOPPED


@pytest.mark.parametrize(
    ("fingerprint", "changes"),
    [("other", {}), ("same", {"state": "done"}), ("", {"source_fingerprint": ""})],
    ids=["changed", "done", "a stream"],
)
def test_other_runs_begin_anew_and_put_back_what_the_old_one_left(fingerprint: str, changes: dict[str, Any]) -> None:
    job = resume_job(PLAN, fingerprint, dataclasses.replace(STOPPED, **changes))
    assert (job.position, job.counts, job.state) == (0, {}, "running")
    assert (job.seq_no, job.primary_term, job.saved_settings) == (3, 1, {"refresh_interval": None})
    assert job.source_fingerprint == fingerprint


def test_same_command_names_the_same_job_from_wherever_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert name_job(Plan(sources=["/a.jsonl"])) == name_job(Plan(sources=["a.jsonl"]))


@pytest.mark.parametrize(
    "other",
    [
        {"sources": ["b.jsonl"]},
        {"sources": ["a.jsonl", "b.jsonl"]},
        {"format": "lines"},
        {"by": "document"},
        {"words": 50},
    ],
)
def test_other_sources_and_other_passages_are_another_job(other: dict[str, Any]) -> None:
    assert name_job(dataclasses.replace(PLAN, **other)) != name_job(PLAN)


@pytest.mark.parametrize(
    ("plan", "ids"),
    [
        (Plan(sources=["a.jsonl"]), ["d#0", "d#1"]),
        (Plan(sources=["a.tsv"]), ["d"]),
        (Plan(sources=["a.tsv.gz"]), ["d"]),
        (Plan(sources=["-"], format="dpr"), ["d"]),
        (Plan(sources=["a.tsv"], by="words"), ["d#0", "d#1"]),
        (Plan(sources=["a.jsonl"], by="document"), ["d"]),
        (Plan(sources=["a.jsonl"], words=60), ["d#0", "d#1", "d#2"]),
    ],
)
def test_rows_of_a_table_are_passages_and_documents_are_cut(plan: Plan, ids: list[str]) -> None:
    assert [one.id for one in choose_split(plan)(Document("d", "", "word " * 150))] == ids
