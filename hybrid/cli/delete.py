"""``hybrid delete INDEX DOCUMENT…``."""

import click

from ..errors import UsageError
from ..index import delete_index, open_index
from .options import index_argument, json_option
from .output import print_json


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
        if not yes:
            click.confirm(f"Delete {index} with all of its passages?", abort=True)
        delete_index(index)
        return 0
    with open_index(index) as opened:
        deleted = opened.delete_documents(documents, refresh=True).deleted
    if as_json:
        print_json({"deleted": deleted})
    else:
        click.echo(f"{deleted:,} passage{'' if deleted == 1 else 's'} deleted")
    return 0 if deleted else 1
