"""``hybrid status INDEX``."""

import dataclasses
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import click

from ..address import ClusterAddress, parse_address
from ..index import open_index
from ..profile import PROVISIONAL, Profile
from ..records import FILLING, Beside, Job, Other, Status
from ..settings import read_settings
from .following import Vectors
from .options import index_argument, json_option
from .output import INTERRUPTED, hold, print_facts, print_json
from .progress import Progress

#: What rows became, and passages.
_OF_ROWS = ("accepted", "rejected")
_OF_PASSAGES = ("created", "updated", "unchanged", "deleted")


@click.command("status")
@index_argument
@click.option("--follow", is_flag=True, help="First watch vectors come, until none is missing.")
@json_option
def command(index: str, follow: bool, as_json: bool) -> int:
    """Count passages with a vector, without one, and failed; tell how they are ranked, and which jobs wrote them.

    In a pipe a line holds a name and what is so, with a tab between.
    """
    if follow and not _follow(index):
        return INTERRUPTED
    with open_index(index) as opened:
        status, profile, jobs = opened.status(), opened.profile, opened.intake().list_jobs()
    others = _read_others(index)
    if as_json:
        beside = [{"encoder": other.pair_id, "state": other.state, **to_json(other.status)} for other in others]
        print_json({**to_json(status), "others": beside, "jobs": [_job_to_json(job) for job in jobs]})
    else:
        print_facts(
            [
                *describe(status, profile, index),
                *(describe_other(other, index) for other in others),
                *map(describe_job, jobs),
            ]
        )
    return 0


def _follow(index: str) -> bool:
    """Watch the vectors that questions use, then those that are being filled in beside; False if Ctrl-C came."""
    settings = read_settings()
    with Progress("vectors") as progress:
        done = status = Vectors(index, settings, progress).follow()
        if done is None:
            return False

        def read_filling() -> Status:
            return next((other.status for other in _read_others(index) if other.state in FILLING), done)

        if read_filling().pending:
            status = Vectors(index, settings, progress, read_filling).follow()
        return status is not None


def _read_others(index: str) -> list[Other]:
    """Count the vectors of encoders beside the one that questions use; only a cluster keeps any."""
    settings = read_settings()
    place = parse_address(index, settings)
    if not isinstance(place, ClusterAddress):
        return []
    from ..engines.opensearch.client import Client
    from ..engines.opensearch.lifecycle import open_target
    from ..engines.opensearch.status import read_others_status

    with closing(Client(place.url, settings)) as client:
        return client.run(read_others_status(client.run(open_target(place.index))))


def to_json(status: Status) -> dict[str, Any]:
    """Give the counts as ``--json`` prints them."""
    return {**dataclasses.asdict(status), "coverage": round(status.coverage, 6), "settled": status.settled}


def describe(status: Status, profile: Profile, index: str) -> Iterator[tuple[str, str]]:
    """Write what is in an index, how it is ranked, and what is left to do."""
    counts = _add_up(("encoded", status.encoded), ("pending", status.pending), ("failed", status.failed))
    yield "passages", f"{status.passages:,} {counts}"
    yield "with a vector", f"{status.coverage:.1%}{_advise(status, profile)}"
    yield "encoder", f"{profile.pair_id}, {profile.dimension} numbers, {profile.similarity}{_tell_scale(profile)}"
    bm25 = f"BM25 (k1 {profile.k1:g}, b {profile.b:g}, {profile.analyzer})"
    limits = f"depth {profile.depth:,}{_tell_least(profile)}"
    yield "score", f"{bm25} + {profile.lam:g} · sim; λ from {profile.lam_source}, {limits}"
    if status.settled:
        yield "statistics", "settled: BM25 counts living passages only"
    else:
        yield "statistics", f"{status.deleted:,} deleted passages still count in BM25; hybrid settle {index}"


def describe_other(other: Other, index: str) -> tuple[str, str]:
    """Write how far an encoder is whose vectors lie beside those that questions use."""
    counts, again = other.status, f"hybrid reencode {index}"
    ways: dict[Beside, str] = {
        "filling": f"is being filled in: {again} goes on here, with --back it is given up",
        "refilling": f"is being filled in again: {again} goes on here, with --back it is kept as it is",
        "kept": f"is kept: {again} --back --encoder {other.pair_id}",
        "given up": f"was given up: {again} --encoder NAME goes on with it",
    }
    way = ways[other.state]
    return "beside it", f"{other.pair_id} {way}; {counts.encoded:,} of {counts.passages:,} passages have its vector"


def _tell_least(profile: Profile) -> str:
    return "" if profile.min_sim is None else f", least sim {profile.min_sim:.2f} for pages"


def _tell_scale(profile: Profile) -> str:
    if profile.similarity == "dot":
        return ""
    if profile.scale_source == PROVISIONAL:
        return ", scale still to be found"
    return f", scale {profile.scale:g} ({profile.scale_source})"


def _advise(status: Status, profile: Profile) -> str:
    if status.pending and profile.passage_tower is not None:
        return "; workers add what is pending, or hybrid ingest again"
    if status.failed:
        return "; what failed is found by its words only"
    return ""


def describe_job(job: Job) -> tuple[str, str]:
    """Write how far a job is and what it did."""
    given = job.counts.get("rows", 0)
    state = "unfinished, the same command goes on" if job.state == "running" else job.state
    source = "standard input" if job.source == "-" else job.source
    rows = f"{hold(f'rows {given:,}')} {_add_up(*((name, job.counts.get(name, 0)) for name in _OF_ROWS))}"
    passages = ", ".join(hold(f"{name} {job.counts.get(name, 0):,}") for name in _OF_PASSAGES)
    return f"job {job.id[:8]}", f"{state}; {rows}; {passages}; from {source}"


def _add_up(*parts: tuple[str, int]) -> str:
    """Write a sum, whose terms stay whole where a line ends."""
    return " ".join(hold(f"{'+' if place else '='} {name} {number:,}") for place, (name, number) in enumerate(parts))


def _job_to_json(job: Job) -> dict[str, Any]:
    return {name: value for name, value in dataclasses.asdict(job).items() if name not in ("seq_no", "primary_term")}
