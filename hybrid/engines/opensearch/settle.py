"""Make BM25's statistics count living passages only.

A rewritten passage leaves a deleted twin that counts in N, df and avgdl until its segment is merged, and shards keep
deleted ones back for a while for copies that fell behind. So: flush, merge, look, and again.
"""

from collections.abc import Mapping
from typing import Any

from ...errors import IndexStateError
from ...records import Share
from .calls import Call, Conversation, Pause, ask, read_error

#: Seconds between two looks.
INTERVAL = 2.0
#: Shards were seen to keep deleted passages back for half a minute; several times that is given up on.
PATIENCE = 300.0


def read_share(name: str) -> Conversation[Share]:
    """Count the living passages of an index, and the deleted ones and segments of all copies of its shards."""
    call = Call("GET", f"/{name}/_stats/docs,segments")
    counted = (yield from ask(call, what=f"count the passages of {name}"))["_all"]
    primaries, copies = counted["primaries"], counted["total"]
    # A question may be answered by any copy, so deleted passages count in all of them.
    return Share(primaries["docs"]["count"], copies["docs"]["deleted"], primaries["segments"]["count"])


def settle(name: str, patience: float = PATIENCE) -> Conversation[Share]:
    """Merge deleted passages away and give what is left."""
    waited = 0.0
    while True:
        yield from ask(Call("POST", f"/{name}/_flush", params={"force": "true"}), what=f"flush {name}")
        yield from _merge(name)
        yield from ask(Call("POST", f"/{name}/_refresh"), what=f"refresh {name}")
        share = yield from read_share(name)
        if share.settled:
            return share
        if waited >= patience:
            raise IndexStateError(
                f"{name} still holds {share.deleted} deleted passages after {waited:.0f} s; something writes to it, "
                "or a copy of a shard is missing: stop the writers, look at _cluster/health, then settle again."
            )
        yield Pause(INTERVAL)
        waited += INTERVAL


def _merge(name: str) -> Conversation[None]:
    """Merge in the background of the cluster and wait: a large index takes longer than a request may."""
    params = {"max_num_segments": "1", "wait_for_completion": "false"}
    task = (yield from ask(Call("POST", f"/{name}/_forcemerge", params=params), what=f"merge {name}"))["task"]
    while True:
        state: dict[str, Any] = yield from ask(Call("GET", f"/_tasks/{task}"), what=f"watch the merge of {name}")
        if state["completed"]:
            _raise_failure(name, state)
            return
        yield Pause(0.1)


def _raise_failure(name: str, task: Mapping[str, Any]) -> None:
    failures = task.get("response", {}).get("_shards", {}).get("failures", ())
    failed = [task["error"]] if "error" in task else [failure["reason"] for failure in failures]
    for error in failed:
        raise IndexStateError(f"Cannot merge {name}: {read_error(error)[1]}.")
