"""How near a passage must be to be admitted: as near as the hundredth, of those that the caller may see.

One small search a text finds it; the answer holds for a while, for the same caller and the same index only.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from ..engines.opensearch import queries
from ..engines.opensearch.queries import Target
from ..engines.opensearch.search import TIE
from ..requests import SearchRequest
from .clauses import Clause
from .rewrite import Body
from .served import Served

#: Seconds after which passages may have come or gone, and floors that are remembered.
LASTING = 60.0
MOST_REMEMBERED = 4096
#: k-NN wants a score above 0, and no passage scores less than this.
_ANY = 1e-30


def build_floor_body(request: SearchRequest, target: Target, served: Served) -> Body:
    """Build the search that finds the last passage to be admitted, and the one after it."""
    near: Clause = {"vector": request.vector, "k": max(queries.graph_k(request), served.admit + 1)}
    if served.required is not None:
        near["filter"] = served.required
    return {
        "query": {"knn": {target.profile.vector_field: near}},
        "from": served.admit - 1,
        "size": 2,
        "_source": False,
        "track_total_hits": False,
    }


def read_floor(response: Mapping[str, Any], served: Served) -> float:
    """Give the k-NN score that admits at most as many passages as are wanted."""
    floor = _part(*(float(hit["_score"]) for hit in response["hits"]["hits"]))
    return floor if served.min_sim is None else max(floor, knn_score(served.min_sim))


def _part(last: float = 0.0, next_one: float = 0.0) -> float:
    """Give a score between the last passage that is admitted and the next one, away from both.

    The same product may come out a little higher or lower in the next search, so nothing may hang on its last bits;
    passages that tie at the border stay out together.
    """
    if last - next_one <= TIE * last:
        return max(_ANY, last * (1 + TIE))
    return (last + next_one) / 2


def knn_score(sim: float) -> float:
    """Give what k-NN makes of a dot product."""
    return 1 + sim if sim >= 0 else 1 / (1 - sim)


class Floors:
    """Remembers floors, apart for each caller: what one may see says nothing to another."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def get(self, served: Served, identity: str, text: str) -> float | None:
        """Give a floor that still holds."""
        known = self._known.get(_key(served, identity, text))
        return known[0] if known is not None and self._clock() < known[1] else None

    def put(self, served: Served, identity: str, text: str, floor: float) -> None:
        """Remember a floor."""
        key = _key(served, identity, text)
        self._known.pop(key, None)
        self._known[key] = (floor, self._clock() + LASTING)
        if len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)


def _key(served: Served, identity: str, text: str) -> bytes:
    """Name an entry without keeping anybody's credentials."""
    return hashlib.sha256("\0".join((served.shown, identity, text)).encode()).digest()
