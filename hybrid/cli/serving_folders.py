"""``hybrid serve FOLDER…``: the page on indexes in folders."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from ..address import LocalAddress, parse_address
from ..engines.contract import Index
from ..errors import UsageError
from ..index import open_index
from ..settings import read_settings

if TYPE_CHECKING:
    from ..gateway.server import Place

#: Options of ``hybrid serve`` that mean something without a cluster.
_COMMON = frozenset({"folders", "host", "port", "certificate", "key"})


def serve_folders(folders: Sequence[str], place: "Place") -> None:
    """Serve the page on the indexes in ``folders`` until told to stop."""
    from ..gateway.server import run
    from ..page.folders import build_app, names_of

    _refuse_options()
    with ExitStack() as opened:
        indexes: dict[str, Index] = {}
        for name, folder in name_folders(folders).items():
            indexes[name] = opened.enter_context(open_index(folder))
        run(build_app(indexes, names_of(place.host), read_settings()), place)


def name_folders(folders: Sequence[str]) -> dict[str, str]:
    """Give each folder a name to be shown, its last part; refuse what is no folder, and names that come twice."""
    settings = read_settings()
    named: dict[str, str] = {}
    for folder in folders:
        address = parse_address(folder, settings)
        if not isinstance(address, LocalAddress):
            raise UsageError(f"{folder} is no folder; say hybrid serve --upstream URL --index NAME.")
        name = Path(address.path).resolve().name
        if name in named:
            raise UsageError(f"Two folders are called {name}; serve them one at a time, or rename one.")
        named[name] = folder
    return named


def _refuse_options() -> None:
    """Refuse options that would do nothing."""
    context = click.get_current_context()
    for parameter in context.command.params:
        given = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        if given and parameter.name not in _COMMON:
            raise UsageError(f"{parameter.opts[0]} is for a cluster behind the gateway; a folder is served as it is.")
