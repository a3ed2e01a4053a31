"""``hybrid rejects INDEX``."""

import dataclasses
from itertools import groupby
from pathlib import Path

import click

from ..index import open_index
from .options import index_argument, json_option
from .output import on_terminal, plain, print_json, print_rows, say


@click.command("rejects")
@index_argument
@json_option
def command(index: str, as_json: bool) -> None:
    """List the rows that ingestion left out of INDEX, with line and reason.

    In a pipe a line holds line, source, reason, and the beginning of the row, with tabs between.
    """
    from ingest.rejects import read_rejects

    with open_index(index) as opened:
        jobs = opened.intake().list_jobs()
    files = [Path(job.rejects_file) for job in jobs if job.counts.get("rejected") and job.rejects_file]
    for missing in (path for path in files if not path.exists()):
        say(f"{missing} is not on this machine")
    rejects = [reject for path in files if path.exists() for _, reject in read_rejects(path)]
    if as_json:
        print_json([dataclasses.asdict(reject) for reject in rejects])
        return
    if not rejects:
        say("No rows were rejected.")
    if not on_terminal():
        print_rows((), [(str(one.line), one.source, one.reason, one.excerpt) for one in rejects])
        return
    for source, of_source in groupby(rejects, lambda one: one.source):
        click.echo(plain(source))
        rows = [(str(one.line), one.reason, one.excerpt) for one in of_source]
        print_rows(("line", "reason", "row"), rows, numbers=1)
