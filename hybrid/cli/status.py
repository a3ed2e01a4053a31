"""``hybrid status INDEX``."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import click

from ..index import open_index
from ..profile import PROVISIONAL, Profile
from ..records import Job, Status
from ..settings import read_settings
from .following import Vectors
from .options import index_argument, json_option
from .output import INTERRUPTED, print_json, print_rows
from .progress import Progress

_COUNTS = ("rows", "accepted", "rejected", "created", "updated", "unchanged", "deleted")


@click.command("status")
@index_argument
@click.option("--follow", is_flag=True, help="First watch vectors come, until none is missing.")
@json_option
def command(index: str, follow: bool, as_json: bool) -> int:
    """Count passages with a vector, without one, and failed; tell how they are ranked, and which jobs wrote them."""
    if follow:
        with Progress("vectors") as progress:
            if Vectors(index, read_settings(), progress).follow() is None:
                return INTERRUPTED
    with open_index(index) as opened:
        status, profile, jobs = opened.status(), opened.profile, opened.intake().list_jobs()
    if as_json:
        print_json({**to_json(status), "jobs": [_job_to_json(job) for job in jobs]})
    else:
        print_rows(("", ""), [*describe(status, profile, index), *map(describe_job, jobs)])
    return 0


def to_json(status: Status) -> dict[str, Any]:
    """Give the counts as ``--json`` prints them."""
    return {**dataclasses.asdict(status), "coverage": round(status.coverage, 6), "settled": status.settled}


def describe(status: Status, profile: Profile, index: str) -> Iterator[tuple[str, str]]:
    """Write what is in an index, how it is ranked, and what is left to do."""
    counts = f"encoded {status.encoded:,} + pending {status.pending:,} + failed {status.failed:,}"
    yield "passages", f"{status.passages:,} = {counts}"
    yield "with a vector", f"{status.coverage:.1%}{_advise(status, profile)}"
    yield "encoder", f"{profile.pair_id}, {profile.dimension} numbers, {profile.similarity}{_tell_scale(profile)}"
    bm25 = f"BM25 (k1 {profile.k1:g}, b {profile.b:g}, {profile.analyzer})"
    yield "score", f"{bm25} + {profile.lam:g} · sim; λ from {profile.lam_source}, depth {profile.depth:,}"
    if status.settled:
        yield "statistics", "settled: BM25 counts living passages only"
    else:
        yield "statistics", f"{status.deleted:,} deleted passages still count in BM25; hybrid settle {index}"


def _tell_scale(profile: Profile) -> str:
    if profile.similarity == "dot":
        return ""
    if profile.scale_source == PROVISIONAL:
        return ", scale still to be found"
    return f", scale {profile.scale:g} ({profile.scale_source})"


def _advise(status: Status, profile: Profile) -> str:
    if status.pending and profile.passage_tower is not None:
        return "; run hybrid ingest again to encode what is pending"
    if status.failed:
        return "; what failed is found by its words only"
    return ""


def describe_job(job: Job) -> tuple[str, str]:
    """Write how far a job is and what it did."""
    count = {name: f"{job.counts.get(name, 0):,}" for name in _COUNTS}
    state = "unfinished, the same command goes on" if job.state == "running" else job.state
    source = "standard input" if job.source == "-" else job.source
    rows = f"rows {count['rows']} = accepted {count['accepted']} + rejected {count['rejected']}"
    passages = f"{count['created']} new, {count['updated']} changed, {count['unchanged']} unchanged"
    return f"job {job.id[:8]}", f"{state}; {rows}; {passages}, {count['deleted']} deleted; from {source}"


def _job_to_json(job: Job) -> dict[str, Any]:
    return {name: value for name, value in dataclasses.asdict(job).items() if name not in ("seq_no", "primary_term")}
