"""``hybrid copy FROM TO``."""

import dataclasses
from typing import TYPE_CHECKING, Literal

import click

from ..engines.spec import IndexSpec
from ..errors import UsageError
from ..index import open_index
from ..profile import Profile
from .copying import Copying, begin_copy
from .options import Scale, json_option
from .output import FINISHED_WITH_REJECTS, print_json
from .scaling import find_scale

if TYPE_CHECKING:
    from ..encoders import Encoder


@click.command("copy")
@click.argument("origin", metavar="FROM")
@click.argument("destination", metavar="TO")
@click.option("--shards", type=click.IntRange(1), default=1, show_default=True, help="Shards of the new index.")
@click.option("--replicas", type=click.IntRange(0), help="Copies of each shard; as many as fit by default.")
@click.option(
    "--encoder", metavar="NAME", help="Encode the texts anew with this encoder, instead of copying vectors."
)
@click.option(
    "--scale",
    type=Scale(),
    help="What the new encoder's cosines are multiplied by; auto finds it out from the text.",
)
@json_option
def command(
    origin: str,
    destination: str,
    shards: int,
    replicas: int | None,
    encoder: str | None,
    scale: float | Literal["auto"] | None,
    as_json: bool,
) -> int:
    """Copy an index with its vectors, its profile and the types of its metadata; nothing is encoded again.

    With --encoder the new index has that encoder's vectors instead: so a folder changes to another encoder. On a
    cluster hybrid reencode does it in place.

    The same command goes on with a copy that was stopped, as long as FROM has not changed.

    Exit code 3 if the new index refuses passages, or the encoder.
    """
    if scale is not None and encoder is None:
        raise UsageError("--scale goes with --encoder; the scale of vectors that are copied stays.")
    other = None if encoder is None else _load(encoder, scale)
    with open_index(origin) as source, source.hold() as held:
        if source.profile.split_words:
            raise UsageError(
                f"Documents of {origin} have a vector for each of their passages, which a copy cannot hold."
            )
        if other is not None and other.scale is None:
            other = find_scale(held, origin, other)
        spec = IndexSpec(shards=shards, replicas=replicas, meta_types=source.meta_types())
        job = begin_copy(origin, held, destination, _make_profile(source.profile, other), spec)
        with open_index(destination) as copy:
            copied = Copying(held, copy, job, other).run(source.status().passages)
    report, filled = copied.report, copied.filled
    if as_json:
        print_json({**dataclasses.asdict(report), **({} if other is None else dataclasses.asdict(filled))})
    else:
        encoded = "" if other is None else f", {filled.encoded} encoded"
        click.echo(f"{copied.passages} passages copied to {destination}{encoded}")
    for failure in report.failures:
        click.echo(f"not copied: {failure.id}: {failure.reason}", err=True)
    if earlier := copied.refused - len(report.failures):
        click.echo(f"not copied: {earlier} passages that were refused before this run", err=True)
    if copied.failed:
        click.echo(f"{copied.failed} passages could not be encoded; they are found by their words only", err=True)
    return FINISHED_WITH_REJECTS if copied.refused or copied.failed else 0


def _load(name: str, scale: float | Literal["auto"] | None) -> "Encoder":
    from ..encoders import load_encoder

    return load_encoder(name, scale=scale).load(questions=False)


def _make_profile(source: Profile, encoder: "Encoder | None") -> Profile:
    """Give the copy's profile; a copy of an adopted index has the layout of ours."""
    kept = source
    if encoder is not None:
        kept = encoder.make_profile(**source.of_the_index())
    return dataclasses.replace(kept, text_fields=())
