"""One moment of an index, held as a point in time: how long it lasts, what tells that it is gone, and a name for it.

Every write takes the next sequence number of its shard, and what it replaces or deletes is gone: so count and sum of
the numbers that are left are the same only if nothing was written. Refreshes and merges change neither.
"""

import hashlib
from collections.abc import Iterator
from typing import Any, TypeVar

from ...errors import IndexStateError, RefusedError
from .calls import Call, Conversation, ask, encode
from .queries import KEEP_ALIVE, Target, at_point

T = TypeVar("T")

#: How long a moment outlives the last search in it: a command may encode or read for long between two. The shorter
#: life that a search asks for does not shorten it.
HELD_ALIVE = "2h"
_NOT_FOUND = 404


def at_moment(target: Target, conversation: Conversation[T]) -> Conversation[T]:
    """Hold a conversation in a point in time, the target's own if it has one; one that is gone is told as such."""
    try:
        return (yield from conversation)
    except RefusedError as error:
        blame_moment(error, target)
        raise


def blame_moment(error: RefusedError, target: Target) -> None:
    """Raise ``IndexStateError`` if the point in time that was read from is gone."""
    if error.status != _NOT_FOUND:
        return
    life = KEEP_ALIVE if target.snapshot is None else HELD_ALIVE
    raise IndexStateError(
        f"The state of {target.name} that was being read is gone: a node left the cluster, or nothing was asked for "
        f"longer than {life}; give the command again."
    ) from error


def read_moment(target: Target, snapshot: str) -> Conversation[str]:
    """Name what a point in time of an index holds, by another name after every change."""
    what = f"see what {target.name} holds"
    wanted = "*.settings.index.uuid,*.settings.index.number_of_shards"
    call = Call("GET", f"/{target.name}", params={"filter_path": wanted})
    made = yield from ask(call, what=what)
    seen: list[Any] = sorted(one["settings"]["index"]["uuid"] for one in made.values())
    for name, one in sorted(made.items()):
        for body in _count_shards(name, int(one["settings"]["index"]["number_of_shards"])):
            whole = encode({**at_point(snapshot), **body})
            counted = yield from ask(
                Call("POST", "/_search", whole, {"allow_partial_search_results": "false"}), what=what
            )
            seen.append((counted["hits"]["total"]["value"], counted["aggregations"]["written"]["value"]))
    return hashlib.sha256(encode({"seen": seen})).hexdigest()


def _count_shards(index: str, shards: int) -> Iterator[dict[str, Any]]:
    """Build a search for each shard, as numbers of several cannot be told apart; of as many slices each is one."""
    body = {
        "query": {"term": {"_index": index}},
        "size": 0,
        "track_total_hits": True,
        "aggs": {"written": {"sum": {"field": "_seq_no"}}},
    }
    for shard in range(shards):
        yield body if shards == 1 else {**body, "slice": {"id": shard, "max": shards}}
