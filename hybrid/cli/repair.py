"""``hybrid repair INDEX``."""

import time
from contextlib import closing

import click

from ..address import parse_cluster_address
from ..engines.opensearch import reads
from ..engines.opensearch.client import Client
from ..engines.opensearch.lifecycle import open_target
from ..engines.opensearch.pending import list_wanted
from ..engines.opensearch.repair import Verified, verify_page
from ..errors import UsageError
from ..queue import open_broker
from ..settings import Settings, read_settings
from .options import index_argument, json_option
from .output import print_json, say
from .progress import Progress

#: Seconds between two looks at a queue that is full.
INTERVAL = 2.0


@click.command("repair")
@index_argument
@click.option("--verify", is_flag=True, help="Compare every text with its hashes first, if others write to the index.")
@click.option("--failed", is_flag=True, help="Give passages another try that could not be encoded.")
@json_option
def command(index: str, verify: bool, failed: bool, as_json: bool) -> None:
    """Send the passages without a vector to the workers again, as many as their queue has room for.

    Workers look for them by themselves, too; this does it now.
    """
    settings = read_settings()
    place = parse_cluster_address(index, settings, "hybrid repair")
    with closing(Client(place.url, settings)) as client:
        found = _verify(client, place.index) if verify else None
        sent = _send(client, place.index, settings, failed=failed)
    if as_json:
        checked = {} if found is None else {"checked": found.checked, "changed": found.changed, "cleared": found.cleared}
        print_json({**checked, "sent": sent})
        return
    if found is not None:
        click.echo(f"{found.checked:,} passages checked: {found.changed:,} texts had changed, {found.cleared:,} corrected")
    click.echo(f"{sent:,} passages sent to the workers")


def _verify(client: Client, name: str) -> Verified:
    target = client.run(open_target(name))
    if target.profile.passage_tower is None:
        raise UsageError(f"The vectors of {name} were given from outside; if they are stale, add them again from there.")
    snapshot, found, after = client.run(reads.open_snapshot(target)), Verified(), None
    try:
        with Progress("checking") as progress:
            while True:
                page, after = client.run(verify_page(target, snapshot, after))
                found += page
                progress.update(found.checked, f"{found.cleared:,} corrected")
                if after is None:
                    return found
    finally:
        client.run(reads.close_snapshot(snapshot))


def _send(client: Client, name: str, settings: Settings, *, failed: bool) -> int:
    """Send what is pending, as far as there is room, and all that failed, as room comes."""
    return 0
