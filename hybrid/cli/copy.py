"""``hybrid copy FROM TO``."""

import dataclasses

import click

from ..engines.spec import IndexSpec
from ..errors import UsageError
from ..index import create_index, open_index
from ..records import BulkReport
from .options import json_option
from .output import FINISHED_WITH_REJECTS, print_json
from .progress import Progress


@click.command("copy")
@click.argument("origin", metavar="FROM")
@click.argument("destination", metavar="TO")
@click.option("--shards", type=click.IntRange(1), default=1, show_default=True, help="Shards of the new index.")
@click.option("--replicas", type=click.IntRange(0), help="Copies of each shard; as many as fit by default.")
@json_option
def command(origin: str, destination: str, shards: int, replicas: int | None, as_json: bool) -> int:
    """Copy an index with its vectors, its profile and the types of its metadata; nothing is encoded again.

    Exit code 3 if the new index refuses passages.
    """
    report = BulkReport()
    with open_index(origin) as source:
        if source.profile.split_words:
            raise UsageError(
                f"Documents of {origin} have a vector for each of their passages, which a copy cannot hold."
            )
        total = source.status().passages
        spec = IndexSpec(shards=shards, replicas=replicas, meta_types=source.meta_types())
        # A copy of an adopted index has the layout of ours.
        create_index(destination, dataclasses.replace(source.profile, text_fields=()), spec)
        with open_index(destination) as copy, Progress("copying", total) as progress:
            for passages in source.scan():
                report += copy.add(passages)
                progress.update(report.total)
            copy.add([], refresh=True)
    if as_json:
        print_json(dataclasses.asdict(report))
    else:
        click.echo(f"{report.created} passages copied to {destination}")
    for failure in report.failures:
        click.echo(f"not copied: {failure.id}: {failure.reason}", err=True)
    return FINISHED_WITH_REJECTS if report.failures else 0
