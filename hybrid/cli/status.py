"""``hybrid status INDEX``."""

import dataclasses
from typing import Any

import click

from ..index import open_index
from ..records import Job, Status
from .options import index_argument, json_option
from .output import print_json, print_rows


@click.command("status")
@index_argument
@json_option
def command(index: str, as_json: bool) -> None:
    """Count passages with a vector, without one, and failed; list the jobs that filled the index."""
    with open_index(index) as opened:
        status, jobs = opened.status(), opened.intake().list_jobs()
    if as_json:
        print_json({**to_json(status), "jobs": [_job_to_json(job) for job in jobs]})
        return
    click.echo(describe(status))
    if jobs:
        rows = [(job.id, job.state, str(job.position), _describe_counts(job), job.source) for job in jobs]
        print_rows(("job", "state", "rows", "counts", "source"), rows)


def to_json(status: Status) -> dict[str, Any]:
    """Give the counts as ``--json`` prints them."""
    return {**dataclasses.asdict(status), "coverage": round(status.coverage, 6), "settled": status.settled}


def describe(status: Status) -> str:
    """Write the counts as one equation, and whether BM25 counts living passages only."""
    settled = "settled" if status.settled else f"{status.deleted} deleted ones still count in BM25: hybrid settle"
    return (
        f"passages {status.passages} = encoded {status.encoded} + pending {status.pending} + failed {status.failed} "
        f"({status.coverage:.1%} with a vector; {settled})"
    )


def _describe_counts(job: Job) -> str:
    return " ".join(f"{name}={count}" for name, count in job.counts.items() if count)


def _job_to_json(job: Job) -> dict[str, Any]:
    return {name: value for name, value in dataclasses.asdict(job).items() if name not in ("seq_no", "primary_term")}
