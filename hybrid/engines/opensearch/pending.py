"""What lacks a vector: which indexes have an encoder to be filled in, and which passages wait."""

from collections.abc import Iterator
from typing import Any

from ...errors import ProfileError
from ...passages import ID
from ...profile import PROVISIONAL, Profile, from_meta
from .calls import Call, Conversation, ask, encode
from .fields import read_others
from .lifecycle import META_KEY, Meta
from .queries import Clause, Target

#: Ids that are read at a time; OpenSearch gives no more.
PAGE = 10_000


def list_wanted(pattern: str) -> Conversation[list[Target]]:
    """Give a target for each encoder that is to be filled in, of all indexes of ours that ``pattern`` means."""
    params = {"filter_path": "*.mappings._meta", "expand_wildcards": "open", "ignore_unavailable": "true"}
    call = Call("GET", f"/{pattern}/_mapping", params=params)
    found = yield from ask(call, what=f"look for indexes named {pattern}")
    return [target for index, body in sorted(found.items()) for target in _read_wanted(index, body)]


def can_fill(profile: Profile) -> bool:
    """Tell whether workers can make a profile's vectors: not those given from outside, nor any before their scale."""
    return profile.passage_tower is not None and profile.scale_source != PROVISIONAL


def read_ids(target: Target, query: Clause, after: str | None) -> Conversation[list[str]]:
    """Read a page of the ids of passages that a query matches, in their order, from the one that follows ``after``.

    Ids are unique and stay, so pages of the living index miss nothing that matches all the time.
    """
    body: dict[str, Any] = {
        "query": query,
        "sort": [{ID: "asc"}],
        "size": PAGE,
        "_source": False,
        "track_total_hits": False,
    }
    if after is not None:
        body["search_after"] = [after]
    call = Call("POST", f"/{target.name}/_search", encode(body), {"allow_partial_search_results": "false"})
    hits = (yield from ask(call, what=f"read what {target.name} lacks"))["hits"]["hits"]
    return [hit["_id"] for hit in hits]


def _read_wanted(index: str, body: Meta) -> Iterator[Target]:
    meta = body["mappings"]["_meta"]
    if META_KEY not in meta:
        return
    try:
        profile, others = from_meta(meta[META_KEY], index), read_others(meta, index)
    except ProfileError:
        # Of another release, whose own workers look after it.
        return
    if can_fill(profile):
        yield Target(index, (index,), profile, shards=1)
    for other in others.values():
        if other.filling:
            yield Target(index, (index,), other.profile, shards=1, is_main=False)
