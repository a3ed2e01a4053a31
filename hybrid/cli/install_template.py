"""``hybrid install-template INDEX``."""

from contextlib import closing

import click

from ..address import check_index_name, parse_cluster_address
from ..engines.opensearch import template
from ..engines.opensearch.client import Client
from ..engines.opensearch.lifecycle import open_target
from ..settings import read_settings
from .options import index_argument


@click.command("install-template")
@index_argument
@click.option("--name", help="The template's name; hybrid-INDEX by default.")
@click.option("--lambda", "lam", type=float, help="Weight λ of sim; the index's own by default.")
@click.option("--print", "only_print", is_flag=True, help="Print the template; nothing is stored.")
def command(index: str, name: str | None, lam: float | None, only_print: bool) -> None:
    r"""Store the exact hybrid search as a search template, for clients of any language.

    \b
    hybrid install-template os:wiki
    curl $HYBRID_OPENSEARCH_URL/wiki/_search/template -H 'content-type: application/json' -d '
      {"id": "hybrid-wiki", "params": {"question": "...", "vector": [...], "k": 10}}'

    The vector comes from /v1/encode of hybrid serve. Run this again when the index has another encoder, λ or longer
    vectors.
    """
    settings = read_settings()
    place = parse_cluster_address(index, settings, "hybrid install-template")
    with closing(Client(place.url, settings)) as client:
        target = client.run(open_target(place.index))
        if only_print:
            click.echo(template.build_template(target, lam))
            return
        chosen = check_index_name(name or f"hybrid-{place.index}")
        client.run(template.install(target, chosen, lam))
    profile = target.profile
    weight = profile.lam if lam is None else lam
    click.echo(f"{chosen} is stored; params: question, vector, k (10), filter (one query clause)")
    if template.needs_lift(profile):
        click.echo(
            f"and lift, the vector's length times {profile.max_norm:g}; score = _score - 1 - {weight:g} * lift"
        )
    else:
        click.echo(f"score = _score - {template.read_shift(profile, lam):.9g}")
    click.echo(f"bm25 = score - {weight:g} * sim, where fields.sim is there")
