"""``hybrid search INDEX QUESTION``."""

from typing import Any

import click

from ..errors import UsageError
from ..index import open_index
from ..passages import Hit, SearchResult, to_json
from .nothing import explain_nothing
from .options import index_argument, is_cluster_address, json_option, read_search_options, search_options
from .output import count, on_terminal, print_json, print_rows, say, shorten
from .ranges import check_ranges

#: Columns of a line in a pipe.
HEADER = ("rank", "score", "bm25", "sim", "id", "passage")
_TEXT_COLUMNS = 160


@click.command("search")
@index_argument
@click.argument("question")
@search_options
@json_option
def command(index: str, question: str, as_json: bool, **given: Any) -> None:
    r"""Rank passages for QUESTION and show both true scores of each.

    In a pipe a line holds rank, score, BM25, sim, id, and title with text, with tabs between.

    \b
    hybrid search os:wiki "who wrote it?" --vector question.npy -k 5
    hybrid search os:wiki "who wrote it?" --mode lexical --where 'year>=2000'
    """
    options = read_search_options(given)
    if is_cluster_address(question) and not is_cluster_address(index):
        raise UsageError(f"The index comes before the question: hybrid search {question} {index!r}")
    with open_index(index) as opened:
        check_ranges(opened, index, given["where"])
        result = opened.search(question, **options)
        analyzer = opened.profile.analyzer
        nothing = "" if result.hits or as_json else explain_nothing(opened, index, options["filter"])
    if as_json:
        print_json(to_json(result))
        return
    if result.question_cut:
        say("The question is long: only its beginning went to BM25.")
    if not result.hits:
        say(nothing)
    elif on_terminal():
        _show(result, analyzer)
    else:
        print_rows(HEADER, map(_to_row, result.hits))


def _show(result: SearchResult, analyzer: str) -> None:
    """Draw the hits for a person."""
    from rich.console import Console

    from .hits import render_hits
    from .snippets import Matcher

    console = Console()
    console.print(render_hits(result, Matcher.of(result.question, analyzer), console.width))
    lam = f" with λ {result.lam:g}" if result.mode == "hybrid" else ""
    console.print(
        f"{count(len(result.hits), 'hit')} in {result.took_ms:.0f} ms, mode {result.mode}{lam}",
        style="dim",
        highlight=False,
    )


def _to_row(hit: Hit) -> tuple[str, ...]:
    sim = "-" if hit.sim is None else f"{hit.sim:.4f}"
    text = shorten(f"{hit.title}: {hit.text}" if hit.title else hit.text, _TEXT_COLUMNS)
    return (str(hit.rank), f"{hit.score:.4f}", f"{hit.bm25:.4f}", sim, hit.id, text)
