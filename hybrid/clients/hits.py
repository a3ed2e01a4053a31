"""What every framework is told of a hit besides its text."""

from typing import Any, cast

from ..engines.contract import Index
from ..index import open_index
from ..passages import Hit
from ..requests import SearchOptions


def search(index: Index, question: str, k: int, options: dict[str, Any]) -> list[Hit]:
    """Rank passages; ``options`` are those of ``Index.search``."""
    return list(index.search(question, **cast(SearchOptions, {**options, "k": k})).hits)


def describe(hit: Hit) -> dict[str, Any]:
    """Give a hit's metadata, its title, and its scores, which go before fields of the same names."""
    return {**hit.meta, "title": hit.title, "score": hit.score, "bm25": hit.bm25, "sim": hit.sim}


def open_any(index: str | Index) -> Index:
    """Give an index, opened by its address if it is none yet."""
    return open_index(index) if isinstance(index, str) else index
