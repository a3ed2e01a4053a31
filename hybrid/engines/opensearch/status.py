"""How much of an index is encoded, pending, failed and settled."""

import dataclasses

from ...records import Other, Status
from . import reads
from .calls import Call, Conversation, ask, encode
from .fields import list_others
from .queries import Target
from .settle import read_share
from .vector_field import has_vector


def read_status(target: Target) -> Conversation[Status]:
    """Count what is searchable now."""
    encoded = {"filter": has_vector(target.profile)}
    body = {
        "size": 0,
        "track_total_hits": True,
        "aggs": {"encoded": encoded, "failed": {"filter": reads.failed(target)}},
    }
    call = Call("POST", f"/{target.name}/_search", encode(body), {"allow_partial_search_results": "false"})
    counted = yield from ask(call, what=f"count the passages of {target.name}")
    passages = counted["hits"]["total"]["value"]
    parts = {name: counted["aggregations"][name]["doc_count"] for name in ("encoded", "failed")}
    share = yield from read_share(target.name)
    pending = passages - parts["encoded"] - parts["failed"]
    return Status(passages, parts["encoded"], pending, parts["failed"], share.deleted)


def read_others_status(target: Target) -> Conversation[list[Other]]:
    """Count the vectors of each encoder beside the one that questions use; several indexes are told of one by one."""
    if len(target.indexes) != 1:
        return []
    counted = []
    for other in (yield from list_others(target)).values():
        beside = dataclasses.replace(target, profile=other.profile, is_main=False)
        counted.append(Other(other.profile.pair_id, other.state, (yield from read_status(beside))))
    return counted
