"""How much of an index is encoded, pending, failed and settled."""

from ...records import Status
from . import reads
from .calls import Call, Conversation, ask, encode
from .queries import Target
from .settle import read_share


def read_status(target: Target) -> Conversation[Status]:
    """Count what is searchable now."""
    encoded = {"filter": {"exists": {"field": target.profile.vector_field}}}
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
