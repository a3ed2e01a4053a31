"""``hybrid serve``."""

import json
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from ..address import check_index_name
from ..errors import FilterError, SettingsError, UsageError
from ..fusion import is_weight
from ..profile import Profile
from ..settings import read_settings
from .serving_folders import serve_folders

if TYPE_CHECKING:
    from ..gateway.encoding import Encoder
    from ..gateway.served import SearchMode, Served
    from ..gateway.server import Place

_MODES = click.Choice(["off", "shadow", "on"])
_PAIR = "NAME=VALUE"
#: Browsers send origins in lower case.
_ORIGIN = re.compile(r"https?://[^/\s@?#A-Z]+")


@click.command("serve")
@click.argument("folders", nargs=-1, metavar="[FOLDER]...")
@click.option(
    "--upstream", metavar="URL", help="The OpenSearch cluster behind the gateway; HYBRID_OPENSEARCH_URL by default."
)
@click.option("--index", "indexes", multiple=True, metavar="NAME", help="An index, or alias, to serve; repeatable.")
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="SHOWN=REAL",
    help="Serve the index REAL under the name SHOWN; repeatable.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="The port to listen on.")
@click.option(
    "--default-mode", default="on", show_default=True, type=_MODES, help="What a search without a wish gets."
)
@click.option("--mode", "modes", multiple=True, metavar="NAME=MODE", help="The same for one index; repeatable.")
@click.option(
    "--filter", "filters", multiple=True, metavar="NAME=JSON", help="A clause that every hit of an index must meet."
)
@click.option(
    "--text",
    "side",
    default="profile",
    show_default=True,
    type=click.Choice(["profile", "body"]),
    help="What scores the text: BM25 over contents as the profile says, or the page's own clauses.",
)
@click.option("--lambda", "lam", type=float, help="Weight λ of sim; each index's own by default.")
@click.option(
    "--admit", default=100, show_default=True, type=click.IntRange(1, 2000), help="Passages that sim alone may add."
)
@click.option("--min-sim", type=float, help="The least sim of a passage that is added; each index's own by default.")
@click.option(
    "--policy",
    default="enforce",
    show_default=True,
    type=click.Choice(["enforce", "report"]),
    help="Refuse what is not on the list of what passes, or only log it.",
)
@click.option(
    "--cors", "origins", multiple=True, metavar="ORIGIN", help="A page that may ask from a browser; repeatable."
)
@click.option("--lend-credentials", is_flag=True, help="Serve callers without credentials with the gateway's own.")
@click.option(
    "--patience",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Seconds to wait for a question's vector.",
)
@click.option(
    "--certificate", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A PEM file, for TLS."
)
@click.option("--key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Its key.")
def command(
    folders: tuple[str, ...], upstream: str | None, policy: str, origins: tuple[str, ...], **given: Any
) -> None:
    r"""Show a page on the indexes in FOLDERs, or make an existing search page hybrid.

    Such a page sends its searches here instead of to OpenSearch. Ours is at / in both cases.

    \b
    hybrid serve ./wiki
    hybrid serve --upstream http://127.0.0.1:9200 --index wiki
    hybrid serve --upstream https://os:9200 --name news=wiki --filter 'news={"term": {"meta.public": true}}'
    """
    try:
        from ..gateway.app import Config, build_app
        from ..gateway.policy import Policy
        from ..gateway.server import run
    except ImportError as error:
        raise SettingsError(
            "Serving needs more libraries: make gateway in a clone, or pip install 'hybrid-passage-search[gateway]'."
        ) from error
    settings, place = read_settings(), _read_place(given)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    if folders:
        serve_folders(folders, place)
        return
    config = Config(
        upstream=check_upstream(upstream or settings.opensearch_url),
        served=read_served(given),
        policy=Policy(report=policy == "report"),
        patience=given["patience"],
        origins=tuple(map(check_origin, origins)),
        lend_credentials=given["lend_credentials"],
    )
    run(build_app(config, settings, load_encoder), place)


def load_encoder(profile: Profile) -> "Encoder":
    """Load the question tower that a profile names."""
    from ..encoders import load_for_profile

    return load_for_profile(profile).load(passages=False)


def read_served(given: dict[str, Any]) -> "dict[str, Served]":
    """Give the indexes to serve, by the name that is shown."""
    from ..gateway.served import MODES, Served

    names = {name: name for name in given["indexes"]} | _read_pairs("--name", given["names"])
    modes, filters = _read_pairs("--mode", given["modes"]), _read_pairs("--filter", given["filters"])
    if not names:
        raise UsageError("Nothing is served; say --index NAME.")
    if given["lam"] is not None and not is_weight(given["lam"]):
        raise UsageError(f"--lambda is {given['lam']}; say a finite number of 0 or more.")
    for option, named in (("--mode", modes), ("--filter", filters)):
        for shown in named.keys() - names.keys():
            raise UsageError(f"{option} is for {shown}, which is not served.")
    for mode in modes.values():
        if mode not in MODES:
            raise UsageError(f"--mode knows {', '.join(MODES)}, not {mode}.")
    return {
        shown: Served(
            shown=check_index_name(shown),
            name=check_index_name(real),
            mode=cast("SearchMode", modes.get(shown, given["default_mode"])),
            required=_read_clause(filters[shown]) if shown in filters else None,
            side=given["side"],
            lam=given["lam"],
            admit=given["admit"],
            min_sim=given["min_sim"],
        )
        for shown, real in names.items()
    }


def _read_place(given: dict[str, Any]) -> "Place":
    from ..gateway.server import Place

    if given["key"] is not None and given["certificate"] is None:
        raise UsageError("--key needs --certificate.")
    return Place(given["host"], given["port"], given["certificate"], given["key"])


def check_origin(text: str) -> str:
    """Refuse what no browser would ever send as its page's origin."""
    if text != "*" and not _ORIGIN.fullmatch(text):
        raise UsageError(
            f"--cors {text} is no origin; say http(s)://host or http(s)://host:port without a path, or *."
        )
    return text


def check_upstream(url: str | None) -> str:
    """Refuse an address that holds a secret, or is none."""
    if url is None:
        raise UsageError("Say --upstream http://host:9200, or set HYBRID_OPENSEARCH_URL.")
    scheme, _, rest = url.partition("://")
    if scheme not in ("http", "https") or not rest:
        raise UsageError(f"--upstream is {url!r}; say http://host:9200 or https://host:9200.")
    if "@" in rest:
        raise UsageError(
            "--upstream holds a user or password; put them in HYBRID_OPENSEARCH_USERNAME and …_PASSWORD."
        )
    return url


def _read_pairs(option: str, pairs: Sequence[str]) -> dict[str, str]:
    read = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not (name and sign and value):
            raise UsageError(f"{option} {pair!r} is not of the form {_PAIR}.")
        read[name] = value
    return read


def _read_clause(text: str) -> dict[str, Any]:
    try:
        clause = json.loads(text)
    except json.JSONDecodeError as error:
        raise FilterError(f"--filter is no JSON: {error}.") from error
    if not isinstance(clause, dict) or len(clause) != 1:
        raise FilterError('--filter is no query clause, such as {"term": {"meta.public": true}}.')
    return clause
