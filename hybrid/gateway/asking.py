"""Searches to OpenSearch and their answers back, one for each; a bad search does not spoil the others."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..engines.opensearch.calls import Call, encode
from .rewrite import Body
from .upstream import WHOLE, Caller, Reply, Upstream, read_json


@dataclass(frozen=True, slots=True)
class Line:
    """One search as OpenSearch gets it."""

    index: str
    body: Body | bytes
    #: What stands beside it in ``_msearch``, or in the address.
    options: Mapping[str, Any] = field(default_factory=dict)


def build_search(line: Line, parameters: Mapping[str, str]) -> Call:
    """Build ``_search``."""
    given = {**parameters, **{name: _to_text(value) for name, value in line.options.items()}}
    return Call("POST", f"/{line.index}/_search", _to_bytes(line.body) or None, given)


def build_searches(lines: Sequence[Line], parameters: Mapping[str, str]) -> Call:
    """Build ``_msearch``."""
    parts = [part for line in lines for part in (encode({**line.options, "index": line.index}), _to_bytes(line.body))]
    return Call("POST", "/_msearch", b"".join(part + b"\n" for part in parts), parameters, ndjson=True)


async def ask_one(
    upstream: Upstream, line: Line, parameters: Mapping[str, str], caller: Caller
) -> list[Body] | Reply:
    """Ask by ``_search``; the answer gets the status that it came with."""
    reply = await upstream.send(build_search(line, parameters), caller)
    answer = read_json(reply.body)
    if reply.status in WHOLE or not isinstance(answer, dict):
        return reply
    return [{**answer, "status": reply.status}]


async def ask_all(
    upstream: Upstream, lines: Sequence[Line], parameters: Mapping[str, str], caller: Caller
) -> list[Body] | Reply:
    """Ask by ``_msearch``. It fails as a whole if one search cannot be read; then each is asked alone."""
    if not lines:
        return []
    reply = await upstream.send(build_searches(lines, parameters), caller)
    answer = read_json(reply.body)
    if reply.status in WHOLE or not isinstance(answer, dict):
        return reply
    if "responses" in answer:
        found: list[Body] = answer["responses"]
        return found
    if len(lines) == 1:
        return [{**answer, "status": reply.status}]
    alone = await asyncio.gather(*(ask_all(upstream, [line], parameters, caller) for line in lines))
    whole = next((one for one in alone if isinstance(one, Reply)), None)
    return whole or [answer for one in alone if not isinstance(one, Reply) for answer in one]


def is_whole(answer: Body) -> bool:
    """Tell whether a search did what it should, on every shard."""
    shards = answer.get("_shards", {})
    return "error" not in answer and not answer.get("timed_out") and not shards.get("failed")


def _to_bytes(body: Body | bytes) -> bytes:
    return body if isinstance(body, bytes) else encode(body)


def _to_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
