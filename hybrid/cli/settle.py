"""``hybrid settle INDEX``."""

import dataclasses

import click

from ..index import open_index
from .options import index_argument, json_option
from .output import count, on_terminal, print_json, say


@click.command("settle")
@index_argument
@json_option
def command(index: str, as_json: bool) -> None:
    """Merge deleted passages away, so that BM25 counts living ones only.

    A rewritten passage leaves a deleted twin behind that counts in the statistics of BM25 until it is merged away.
    The cluster keeps such twins back for a while after a write, so this can take half a minute even on a small index.
    """
    with open_index(index) as opened:
        if on_terminal():
            say(f"settling {index} …")
        share = opened.settle()
    if as_json:
        print_json({**dataclasses.asdict(share), "settled": share.settled})
    else:
        click.echo(
            f"{count(share.passages, 'passage')}, {share.deleted:,} deleted, {count(share.segments, 'segment')}"
        )
