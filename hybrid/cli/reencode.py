"""``hybrid reencode INDEX --encoder E``."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Literal

import click

from ..address import LocalAddress, parse_address, parse_cluster_address
from ..encoders.presets import find_preset
from ..engines.opensearch import reencode
from ..engines.opensearch.client import Client
from ..engines.opensearch.lifecycle import open_target
from ..engines.opensearch.queries import Target
from ..engines.opensearch.reencode import Change
from ..engines.opensearch.status import read_status
from ..errors import UsageError
from ..profile import Profile
from ..settings import read_settings
from .options import Scale, index_argument, json_option
from .output import FINISHED_WITH_REJECTS, INTERRUPTED, print_json, say
from .question_tower import change_in_folder, change_on_cluster
from .reencoding import Allowed, Reencoding, choose_encoder
from .status import to_json

#: Options that say something of a new encoder.
_OF_ENCODER = ("--scale", "--questions")


@click.command("reencode")
@index_argument
@click.option("--encoder", metavar="NAME", help="The new encoder; left out to go on with the one that was begun.")
@click.option("--scale", type=Scale(), help="What its cosines are multiplied by; auto finds it out from the text.")
@click.option(
    "--questions",
    type=click.Path(exists=True, path_type=Path),
    help="For --scale auto: a file of questions, one a line or as hybrid eval reads them; else made of the text.",
)
@click.option("--queue", is_flag=True, help="Leave the encoding to workers, who change over when it is done.")
@click.option("--wait", is_flag=True, help="With --queue: stay until questions use the new encoder.")
@click.option("--allow-failed", is_flag=True, help="Change over although some passages lose their vector by it.")
@click.option(
    "--allow-gaps", is_flag=True, help="Change over although some passages lack a vector of the encoder before."
)
@click.option(
    "--back",
    is_flag=True,
    help="Use the encoder before again, at once; what came since waits for its vector. Or give up the one begun.",
)
@json_option
def command(
    index: str,
    encoder: str | None,
    scale: float | Literal["auto"] | None,
    questions: Path | None,
    queue: bool,
    wait: bool,
    allow_failed: bool,
    allow_gaps: bool,
    back: bool,
    as_json: bool,
) -> int:
    r"""Give INDEX another encoder's vectors beside its own, and let questions use them when all are there.

    Nothing is copied; searching, ingestion and edits go on meanwhile, and what is written meanwhile gets both
    vectors. The old ones stay: --back returns to them at once, --encoder with the old name when none is missing.

    \b
    hybrid reencode os:wiki --encoder bge
    hybrid reencode os:wiki --encoder bge --queue --wait
    hybrid reencode os:wiki --encoder ./my-model --scale auto
    hybrid reencode os:wiki --back

    An encoder with the same tower for passages, as joint training makes it, changes how questions are read, at once;
    so it does in a folder.
    """
    said = {"--scale": scale, "--questions": questions, "--queue": queue, "--wait": wait}
    said |= {"--allow-failed": allow_failed, "--allow-gaps": allow_gaps}
    _check(encoder, back, [option for option, value in said.items() if value])
    settings, allowed = read_settings(), Allowed(failed=allow_failed, gaps=allow_gaps)
    changed = change_in_folder(index, settings, encoder, scale) if encoder and not back else None
    if changed:
        return _tell(changed, as_json)
    if isinstance(parse_address(index, settings), LocalAddress):
        raise UsageError(
            f"{index} is a folder, and only a cluster's index (os:NAME, or a URL) is encoded anew in place; "
            f"hybrid copy {index} NEW --encoder NAME makes another folder of it."
        )
    place = parse_cluster_address(index, settings, "hybrid reencode")
    if wait and not queue:
        raise UsageError("--wait goes with --queue; without it this command encodes, and ends when that is done.")
    if queue and not wait and allowed != Allowed():
        raise UsageError("Workers change over only when nothing is missing; say --wait beside --allow-...")
    if questions and scale != "auto":
        raise UsageError("--questions are what --scale auto asks; say both.")
    with closing(Client(place.url, settings)) as client:
        main = client.run(open_target(place.index))
        if back:
            return _go_back(client, main, encoder, as_json)
        made = choose_encoder(client, main, index, encoder, scale, questions)
        if made.pair_id == main.profile.pair_id:
            say(f"questions use {made.pair_id} already")
            return _report(client, main, Change(done=True), index, as_json)
        changed = change_on_cluster(client, main, made)
        if changed:
            return _tell(changed, as_json)
        profile = made.make_profile(**main.profile.of_the_index())
        target = client.run(reencode.add_encoder(main, profile))
        if queue and not wait:
            say(f"workers add the vectors, and change over at the end; hybrid status {index} --follow shows how far")
            return 0
        work = Reencoding(client, main, target, allowed)
        change = work.wait(index, settings) if wait else work.fill(made)
        return INTERRUPTED if change is None else _report(client, target, change, index, as_json)


def _check(encoder: str | None, back: bool, said: Sequence[str]) -> None:
    """Refuse options that would do nothing."""
    if back and said:
        raise UsageError(f"--back changes over at once and encodes nothing; it goes without {' and '.join(said)}.")
    begun = [option for option in said if option in _OF_ENCODER]
    if encoder is None and begun:
        raise UsageError(
            f"{' and '.join(begun)} {'go' if len(begun) > 1 else 'goes'} with --encoder; the encoder that was begun "
            "has its scale already."
        )


def _tell(profile: Profile, as_json: bool) -> int:
    if as_json:
        print_json({"encoder": profile.pair_id, "done": True})
    else:
        click.echo(f"questions use {profile.pair_id}")
    return 0


def _go_back(client: Client, main: Target, name: str | None, as_json: bool) -> int:
    profile = client.run(reencode.go_back(main, _list_names(name)))
    status = client.run(read_status(client.run(open_target(main.name))))
    if as_json:
        print_json({"encoder": profile.pair_id, "done": True, **to_json(status)})
        return 0
    click.echo(f"questions use {profile.pair_id}")
    if status.pending:
        say(f"{status.pending:,} passages came without its vector; workers add it, or hybrid ingest")
    return 0


def _list_names(name: str | None) -> set[str]:
    """Give what an encoder may be called in an index; its model need not be here to go back to it."""
    if name is None:
        return set()
    preset = find_preset(name)
    return {name, Path(name).name} | ({preset.passage_model} if preset else set())


def _report(client: Client, target: Target, change: Change, index: str, as_json: bool) -> int:
    status, pair_id = client.run(read_status(target)), target.profile.pair_id
    if as_json:
        print_json(
            {
                "encoder": pair_id,
                "done": change.done,
                "losing": change.losing,
                "behind": change.behind,
                **to_json(status),
            }
        )
    elif change.done:
        click.echo(f"questions use {pair_id}: {status.encoded:,} of {status.passages:,} passages")
    if change.done:
        return 0
    say(
        f"{change.losing:,} passages have a vector now and could not be encoded by {pair_id}; "
        f"hybrid repair {index} --failed tries again, --allow-failed changes over without them"
    )
    return FINISHED_WITH_REJECTS
