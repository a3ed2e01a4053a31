"""``hybrid demo [FOLDER]``."""

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..engines.contract import Index
from ..index import open_index
from ..passages import Hit, Mode
from ..sample import SHOWCASE, SampleQuestion, articles_path, questions
from ..settings import read_settings
from .hits import longest_part, render_cell
from .output import flatten, on_terminal, say
from .progress import Progress

_HITS = 3
_TITLES = {"lexical": "lexical (BM25)", "dense": "dense (sim)", "hybrid": "hybrid (BM25 + 1.1·sim)"}
_MODES: tuple[Mode, ...] = ("lexical", "dense", "hybrid")


@click.command("demo")
@click.argument("folder", default="hybrid-demo", type=click.Path(file_okay=False, path_type=Path))
def command(folder: Path) -> None:
    """Index a small sample in FOLDER (./hybrid-demo by default), then ask it, without any server.

    Each question is asked in three ways, side by side: by words, by meaning, and by both; then a reader takes its
    answer out of what both found. The same command again finds the index as it is.
    """
    address = folder.as_posix() if folder.is_absolute() else f"./{folder.as_posix()}"
    _fill(address)
    console = Console(width=None if on_terminal() else 100)
    known = {one.question: one for one in questions()}
    with open_index(address) as index:
        for question in SHOWCASE:
            console.print(_compare(index, known[question], console.width))
            console.print(_answer(index, question), no_wrap=True, overflow="ellipsis")
    console.print(_epilogue(address))


def _fill(address: str) -> None:
    """Ingest the sample, as ``hybrid ingest`` does."""
    from ingest.run import Plan, run
    from ingest.sources import Meter
    from ingest.tally import Tally

    from ..records import Filled

    say(f"indexing the sample in {address}")
    with Progress("encoding", None) as progress:

        def show(tally: Tally, filled: Filled) -> None:
            progress.update(tally.passages + filled.encoded)

        summary = run(address, Plan(sources=[str(articles_path())], backend="numpy"), show, Meter(), read_settings())
    say(f"{summary.tally.passages} passages, {summary.tally.unchanged} of them were there already")


def _compare(index: Index, asked: SampleQuestion, width: int) -> Table:
    """Ask one question in every mode, and put the best hits side by side."""
    results = [index.search(asked.question, k=_HITS, mode=mode) for mode in _MODES]
    longest = [longest_part([result]) for result in results]
    column = max(20, (width - 8) // len(_MODES))
    table = Table(title=Text(asked.question, style="bold"), title_justify="left", expand=False, padding=(0, 1))
    for mode in _MODES:
        table.add_column(_TITLES[mode], width=column - 2, no_wrap=True)
    for rank in range(_HITS):
        table.add_row(
            *(
                render_cell(result, result.hits[rank], _answers(result.hits[rank], asked), scale, column - 2)
                if rank < len(result.hits)
                else Text("")
                for result, scale in zip(results, longest, strict=True)
            )
        )
    return table


def _answer(index: Index, question: str) -> Text:
    """Read the hits, and give what the reader takes for the answer, right or wrong."""
    found = index.ask(question, k=_HITS, answers=1, here=True).answers
    return Text.assemble((" the reader's answer: ", "dim"), flatten(found[0].text) if found else "none", "\n")


def _answers(hit: Hit, asked: SampleQuestion) -> bool:
    return hit.id.rpartition("#")[0] == asked.article and any(answer in hit.text for answer in asked.answers)


def _epilogue(address: str) -> Text:
    """Say what the picture shows, and what to try next."""
    lines = Text()
    lines.append("\n✓ answers the question", style="green")
    lines.append("; the bars are BM25 ")
    lines.append("█", style="cyan")
    lines.append(" and sim ")
    lines.append("█", style="magenta")
    lines.append(", to one scale in each column.\n\nTry next:\n")
    for line in (
        f'hybrid search {address} "Why does the water at the coast climb and fall twice a day?"',
        f'hybrid search {address} "a bridge that fell" --where topic=engineering -k 3',
        "hybrid ingest ./my-notes ~/notes",
    ):
        lines.append(f"  {line}\n", style="bold")
    return lines
