"""What an ingestion ends with: its proof, why rows were rejected, and what to do next."""

import dataclasses
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..records import Status
from .output import FINISHED_WITH_REJECTS, count, print_json, say, shorten
from .status import to_json

if TYPE_CHECKING:
    from ingest.job import Summary
    from ingest.rejects import Reason
    from ingest.run import Plan

#: How many reasons are shown, and how many characters of each.
REASONS = 3
_LONGEST_REASON = 200
#: How many endings of files are shown.
_ENDINGS = 5


def report(summary: "Summary", index: str, plan: "Plan", status: Status | None = None, *, as_json: bool) -> int:
    """Print what an ingestion did and give its exit code; ``status`` is the index's where workers encoded."""
    from ingest.sources import find_passed_over

    passed_over = find_passed_over(plan.sources, format=plan.format)
    if as_json:
        _print(summary, len(passed_over), status)
    else:
        _tell(summary, index, plan.sources, status)
        if passed_over:
            say(_tell_passed_over(passed_over))
    return FINISHED_WITH_REJECTS if summary.tally.rejected else 0


def _print(summary: "Summary", passed_over: int, status: Status | None) -> None:
    tally = summary.tally
    vectors = dataclasses.asdict(summary.filled) if status is None else to_json(status)
    print_json(
        {
            **dataclasses.asdict(tally),
            "adds_up": tally.adds_up,
            "passed_over": passed_over,
            "vectors": vectors,
            "job": summary.job.id,
            "rejects_file": summary.job.rejects_file if tally.rejected else None,
            "reasons": [dataclasses.asdict(reason) for reason in _reasons_of(summary)],
        }
    )


def _tell(summary: "Summary", index: str, sources: Sequence[str], status: Status | None) -> None:
    """Print the proof, and say beside it what a person has to know."""
    tally = summary.tally
    click.echo(tally.proof())
    if tally.deleted:
        click.echo(f"deleted {tally.deleted}")
    if not tally.rows:
        say(f"nothing was read: {_tell_empty(sources)}{'' if summary.opened else '; no index was made'}")
    failed = summary.filled.failed if status is None else status.failed
    if failed:
        say(f"{failed:,} passages could not be encoded, and are found by their words only")
    if tally.rejected:
        for line in _tell_rejects(summary, index):
            say(line)


def _tell_passed_over(paths: Sequence[str]) -> str:
    endings = sorted({Path(path).suffix or Path(path).name for path in paths})
    more = ", …" if len(endings) > _ENDINGS else ""
    return (
        f"passed over in folders: {count(len(paths), 'file')} ({', '.join(endings[:_ENDINGS])}{more}); name such by "
        "a pattern in quotes, as in 'docs/*.jsonl'"
    )


def _tell_empty(sources: Sequence[str]) -> str:
    if len(sources) > 1:
        return "none of the sources holds a row"
    (source,) = sources
    if Path(source).is_file() and not Path(source).stat().st_size:
        return f"{source} is empty"
    return f"{'standard input' if source == '-' else source} holds no rows"


def _tell_rejects(summary: "Summary", index: str) -> Iterator[str]:
    """Say why rows were rejected, the most frequent reasons first, and where to see all of them."""
    rejected, reasons = summary.tally.rejected, _reasons_of(summary)
    for one in reasons[:REASONS]:
        yield f"{one.rows:,} × {shorten(one.reason, _LONGEST_REASON)} (first: {one.source}, line {one.line})"
    others = sum(one.rows for one in reasons[REASONS:])
    if others:
        yield f"{others:,} × for {len(reasons) - REASONS:,} other reasons"
    if any(one.reason.startswith("not UTF-8") for one in reasons):
        yield "text that is not UTF-8 is read with --encoding NAME"
    rows = "1 row was" if rejected == 1 else f"{rejected:,} rows were"
    place = f"with line and reason in {summary.job.rejects_file}"
    yield f"{rows} rejected, {place}; see: hybrid rejects {shlex.quote(index)}"


def _reasons_of(summary: "Summary") -> "list[Reason]":
    from ingest.rejects import count_reasons

    return count_reasons(summary.job.rejects_file) if summary.tally.rejected and summary.job.rejects_file else []
