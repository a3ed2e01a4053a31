"""``hybrid ingest INDEX SOURCE…``."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..engines.spec import IndexSpec
from ..errors import UsageError
from ..fusion import PAPER_B, PAPER_K1
from ..records import Filled
from ..settings import read_settings
from .options import json_option
from .output import FINISHED_WITH_REJECTS, print_json, say
from .progress import Progress

if TYPE_CHECKING:
    from ingest.job import OnProgress, Summary
    from ingest.sources import Meter
    from ingest.tally import Tally

FORMATS = ("dpr", "jsonl", "squad", "trec", "text", "lines", "html", "pdf", "wiki")


@click.command("ingest")
@click.argument("names", nargs=-1, metavar="INDEX SOURCE...")
@click.option("--index", "index", metavar="INDEX", help="The index; then every argument is a source.")
@click.option("--format", "format_", type=click.Choice(FORMATS), help="What the sources are; found out by default.")
@click.option(
    "--by",
    type=click.Choice(["words", "document"]),
    help="Cut documents into passages, or take each as one; words by default, but rows of a .tsv are passages.",
)
@click.option("--words", type=click.IntRange(1), default=100, show_default=True, help="Words of a passage.")
@click.option("--vectors/--no-vectors", default=True, help="Encode passages, or leave that to a later run.")
@click.option("--load", "load_mode", is_flag=True, help="Refresh and copy the index only when all is written.")
@click.option("--rejects", type=click.Path(dir_okay=False, path_type=Path), help="Where to list rejected rows.")
@click.option(
    "--encoder",
    metavar="NAME",
    help="For a new index: minilm (the default), dpr-nq, dpr-multi, e5, bge, a model's id or a folder.",
)
@click.option("--scale", type=float, help="For a new index: what the encoder's cosines are multiplied by.")
@click.option(
    "--analyzer",
    default="english",
    show_default=True,
    help="For a new index: english, standard, cjk or any that the cluster has.",
)
@click.option("--k1", type=click.FloatRange(0), default=PAPER_K1, show_default=True, help="For a new index.")
@click.option("--b", "b", type=click.FloatRange(0, 1), default=PAPER_B, show_default=True, help="For a new index.")
@click.option("--shards", type=click.IntRange(1), default=1, show_default=True, help="For a new index.")
@click.option("--replicas", type=click.IntRange(0), help="For a new index; as many as fit by default.")
@json_option
def command(names: tuple[str, ...], index: str | None, as_json: bool, **given: Any) -> int:
    r"""Read sources, cut them into passages, encode them, and write text and vectors into INDEX.

    INDEX is made if it is not there.

    \b
    hybrid ingest os:wiki psgs_w100.tsv
    hybrid ingest os:notes ~/notes 'reports/*.jsonl.gz'
    cat corpus.jsonl | hybrid ingest --index os:wiki --format jsonl -

    The same command again goes on where it stopped, and writes nothing twice. Rows that cannot be read are listed in
    a file with line and reason; the exit code is then 3.
    """
    from ingest.run import Plan, run
    from ingest.sources import Meter

    address, sources = (index, names) if index else (names[0] if names else "", names[1:])
    if not address:
        raise UsageError("Say which index to fill, and from which sources: hybrid ingest INDEX SOURCE...")
    spec = IndexSpec(shards=given.pop("shards"), replicas=given.pop("replicas"))
    plan = Plan(sources=sources, format=given.pop("format_"), spec=spec, **given)
    meter = Meter()
    with _shown(meter) as on_progress:
        summary = run(address, plan, on_progress, meter, read_settings())
    _report(summary, as_json)
    return FINISHED_WITH_REJECTS if summary.tally.rejected else 0


@contextmanager
def _shown(meter: "Meter") -> "Iterator[OnProgress]":
    """Show progress by bytes of the sources while text is written, then by vectors."""
    with Progress("passages") as progress:

        def update(tally: "Tally", filled: Filled) -> None:
            percent = f"{meter.done / meter.total:.0%} of the sources read" if meter.total else ""
            vectors = f", {filled.encoded:,} vectors added" if filled.encoded else ""
            rejected = f", {tally.rejected:,} rejected" if tally.rejected else ""
            progress.estimate(tally.passages, meter.done / meter.total if meter.total else None)
            progress.update(tally.passages, f"{percent}{rejected}{vectors}")

        yield update


def _report(summary: "Summary", as_json: bool) -> None:
    tally, filled = summary.tally, summary.filled
    if as_json:
        proof = {**dataclasses.asdict(tally), "adds_up": tally.adds_up}
        print_json(
            {**proof, "vectors": dataclasses.asdict(filled), "job": summary.job.id, "rejects_file": _file(summary)}
        )
        return
    new = f"{tally.created} new, " if tally.created else "0 new, "
    click.echo(f"{new}{tally.updated} changed, {tally.unchanged} unchanged, {tally.deleted} deleted")
    click.echo(tally.proof())
    if filled.failed:
        say(f"{filled.failed} passages could not be encoded; hybrid status lists how many wait")
    if tally.rejected:
        say(f"{tally.rejected} rows were rejected, with line and reason in {_file(summary)}")


def _file(summary: "Summary") -> str | None:
    return summary.job.rejects_file if summary.tally.rejected else None
