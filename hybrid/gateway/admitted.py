"""Which passages sim alone may add to a page: the hundred nearest, of those that the caller may see.

One small search a text names them. The answer holds for a while, for the same caller and the same index only, so that
the page, its facets and the pages after it speak of one set. They are named, not found again by a radial clause: a
walk through the graph that looks for everything above a score ends where nothing near it is better, and may find
nothing at all.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from ..engines.opensearch import queries
from ..engines.opensearch.queries import Target
from ..engines.opensearch.vector_field import walk_graph
from ..passages import ID
from ..profile import Profile
from ..requests import SearchRequest
from .rewrite import Body, Ids
from .served import Served

#: Seconds after which passages may have come, and ids that are remembered, of all texts together.
LASTING = 60.0
MOST_REMEMBERED = 400_000


def build_nearest_body(request: SearchRequest, target: Target, served: Served) -> Body:
    """Build the search for the passages to be admitted."""
    near = {"vector": request.vector, "k": max(queries.graph_k(request), served.admit)}
    required = [] if served.required is None else [served.required]
    return {
        "query": walk_graph(target.profile, near, required),
        "size": served.admit,
        "stored_fields": "_none_",
        "docvalue_fields": [ID],
        "track_total_hits": False,
    }


def read_nearest(response: Mapping[str, Any], served: Served, profile: Profile) -> Ids:
    """Give the ids of the passages that are near enough."""
    min_sim = profile.min_sim if served.min_sim is None else served.min_sim
    least = 0.0 if min_sim is None else knn_score(min_sim)
    return tuple(str(hit["fields"][ID][0]) for hit in response["hits"]["hits"] if hit["_score"] >= least)


def knn_score(sim: float) -> float:
    """Give what k-NN makes of a dot product."""
    return 1 + sim if sim >= 0 else 1 / (1 - sim)


class Admitted:
    """Remembers ids, apart for each caller: what one may see says nothing to another."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[Ids, float]] = OrderedDict()
        self._held = 0

    def get(self, served: Served, identity: str, text: str) -> Ids | None:
        """Give ids that still hold."""
        known = self._known.get(_key(served, identity, text))
        return known[0] if known is not None and self._clock() < known[1] else None

    def put(self, served: Served, identity: str, text: str, ids: Ids) -> None:
        """Remember ids."""
        key = _key(served, identity, text)
        self._drop(key)
        self._known[key] = (ids, self._clock() + LASTING)
        self._held += _weight(ids)
        while self._held > MOST_REMEMBERED:
            self._drop(next(iter(self._known)))

    def _drop(self, key: bytes) -> None:
        known = self._known.pop(key, None)
        self._held -= 0 if known is None else _weight(known[0])


def _weight(ids: Ids) -> int:
    """Say what an entry counts; one without ids takes room, too."""
    return len(ids) + 1


def _key(served: Served, identity: str, text: str) -> bytes:
    """Name an entry without keeping anybody's credentials."""
    return hashlib.sha256("\0".join((served.shown, identity, text)).encode()).digest()
