"""What every framework asks an index, and what it is told of a hit besides its text."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, cast

from ..engines.contract import Index
from ..errors import UsageError
from ..index import open_index
from ..passages import Hit
from ..requests import SearchOptions

#: What ``options`` may hold: how many hits are wanted is said by a keyword of its own.
_OPTIONS = tuple(name for name in SearchOptions.__annotations__ if name != "k")


def search(index: Index, question: str, k: int, options: Mapping[str, Any]) -> list[Hit]:
    """Rank passages; ``options`` are those of ``Index.search``."""
    return list(index.search(question, **cast(SearchOptions, {**options, "k": k})).hits)


def check_options(options: Collection[str], own: str) -> None:
    """Refuse what is no option of ``Index.search``; ``own`` says what a retriever takes besides."""
    for name in options:
        if name not in _OPTIONS:
            raise UsageError(f"{name!r} is no option of a search; there are {', '.join(_OPTIONS)}, and {own}.")


def describe(hit: Hit) -> dict[str, Any]:
    """Give a hit's metadata, its title, and its scores, which go before fields of the same names."""
    return {**hit.meta, "title": hit.title, "score": hit.score, "bm25": hit.bm25, "sim": hit.sim}


def open_any(index: str | Path | Index) -> Index:
    """Give an index, opened by its address if it is none yet."""
    return open_index(index) if isinstance(index, str | Path) else index
