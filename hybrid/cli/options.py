"""Arguments and options that several commands share."""

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np
from numpy.typing import ArrayLike

from ..errors import FilterError, VectorError
from ..filters import parse_condition
from ..requests import MAX_DEPTH, SearchOptions

F = TypeVar("F", bound=Callable[..., Any])

index_argument = click.argument("index", metavar="INDEX")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class Scale(click.ParamType[float | str]):
    """A number above 0, or ``auto``."""

    name = "NUMBER|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read what was said."""
        if value == "auto":
            return value
        with suppress(ValueError):
            if 0 < (scale := float(value)) < float("inf"):
                return scale
        return self.fail(f"{value!r} is neither a number above 0 nor auto.", param, ctx)


def is_cluster_address(argument: str) -> bool:
    """Tell whether an argument can be nothing but an index on a cluster: people mix their order up."""
    return argument.startswith(("os:", "http://", "https://", "gateway+")) and not Path(argument).exists()


def search_options(command: F) -> F:
    """Add everything that decides a ranking; ``read_search_options`` turns it into ``SearchOptions``."""
    return _add(_add(command, _VECTOR_OPTIONS), _ranking_options(10))


def ask_options(command: F) -> F:
    """Add the same for a question whose hits are read."""
    return _add(_add(command, _VECTOR_OPTIONS), _ranking_options(20))


def batch_options(command: F) -> F:
    """Add the same for many questions: each has a vector of its own, and more passages are wanted."""
    return _add(command, _ranking_options(100))


def read_search_options(given: dict[str, Any]) -> SearchOptions:
    """Give a search's options from the command line's."""
    options: SearchOptions = {
        "k": given["k"],
        "mode": given["mode"],
        "lam": given["lam"],
        "depth": given["depth"],
        "dense": given["dense"],
        "idf": given["idf"],
        "pair_id": given.get("pair_id"),
        "filter": [*_read_filter(given["filter_json"]), *map(parse_condition, given["where"])],
    }
    if given.get("vector") is not None:
        options["vector"] = read_vector(given["vector"])
    return options


def read_vector(text: str) -> ArrayLike:
    """Read a vector: a JSON list, ``-`` for one on standard input, or a .npy or .json file."""
    if text.lstrip().startswith("["):
        return _parse_vector(text)
    if text == "-":
        return _parse_vector(sys.stdin.read())
    path = Path(text)
    try:
        if path.suffix == ".npy":
            loaded: ArrayLike = np.load(path, allow_pickle=False)
            return loaded
        return _parse_vector(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise VectorError(f"Cannot read a vector from {text}: {error}") from error


def _parse_vector(text: str) -> ArrayLike:
    try:
        vector: ArrayLike = json.loads(text)
    except json.JSONDecodeError as error:
        raise VectorError(f"The vector is no JSON list of numbers: {error}.") from error
    return vector


def _read_filter(text: str | None) -> list[dict[str, Any]]:
    if text is None:
        return []
    try:
        clauses = json.loads(text)
    except json.JSONDecodeError as error:
        raise FilterError(f"--filter is no JSON: {error}.") from error
    return clauses if isinstance(clauses, list) else [clauses]


_VECTOR_OPTIONS = (
    click.option(
        "--vector",
        metavar="VECTOR",
        help="The question's vector: a JSON list, a .npy or .json file, or - for standard input. "
        "The index's encoder makes it by default; an index without one needs it in modes hybrid and dense.",
    ),
    click.option(
        "--encoder",
        "pair_id",
        metavar="PAIR",
        help="The encoder pair of the vector, as hybrid status names it; refused if the index holds another's.",
    ),
)


def _ranking_options(k: int) -> tuple[Callable[[F], F], ...]:
    return (
        click.option("-k", default=k, show_default=True, type=click.IntRange(1), help="How many passages to return."),
        click.option(
            "--mode",
            default="hybrid",
            show_default=True,
            type=click.Choice(["hybrid", "lexical", "dense"]),
            help="Rank by BM25 + λ·sim, by BM25, or by sim.",
        ),
        click.option("--lambda", "lam", type=float, help="Weight λ of sim; the index's own by default."),
        click.option(
            "--depth",
            type=click.IntRange(1, MAX_DEPTH),
            help="Passages that each side proposes; the index's own by default.",
        ),
        click.option(
            "--dense",
            type=click.Choice(["ann", "exact"]),
            help="Walk the graph (a cluster's default), or compare with every passage (a folder's).",
        ),
        click.option(
            "--idf",
            default="global",
            show_default=True,
            type=click.Choice(["global", "shard"]),
            help="Statistics of all shards together, or of each shard alone.",
        ),
        click.option(
            "--filter", "filter_json", metavar="JSON", help="An OpenSearch query clause, or a list of them."
        ),
        click.option(
            "--where",
            multiple=True,
            metavar="CONDITION",
            help="Such as 'year>=2000' or 'lang=en'; repeatable, all must hold.",
        ),
    )


def _add(command: F, options: tuple[Callable[[F], F], ...]) -> F:
    for option in reversed(options):
        command = option(command)
    return command
