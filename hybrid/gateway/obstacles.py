"""What keeps a search body from becoming hybrid, apart from its text."""

from collections.abc import Mapping
from typing import Any

from .reasons import Reason
from .rewrite import WINDOW

#: OpenSearch's own page size.
DEFAULT_SIZE = 10
#: Keys that a hybrid search cannot keep its promise beside.
_KEYS = {
    "collapse": Reason.COLLAPSE,
    "explain": Reason.EXPLAIN,
    "min_score": Reason.MIN_SCORE,
    "profile": Reason.PROFILE,
    "rescore": Reason.RESCORE,
    "search_after": Reason.SEARCH_AFTER,
    "suggest": Reason.SUGGEST,
    "terminate_after": Reason.TERMINATE_AFTER,
}
#: Aggregations that order or sample hits by score. Theirs is that of the first phase, where the dense side is only
#: told apart, not weighed.
_BY_SCORE = frozenset({"top_hits", "sampler", "diversified_sampler"})


def find_obstacle(body: Mapping[str, Any], parameters: Mapping[str, str]) -> Reason | None:
    """Say why a body, asked with these URL parameters, has to be answered lexically; None if it need not."""
    if "scroll" in parameters:
        return Reason.SCROLL
    for key, reason in _KEYS.items():
        if body.get(key) not in (None, False, {}, []):
            return reason
    if not sorts_by_score(body.get("sort")):
        return Reason.SORT
    if _last_hit(body) > WINDOW:
        return Reason.PAGE
    return Reason.SCORED_FACETS if _facets_by_score(read_aggregations(body)) else None


def read_aggregations(body: Mapping[str, Any]) -> Any:
    """Give the aggregations of a body, or of an aggregation: both of their names are in use."""
    return body.get("aggs", body.get("aggregations")) or {}


def sorts_by_score(sort: Any) -> bool:
    """Tell whether a ``sort`` asks for what is the order without one."""
    keys = sort if isinstance(sort, list) else [] if sort is None else [sort]
    return all(key == "_score" or _descends(key) for key in keys) and len(keys) <= 1


def _descends(key: Any) -> bool:
    direction = key.get("_score") if isinstance(key, Mapping) and len(key) == 1 else None
    return direction == "desc" or (isinstance(direction, Mapping) and direction.get("order", "desc") == "desc")


def _last_hit(body: Mapping[str, Any]) -> int:
    places = body.get("from", 0), body.get("size", DEFAULT_SIZE)
    # What is no number is refused by OpenSearch itself.
    return sum(place for place in places if isinstance(place, int))


def _facets_by_score(aggregations: Any) -> bool:
    if not isinstance(aggregations, Mapping):
        return False
    return any(
        not _BY_SCORE.isdisjoint(one) or _facets_by_score(read_aggregations(one))
        for one in aggregations.values()
        if isinstance(one, Mapping)
    )
