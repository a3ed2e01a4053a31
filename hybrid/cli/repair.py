"""``hybrid repair INDEX``."""

import dataclasses
import time
from contextlib import closing
from typing import TYPE_CHECKING

import click

from ..address import parse_cluster_address
from ..engines.opensearch import reads, writes
from ..engines.opensearch.client import Client
from ..engines.opensearch.lifecycle import open_target
from ..engines.opensearch.pending import list_wanted
from ..engines.opensearch.queries import Clause, Target
from ..engines.opensearch.repair import Verified, verify_page
from ..errors import UsageError
from ..queue import open_broker
from ..settings import Settings, read_settings
from .options import index_argument, json_option
from .output import print_json, say
from .progress import Progress

if TYPE_CHECKING:
    from ..queue.broker import Broker

#: Seconds between two looks at a queue that is full.
INTERVAL = 2.0


@click.command("repair")
@index_argument
@click.option(
    "--verify", is_flag=True, help="Compare every text with its hashes first, if others write to the index."
)
@click.option("--failed", is_flag=True, help="Give passages another try that could not be encoded.")
@json_option
def command(index: str, verify: bool, failed: bool, as_json: bool) -> None:
    """Send the passages without a vector to the workers again, as many as their queue has room for.

    Workers look for them by themselves, too; this does it now.
    """
    settings = read_settings()
    place = parse_cluster_address(index, settings, "hybrid repair")
    with closing(Client(place.url, settings)) as client:
        target = client.run(open_target(place.index))
        found = _verify(client, target) if verify else None
        if found is not None and not as_json:
            # Told at once: what comes next needs Redis, and may fail without it.
            texts = f"{found.changed:,} texts had changed, {found.cleared:,} corrected"
            click.echo(f"{found.checked:,} passages checked: {texts}")
        sent, all_taken = _send(client, target, settings, failed=failed)
    if as_json:
        print_json({**(dataclasses.asdict(found) if found else {}), "sent": sent, "all_sent": all_taken})
        return
    click.echo(f"{sent:,} passages sent to the workers")
    if not all_taken:
        say("the queue holds enough now; workers find the others by themselves")


def _verify(client: Client, target: Target) -> Verified:
    if target.profile.passage_tower is None:
        raise UsageError(
            f"The vectors of {target.name} were given from outside; if they are stale, add them again from there."
        )
    client.run(writes.refresh(target))
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


def _send(client: Client, target: Target, settings: Settings, *, failed: bool) -> tuple[int, bool]:
    """Send what is pending, and what failed if that is wanted; tells also whether the queue took all of it."""
    client.run(writes.refresh(target))
    total, all_taken = 0, True
    with open_broker(settings) as broker:
        for wanted in client.run(list_wanted(target.name)):
            if failed:
                total += _send_all(client, broker, wanted, reads.failed(wanted))
            sent, taken = _send_some(client, broker, wanted, reads.unencoded(wanted))
            total, all_taken = total + sent, all_taken and taken
    return total, all_taken


def _send_all(client: Client, broker: "Broker", wanted: Target, query: Clause) -> int:
    """Send what nobody else would find, as room comes."""
    from ..queue.sending import send_matching

    total = 0
    with Progress("failed") as progress:
        for sent in send_matching(client, broker, wanted, query):
            total += sent
            progress.update(total, "" if sent else "waiting for workers to take what is in the queue")
            if not sent:
                time.sleep(INTERVAL)
    return total


def _send_some(client: Client, broker: "Broker", wanted: Target, query: Clause) -> tuple[int, bool]:
    """Send what there is room for; tells also whether that was all."""
    from ..queue.sending import send_matching

    total = 0
    for sent in send_matching(client, broker, wanted, query):
        if not sent:
            return total, False
        total += sent
    return total, True
