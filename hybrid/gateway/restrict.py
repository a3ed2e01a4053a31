"""What holds for every body, hybrid or not: the required filter, and vectors that stay inside."""

from collections.abc import Mapping, Sequence
from typing import Any

from .clauses import Clause, listed
from .rewrite import Body


def require(body: Mapping[str, Any], required: Clause | None) -> Body:
    """Give a body that finds nothing but what ``required`` lets through; scores stay as they are."""
    if required is None:
        return dict(body)
    query = body.get("query", {"match_all": {}})
    return {**body, "query": {"bool": {"must": [query], "filter": [required]}}}


def keep_highlights(body: Mapping[str, Any], query: Clause | None) -> Body:
    """Give a body that highlights what ``query``, the page's own, would have highlighted."""
    highlight = body.get("highlight")
    if query is None or not isinstance(highlight, Mapping) or "highlight_query" in highlight:
        return dict(body)
    return {**body, "highlight": {**highlight, "highlight_query": query}}


def hide(body: Mapping[str, Any], fields: Sequence[str]) -> Body:
    """Give a body whose hits come without ``fields``: vectors are large, and nobody's business."""
    stored = body.get("stored_fields", ["_source"])
    # With stored fields the source comes only if it is asked for; that must not change.
    source = body.get("_source", "_source" in listed(stored))
    if source is False or source == "false":
        return dict(body)
    chosen = _as_mapping(source)
    name = "exclude" if "exclude" in chosen else "excludes"
    return {**body, "_source": {**chosen, name: [*listed(chosen.get(name)), *fields]}}


def _as_mapping(source: Any) -> Mapping[str, Any]:
    if isinstance(source, Mapping):
        return source
    return {} if source in (True, "true") else {"includes": source}
