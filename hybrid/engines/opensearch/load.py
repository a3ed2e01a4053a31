"""Load mode: an index that is being filled refreshes and copies itself when it is full, not at every step.

What was set before stands in the job's record until it is put back, so a crash in between loses nothing.
"""

from collections.abc import Mapping
from typing import Any

from .calls import Call, Conversation, ask, encode
from .queries import Target
from .reads import sole_index

LOAD_SETTINGS: Mapping[str, Any] = {
    "refresh_interval": "-1",
    "auto_expand_replicas": "false",
    "number_of_replicas": "0",
}


def read_settings(target: Target) -> Conversation[dict[str, Any]]:
    """Give the settings that load mode changes, as they are; None for one that is left to its default."""
    index = sole_index(target)
    found = yield from ask(Call("GET", f"/{index}/_settings", params={"flat_settings": "true"}), what="read settings")
    flat = found[index]["settings"]
    return {name: flat.get(f"index.{name}") for name in LOAD_SETTINGS}


def change_settings(target: Target, settings: Mapping[str, Any]) -> Conversation[None]:
    """Change settings of an index; None puts one back to its default."""
    body = encode({"index": dict(settings)})
    yield from ask(Call("PUT", f"/{sole_index(target)}/_settings", body), what="change settings")
