"""``hybrid adopt SOURCE NEW``."""

from contextlib import closing
from typing import TYPE_CHECKING

import click

from ..address import ClusterAddress, parse_cluster_address
from ..engines.opensearch import adopt
from ..engines.opensearch.adopted_body import Origin
from ..engines.opensearch.client import Client
from ..engines.opensearch.lifecycle import drop_index
from ..engines.opensearch.queries import Target
from ..engines.opensearch.status import read_status
from ..engines.spec import IndexSpec
from ..errors import IndexMissingError, UsageError
from ..settings import read_settings
from .adopting import Adopted, Adoption
from .options import json_option
from .output import FINISHED_WITH_REJECTS, print_json, say
from .status import to_json

if TYPE_CHECKING:
    from ..encoders import Encoder

#: Refused documents that are named.
_MOST_NAMED = 10


@click.command("adopt")
@click.argument("source", metavar="SOURCE")
@click.argument("new", metavar="NEW")
@click.option(
    "--text", "fields", metavar="FIELD,...", help="Fields that hold text; the first of several is the title."
)
@click.option("--encoder", metavar="NAME", help="As for hybrid ingest; minilm by default.")
@click.option("--scale", type=click.FloatRange(0, min_open=True), help="What its cosines are multiplied by.")
@click.option(
    "--split",
    type=click.IntRange(1),
    metavar="WORDS",
    help="A vector for each passage of so many words; a document counts by its best one.",
)
@click.option("--analyzer", help="For BM25; english by default, or any that SOURCE has.")
@click.option("--replicas", type=click.IntRange(0), help="Copies of each shard; as many as fit by default.")
@click.option("--queue", is_flag=True, help="Leave vectors to workers; documents are found by words meanwhile.")
@click.option("--back", is_flag=True, help="Delete NEW again; SOURCE is as it was.")
@json_option
def command(
    source: str,
    new: str,
    fields: str | None,
    encoder: str | None,
    scale: float | None,
    split: int | None,
    analyzer: str | None,
    replicas: int | None,
    queue: bool,
    back: bool,
    as_json: bool,
) -> int:
    r"""Make NEW, a hybrid index with the documents, fields and facets of SOURCE, on the same cluster.

    \b
    hybrid adopt os:articles os:articles-hybrid --text title,body
    hybrid serve --name articles=articles-hybrid --mode articles=shadow

    SOURCE is only read. The same command again goes on where it stopped, and carries over what was written to
    SOURCE meanwhile; documents whose text is the same keep their vectors.
    """
    settings = read_settings()
    origin_at, new_at = (parse_cluster_address(one, settings, "hybrid adopt") for one in (source, new))
    _check_places(origin_at, new_at)
    with closing(Client(origin_at.url, settings)) as client:
        origin = client.run(adopt.open_origin(origin_at.index))
        target = client.run(adopt.open_adopted(origin, new_at.index))
        if back:
            return _go_back(client, target, new)
        made = _load(encoder, scale, target)
        if target is None:
            changes = {} if analyzer is None else {"analyzer": analyzer}
            profile = made.make_profile(text_fields=_read_fields(fields), split_words=split or 0, **changes)
            spec = IndexSpec(replicas=replicas)
            target = client.run(adopt.create_adopted(origin, new_at.index, profile, spec))
        else:
            _check_same(new, target, made, fields, split, analyzer)
        adopted = Adoption(client, origin, target, made).run(encode=not queue)
        return _report(client, origin, target, adopted, as_json=as_json)


def _check_places(origin: ClusterAddress, new: ClusterAddress) -> None:
    if origin.url != new.url:
        raise UsageError(f"{new} is on another cluster than {origin}; adopt there, then hybrid copy.")
    if origin.index == new.index:
        raise UsageError("SOURCE stays as it is, so NEW needs a name of its own.")


def _go_back(client: Client, target: Target | None, new: str) -> int:
    if target is None:
        raise IndexMissingError(f"There is no {new} to go back from.")
    client.run(drop_index(target.name))
    click.echo(f"{new} is deleted")
    return 0


def _load(name: str | None, scale: float | None, target: Target | None) -> "Encoder":
    """Give the encoder that is meant, or the one that the new index has."""
    from ..encoders import load_encoder, load_for_profile

    if target is not None and name is None:
        return load_for_profile(target.profile)
    return load_encoder(name or "minilm", scale=scale)


def _read_fields(fields: str | None) -> tuple[str, ...]:
    read = tuple(filter(None, (name.strip() for name in (fields or "").split(","))))
    if not read:
        raise UsageError("Say which fields hold text: --text title,body")
    return read


def _check_same(
    new: str, target: Target, made: "Encoder", fields: str | None, split: int | None, analyzer: str | None
) -> None:
    """Refuse to go on with an index that was made otherwise."""
    own = target.profile
    said = {
        "--text": (fields and _read_fields(fields), own.text_fields),
        "--encoder": (made.pair_id, own.pair_id),
        "--split": (split, own.split_words),
        "--analyzer": (analyzer, own.analyzer),
    }
    for option, (given, has) in said.items():
        if given and given != has:
            was = ",".join(has) if isinstance(has, tuple) else has
            made_with = f"with {option} {was}" if has else f"without {option}"
            raise UsageError(f"{new} was made {made_with}; leave the option out, or choose another name.")


def _report(client: Client, origin: Origin, target: Target, adopted: Adopted, *, as_json: bool) -> int:
    there, status = client.run(adopt.count(origin.index)), client.run(read_status(target))
    refused = list(adopted.refused.values())
    if as_json:
        print_json(
            {
                "source": there,
                "created": adopted.copied.created,
                "updated": adopted.copied.updated,
                "removed": adopted.removed,
                "truncated": adopted.truncated,
                "refused": [{"id": one.id, "reason": one.reason} for one in refused],
                **to_json(status),
            }
        )
        return FINISHED_WITH_REJECTS if refused else 0
    click.echo(f"{there:,} documents in {origin.name}, {status.passages:,} in {target.name}")
    changes = f"{adopted.copied.created:,} new, {adopted.copied.updated:,} changed, {adopted.removed:,} removed"
    click.echo(f"{changes}; {status.encoded:,} encoded, {status.pending:,} pending, {status.failed:,} failed")
    if adopted.truncated:
        say(f"{adopted.truncated:,} documents are longer than the encoder reads; BM25 sees them whole")
    for one in refused[:_MOST_NAMED]:
        say(f"refused: {one.id}: {one.reason}")
    if refused:
        say(f"{len(refused):,} refused in all; the next run tries again")
    if there != status.passages and not refused:
        say("documents came or went meanwhile; the same command again carries them over")
    return FINISHED_WITH_REJECTS if refused else 0
