"""``hybrid search INDEX QUESTION``."""

import dataclasses
from typing import Any

import click

from ..index import open_index
from ..passages import Hit, SearchResult
from .options import index_argument, json_option, read_search_options, search_options
from .output import print_json, print_rows, say, shorten

_TEXT_COLUMNS = 160


@click.command("search")
@index_argument
@click.argument("question")
@search_options
@json_option
def command(index: str, question: str, as_json: bool, **given: Any) -> None:
    r"""Rank passages for QUESTION and show both true scores of each.

    \b
    hybrid search os:wiki "who wrote it?" --vector question.npy -k 5
    hybrid search os:wiki "who wrote it?" --mode lexical --where 'year>=2000'
    """
    options = read_search_options(given)
    with open_index(index) as opened:
        result = opened.search(question, **options)
    if as_json:
        print_json(to_json(result))
    else:
        _print_result(result)


def to_json(result: SearchResult) -> dict[str, Any]:
    """Give a result as ``--json`` prints it."""
    document = dataclasses.asdict(result)
    document["lambda"] = document.pop("lam")
    hits = document.pop("hits")
    return {**document, "took_ms": round(result.took_ms, 3), "hits": hits}


def _print_result(result: SearchResult) -> None:
    if result.question_cut:
        say("The question is long: only its beginning went to BM25.")
    if not result.hits:
        say("Nothing was found.")
    header = ("rank", "score", "bm25", "sim", "id", "passage")
    print_rows(header, map(_to_row, result.hits), numbers=4)


def _to_row(hit: Hit) -> tuple[str, ...]:
    sim = "-" if hit.sim is None else f"{hit.sim:.4f}"
    text = shorten(f"{hit.title}: {hit.text}" if hit.title else hit.text, _TEXT_COLUMNS)
    return (str(hit.rank), f"{hit.score:.4f}", f"{hit.bm25:.4f}", sim, hit.id, text)
