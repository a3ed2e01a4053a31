"""``hybrid explain-query INDEX QUESTION``."""

from typing import Any

import click

from ..index import open_index
from .options import index_argument, read_search_options, search_options


@click.command("explain-query")
@index_argument
@click.argument("question")
@search_options
def command(index: str, question: str, **given: Any) -> None:
    r"""Print the request that a search would send, ready for curl; nothing is searched.

    \b
    hybrid explain-query os:wiki "who wrote it?" --vector question.npy | sh
    """
    options = read_search_options(given)
    with open_index(index) as opened:
        click.echo(opened.explain_query(question, **options))
