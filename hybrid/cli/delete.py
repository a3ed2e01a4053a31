"""``hybrid delete INDEX DOCUMENT…``."""

import sys
from collections.abc import Sequence

import click

from ..engines.contract import Index
from ..errors import UsageError
from ..index import delete_index, open_index
from .options import index_argument, json_option
from .output import count, print_json, say

#: So many ids are named in a message.
_NAMED = 5


@click.command("delete")
@index_argument
@click.argument("documents", nargs=-1, metavar="[DOCUMENT]...")
@click.option("--everything", is_flag=True, help="Delete the index itself, with its locks and jobs.")
@click.option("--yes", is_flag=True, help="Do not ask before deleting everything.")
@json_option
def command(index: str, documents: tuple[str, ...], everything: bool, yes: bool, as_json: bool) -> int:
    """Delete documents with all of their passages, by the documents' ids.

    Exit code 1 if none of them was there.
    """
    if everything == bool(documents):
        raise UsageError("Say which documents to delete, or --everything, and not both.")
    if everything:
        if not yes and not sys.stdin.isatty():
            raise UsageError(f"Nobody is there to be asked; say --yes to delete {index} with all of its passages.")
        if not yes:
            click.confirm(f"Delete {index} with all of its passages?", abort=True)
        delete_index(index)
        say(f"{index} is deleted, with its passages, locks and jobs")
        return 0
    with open_index(index) as opened:
        deleted, missing = _delete(opened, list(dict.fromkeys(documents)))
    if as_json:
        print_json({"deleted": deleted})
    else:
        click.echo(f"{count(deleted, 'passage')} deleted")
    if missing:
        more = f" and {len(missing) - _NAMED:,} more" if len(missing) > _NAMED else ""
        say(f"not there: {', '.join(missing[:_NAMED])}{more}")
    return 0 if deleted else 1


def _delete(opened: Index, documents: Sequence[str]) -> tuple[int, list[str]]:
    """Delete documents; give how many passages went, and the documents that were not there.

    One whose passages are called otherwise than ours is deleted by itself, which tells whether it was there.
    """
    states = opened.intake().states([name for one in documents for name in (f"{one}#0", one)])
    there = {state.document_id for state in states.values()}.intersection(documents)
    deleted = opened.delete_documents(sorted(there), refresh=True).deleted if there else 0
    alone = {one: opened.delete_documents([one], refresh=True).deleted for one in documents if one not in there}
    return deleted + sum(alone.values()), [one for one, gone in alone.items() if not gone]
