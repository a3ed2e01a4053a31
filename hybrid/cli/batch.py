"""``hybrid batch INDEX QUESTIONS --out FILE``."""

from pathlib import Path
from typing import Any, get_args

import click

from ..errors import UsageError
from ..evaluation.batch import answer_all
from ..evaluation.evaluating import Run, RunFormat, check_ids
from ..evaluation.runs import check_places
from ..index import open_index
from .asked import asking, list_files, question_options, read_asked
from .options import batch_options, index_argument, read_search_options
from .output import say
from .ranges import check_ranges

#: What a file's name says of its format.
_FORMATS: dict[str, RunFormat] = {".trec": "trec", ".run": "trec", ".txt": "trec", ".json": "dpr"}


@click.command("batch")
@index_argument
@question_options(positional=True)
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The run file to write.")
@click.option(
    "--run-format",
    type=click.Choice(get_args(RunFormat)),
    help="A TREC run, or DPR's or Pyserini's JSON with texts; by default as the file is named: .trec or .json.",
)
@batch_options
def command(index: str, out: Path, run_format: RunFormat | None, **given: Any) -> None:
    r"""Ask all QUESTIONS and write what was found for each to one file.

    \b
    hybrid batch ./wiki nq-dev.qa.csv --out run.trec
    hybrid batch os:wiki beir/scifact --out run.json -k 100 --lambda 0.8

    The same command again goes on where it was stopped, unless the index was changed meanwhile. DPR's JSON is what
    its reader takes.
    """
    read = list_files(given)
    asked, vectors = read_asked(given)
    chosen = run_format or _FORMATS.get(out.suffix)
    if chosen is None:
        raise UsageError(f"{out} does not say what to write; name it .trec or .json, or say --run-format.")
    check_ids(asked.questions)
    check_places(out, read=read)
    options = read_search_options(given)
    with open_index(index) as newest, newest.hold() as opened:
        check_ranges(opened, index, given["where"])
        with asking(opened, len(asked.questions)) as progress:
            done = answer_all(opened, index, asked.questions, vectors, options, Run(out, chosen), progress.update)
    if done.resumed:
        say(f"{done.resumed} of {done.questions} questions were answered already")
    if done.cut:
        say(f"{done.cut} questions are long: only their beginning went to BM25")
    click.echo(f"{done.questions} questions answered in {out}")
