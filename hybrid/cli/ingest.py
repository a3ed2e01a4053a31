"""``hybrid ingest INDEX SOURCE…``."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..engines.spec import IndexSpec
from ..errors import UsageError
from ..fusion import PAPER_B, PAPER_K1
from ..records import Filled
from ..settings import Settings, read_settings
from .following import Vectors
from .ingested import report
from .options import Scale, is_cluster_address, json_option
from .output import INTERRUPTED, say
from .progress import Progress

if TYPE_CHECKING:
    from ingest.job import OnProgress
    from ingest.run import Plan
    from ingest.sources import Meter
    from ingest.tally import Tally


#: Types of metadata that folders and clusters know alike.
_TYPES = ("keyword", "long", "double", "date", "boolean")
FORMATS = ("dpr", "jsonl", "csv", "squad", "trec", "text", "lines", "html", "pdf", "wiki")


class _FieldType(click.ParamType[tuple[str, str]]):
    """``FIELD=TYPE``."""

    name = "FIELD=TYPE"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Take it apart."""
        field, _, kind = value.rpartition("=")
        if not field or kind not in _TYPES:
            self.fail(f"{value!r} is no FIELD=TYPE; types are {', '.join(_TYPES)}.", param, ctx)
        return field.removeprefix("meta."), kind


@click.command("ingest")
@click.argument("names", nargs=-1, metavar="INDEX SOURCE...")
@click.option("--index", "index", metavar="INDEX", help="The index; then every argument is a source.")
@click.option("--format", "format_", type=click.Choice(FORMATS), help="What the sources are; found out by default.")
@click.option(
    "--encoding",
    metavar="NAME",
    help="Of text, tables and JSON that are not UTF-8: cp1252, shift_jis, utf-16-le, ...",
)
@click.option(
    "--by",
    type=click.Choice(["words", "document"]),
    help="Cut documents into passages, or take each as one; words by default, document where a source is a .tsv.",
)
@click.option("--words", type=click.IntRange(1), default=100, show_default=True, help="Words of a passage.")
@click.option("--vectors/--no-vectors", default=True, help="Encode passages, or leave that to a later run.")
@click.option("--queue", is_flag=True, help="Leave vectors to workers; text is searchable meanwhile.")
@click.option("--wait", is_flag=True, help="With --queue: stay until workers have encoded everything.")
@click.option("--load", "load_mode", is_flag=True, help="Refresh and copy the index only when all is written.")
@click.option("--rejects", type=click.Path(dir_okay=False, path_type=Path), help="Where to list rejected rows.")
@click.option(
    "--encoder",
    metavar="NAME",
    help="For a new index: minilm (the default), dpr-nq, dpr-multi, e5, bge, a model's id or a folder.",
)
@click.option(
    "--scale",
    type=Scale(),
    help="For a new index: what the encoder's cosines are multiplied by; auto finds it out from the text.",
)
@click.option(
    "--questions",
    type=click.Path(exists=True, path_type=Path),
    help="For --scale auto: a file of questions, one a line or as hybrid eval reads them; else made of the text.",
)
@click.option("--analyzer", help="For a new index: english (the default), standard, cjk or any that the cluster has.")
@click.option("--k1", type=click.FloatRange(0), help=f"For a new index; {PAPER_K1} by default.")
@click.option("--b", "b", type=click.FloatRange(0, 1), help=f"For a new index; {PAPER_B} by default.")
@click.option(
    "--type",
    "types",
    type=_FieldType(),
    multiple=True,
    metavar="FIELD=TYPE",
    help=f"For a new index: what a field of metadata holds, {', '.join(_TYPES)}; else its first row decides. "
    "Cells of tables are text, or dates where they look like it.",
)
@click.option("--shards", type=click.IntRange(1), default=1, show_default=True, help="For a new index.")
@click.option("--replicas", type=click.IntRange(0), help="For a new index; as many as fit by default.")
@json_option
def command(names: tuple[str, ...], index: str | None, as_json: bool, wait: bool, **given: Any) -> int:
    r"""Read sources, cut them into passages, encode them, and write text and vectors into INDEX.

    INDEX is made if it is not there. A folder stands for its text, Markdown, HTML and PDF files, or for those of
    --format; BEIR's for its corpus. A line of JSONL has id (or _id), title and text (or contents), and so are the
    columns of a table called; all else is metadata. Vectors are the encoder's: index.add in Python takes your own.

    \b
    hybrid ingest os:wiki psgs_w100.tsv
    hybrid ingest os:notes ~/notes 'reports/*.jsonl.gz'
    cat corpus.jsonl | hybrid ingest --index os:wiki --format jsonl -

    The same command again goes on where it stopped, and writes nothing twice. Rows that cannot be read are listed in
    a file with line and reason; the exit code is then 3. Sources in which nothing stands are no fault.
    """
    from ingest.run import Plan

    address, sources = (index, names) if index else (names[0] if names else "", names[1:])
    if not address or not sources:
        raise UsageError("Say which index to fill, and from which sources: hybrid ingest INDEX SOURCE...")
    for source in sources:
        if is_cluster_address(source):
            raise UsageError(f"{source} is an index, and the index comes first: hybrid ingest {source} SOURCE...")
    spec = IndexSpec(given.pop("shards"), given.pop("replicas"), meta_types=dict(given.pop("types")))
    plan = Plan(sources=sources, format=given.pop("format_"), spec=spec, **given)
    if wait and not plan.queue:
        raise UsageError("--wait goes with --queue; without it this command encodes, and ends when that is done.")
    carry_out = partial(_hand_over, wait=wait) if plan.queue else _fill
    try:
        return carry_out(address, plan, read_settings(), as_json=as_json)
    except KeyboardInterrupt:
        say(f"\nhybrid: interrupted; {_tell_next(sources)}")
        return INTERRUPTED


def _tell_next(sources: Sequence[str]) -> str:
    if "-" in sources:
        return "the same command, given the same input, writes nothing twice"
    return "the same command goes on where it was"


def _fill(address: str, plan: "Plan", settings: Settings, *, as_json: bool) -> int:
    """Write text and vectors."""
    from ingest.run import run
    from ingest.sources import Meter

    meter = Meter()
    with _shown(meter) as on_progress:
        summary = run(address, plan, on_progress, meter, settings, say)
    return report(summary, address, plan, as_json=as_json)


def _hand_over(address: str, plan: "Plan", settings: Settings, *, wait: bool, as_json: bool) -> int:
    """Write text, and leave vectors to workers; watch both where somebody waits for them."""
    from ingest.run import run
    from ingest.sources import Meter

    meter = Meter()
    with Progress("text") as text:
        vectors = Vectors(address, settings, Progress("vectors", beside=text)) if wait else None

        def update(tally: "Tally", _: Filled) -> None:
            _show_text(text, meter, tally)
            if vectors:
                vectors.look_now_and_then()

        summary = run(address, plan, update, meter, settings, say)
        text.expect(summary.tally.passages)
        text.update(summary.tally.passages)
        status = vectors.follow() if vectors and summary.opened else None
    if vectors and summary.opened and status is None:
        return INTERRUPTED
    code = report(summary, address, plan, status, as_json=as_json)
    if status is None and summary.opened:
        say(f"vectors are added by workers; hybrid status {address} --follow shows how far they are")
    return code


def _show_text(progress: Progress, meter: "Meter", tally: "Tally") -> None:
    rejected = f"{tally.rejected:,} rejected" if tally.rejected else ""
    progress.estimate(tally.passages, meter.done / meter.total if meter.total else None)
    progress.update(tally.passages, rejected)


@contextmanager
def _shown(meter: "Meter") -> "Iterator[OnProgress]":
    """Show progress by bytes of the sources while text is written, then by vectors."""
    with Progress("passages") as progress:
        filling = False

        def update(tally: "Tally", filled: Filled) -> None:
            nonlocal filling
            if filled == Filled():
                _show_text(progress, meter, tally)
                return
            done = filled.encoded + filled.failed
            if not filling:
                filling = True
                progress.begin("vectors", done, max(done, tally.created + tally.updated))
            progress.update(done, f"{filled.failed:,} failed" if filled.failed else "")

        yield update
