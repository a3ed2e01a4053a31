"""``hybrid reencode INDEX --encoder E``."""

from contextlib import closing
from typing import TYPE_CHECKING

import click

from ..address import parse_cluster_address
from ..engines.opensearch import reencode
from ..engines.opensearch.client import Client
from ..engines.opensearch.fields import list_others
from ..engines.opensearch.intake import Intake
from ..engines.opensearch.lifecycle import open_target
from ..engines.opensearch.queries import Target
from ..engines.opensearch.reencode import Change
from ..engines.opensearch.status import read_status
from ..errors import UsageError
from ..isolate import encode_each
from ..records import Filled, Status
from ..settings import Settings, read_settings
from .following import Vectors
from .options import index_argument, json_option
from .output import FINISHED_WITH_REJECTS, INTERRUPTED, print_json, say
from .progress import Progress
from .status import to_json

if TYPE_CHECKING:
    from ..encoders import Encoder

#: Passages that are encoded and written together.
FILL_SIZE = 256
#: What a profile says of the index, whichever the encoder is.
_OF_THE_INDEX = ("analyzer", "k1", "b", "depth", "text_fields")


@click.command("reencode")
@index_argument
@click.option("--encoder", metavar="NAME", help="The new encoder; left out to go on with the one that was begun.")
@click.option("--scale", type=click.FloatRange(0, min_open=True), help="What its cosines are multiplied by.")
@click.option("--queue", is_flag=True, help="Leave the encoding to workers, who change over when it is done.")
@click.option("--wait", is_flag=True, help="With --queue: stay until questions use the new encoder.")
@click.option("--allow-failed", is_flag=True, help="Change over although some passages lose their vector by it.")
@click.option("--back", is_flag=True, help="Use the encoder before again, at once; or give up the one begun.")
@json_option
def command(
    index: str,
    encoder: str | None,
    scale: float | None,
    queue: bool,
    wait: bool,
    allow_failed: bool,
    back: bool,
    as_json: bool,
) -> int:
    r"""Give INDEX another encoder's vectors beside its own, and let questions use them when all are there.

    Nothing is copied; searching, ingestion and edits go on meanwhile. The old vectors stay, and --back returns to
    them.

    \b
    hybrid reencode os:wiki --encoder bge
    hybrid reencode os:wiki --encoder bge --queue --wait
    hybrid reencode os:wiki --back
    """
    settings = read_settings()
    place = parse_cluster_address(index, settings, "hybrid reencode")
    if wait and not queue:
        raise UsageError("--wait goes with --queue; without it this command encodes, and ends when that is done.")
    with closing(Client(place.url, settings)) as client:
        main = client.run(open_target(place.index))
        if back:
            return _go_back(client, main, encoder, as_json)
        made = _load(client, main, encoder, scale)
        if made.pair_id == main.profile.pair_id:
            say(f"questions use {made.pair_id} already")
            return _report(client, main, Change(done=True), index, as_json)
        profile = made.make_profile(**{name: getattr(main.profile, name) for name in _OF_THE_INDEX})
        target = client.run(reencode.add_encoder(main, profile))
        if not queue:
            change = _fill(client, target, made, allow_failed)
        elif wait:
            if _follow(client, target, index, settings) is None:
                return INTERRUPTED
            change = client.run(reencode.finish(target, allow_losing=allow_failed))
        else:
            say(f"workers add the vectors, and change over at the end; hybrid status {index} --follow shows how far")
            return 0
        return _report(client, target, change, index, as_json)


def _go_back(client: Client, main: Target, name: str | None, as_json: bool) -> int:
    profile = client.run(reencode.go_back(main, name))
    status = client.run(read_status(client.run(open_target(main.name))))
    if as_json:
        print_json({"encoder": profile.pair_id, "done": True, **to_json(status)})
        return 0
    click.echo(f"questions use {profile.pair_id}")
    if status.pending:
        say(f"{status.pending:,} passages came without its vector; workers add it, or hybrid ingest")
    return 0


def _load(client: Client, main: Target, name: str | None, scale: float | None) -> "Encoder":
    """Give the encoder that is meant: by name, or the one that the index waits for."""
    from ..encoders import load_encoder, load_for_profile

    if name is not None:
        made = load_encoder(name, scale=scale)
        if made.scale is None:
            raise UsageError(f"The scale of {name} is not known; say --scale NUMBER.")
        return made
    begun = [other.profile for other in client.run(list_others(main)).values() if other.filling]
    if len(begun) != 1:
        raise UsageError(f"Say which encoder {main.name} is to have: --encoder NAME.")
    return load_for_profile(begun[0])


def _fill(client: Client, target: Target, encoder: "Encoder", allow_failed: bool) -> Change:
    """Encode until no passage waits; more may have come meanwhile."""
    filled, intake, change = Filled(), Intake(client, target), Change(done=False, pending=1)
    with Progress("vectors") as progress:
        status = client.run(read_status(target))
        progress.begin("vectors", status.encoded + status.failed, status.passages)
        while change.pending and not change.done:
            for part in intake.fill_pending(lambda pairs: encode_each(encoder.encode_passages, pairs), FILL_SIZE):
                if not filled.encoded and part.encoded:
                    client.run(reencode.probe(target))
                filled += part
                failed = f"{filled.failed:,} failed" if filled.failed else ""
                progress.update(status.encoded + status.failed + filled.encoded + filled.failed, failed)
            change = client.run(reencode.finish(target, allow_losing=allow_failed))
    return change


def _follow(client: Client, target: Target, index: str, settings: Settings) -> Status | None:
    with Progress("vectors") as progress:
        return Vectors(index, settings, progress, lambda: client.run(read_status(target))).follow()


def _report(client: Client, target: Target, change: Change, index: str, as_json: bool) -> int:
    status = client.run(read_status(target))
    if as_json:
        print_json(
            {"encoder": target.profile.pair_id, "done": change.done, "losing": change.losing, **to_json(status)}
        )
    elif change.done:
        click.echo(f"questions use {target.profile.pair_id}: {status.encoded:,} of {status.passages:,} passages")
    if change.done:
        return 0
    say(
        f"{change.losing:,} passages have a vector now and could not be encoded by {target.profile.pair_id}; "
        f"hybrid repair {index} --failed tries again, --allow-failed changes over without them"
        if change.losing
        else f"{change.pending:,} passages came meanwhile; the same command again goes on"
    )
    return FINISHED_WITH_REJECTS
