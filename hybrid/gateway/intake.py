"""Requests as they come in: bytes to searches that may pass, or to refusals; nothing is asked of anybody here."""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import orjson

from ..errors import GatewayError
from .obstacles import DEFAULT_SIZE
from .parameters import MOVED, put_into_body
from .policy import Limits, Policy, nests_deeper
from .rewrite import Body
from .served import SearchMode, Served
from .wishes import Wishes, read_wishes, without_wishes

#: What a line before a search in ``_msearch`` may say besides the index.
HEADER_KEYS = frozenset(
    {
        *("allow_no_indices", "allow_partial_search_results", "cancel_after_time_interval"),
        *("ccs_minimize_roundtrips", "expand_wildcards", "ignore_unavailable", "phase_took", "preference"),
        *("request_cache", "routing", "search_type"),
    }
)
#: URL parameters that pass as they are. Those that would change the body otherwise, such as ``q``, do not.
PARAMETERS = HEADER_KEYS | {
    *("batched_reduce_size", "error_trace", "filter_path", "human", "max_concurrent_searches"),
    *("max_concurrent_shard_requests", "pre_filter_shard_size", "pretty", "rest_total_hits_as_int"),
    *("scroll", "typed_keys"),
}
_MEDIA = frozenset({"application/json", "application/x-ndjson"})
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Search:
    """One search that may pass."""

    served: Served
    #: The body without what was meant for the gateway.
    body: Body
    #: The body as it came.
    sent: bytes
    #: What its line in ``_msearch`` says besides the index.
    options: Mapping[str, Any]
    wishes: Wishes
    #: Whether ``body`` is what came, in whole: nothing of it was meant for the gateway.
    is_whole: bool

    @property
    def mode(self) -> SearchMode:
        """The mode that it runs in: its own word, or the index's setting."""
        return self.wishes.mode or self.served.mode

    @property
    def is_transparent(self) -> bool:
        """Whether it goes on as it came, and its answer back."""
        return self.mode == "off" and self.served.required is None and self.is_whole


@dataclass(frozen=True, slots=True)
class Asked:
    """A whole request."""

    searches: Sequence[Search | GatewayError]
    parameters: Mapping[str, str]
    #: Whether it is an ``_msearch``, answered search by search.
    several: bool
    #: Parameters that came beside the others, and stand in the search's body now.
    moved: Mapping[str, str] = field(default_factory=dict)


class Intake:
    """Reads requests to the indexes that are served."""

    def __init__(self, served: Mapping[str, Served], policy: Policy):
        self._served = served
        self._policy = policy

    def read_search(
        self, index: str, body: bytes, headers: Mapping[str, str], parameters: Mapping[str, str]
    ) -> Asked:
        """Read ``_search``; what the address says of the body counts as part of it."""
        moved = {name: value for name, value in parameters.items() if name in MOVED}
        others = {name: value for name, value in parameters.items() if name not in MOVED}
        _check_parameters(others)
        search = self._read(self._find(index), body, {}, headers, moved)
        return Asked([search], others, several=False, moved=moved)

    def read_searches(
        self, index: str | None, body: bytes, headers: Mapping[str, str], parameters: Mapping[str, str]
    ) -> Asked:
        """Read ``_msearch``: what is wrong with one search is no fault of the others."""
        _check_parameters(parameters)
        lines = _split_lines(body, self._policy.limits)
        searches = [self._try(index, *pair, headers) for pair in zip(lines[::2], lines[1::2], strict=True)]
        _check_size(searches, self._policy.limits)
        return Asked(searches, parameters, several=True)

    def _try(self, index: str | None, line: bytes, body: bytes, headers: Mapping[str, str]) -> Search | GatewayError:
        try:
            options = dict(read_object(line, self._policy.limits)) if line.strip() else {}
            named = _read_index(options) or index
            unknown = options.keys() - HEADER_KEYS
            if unknown:
                raise GatewayError(f"key [{min(unknown)}] is not supported in the metadata section")
            if named is None:
                raise GatewayError("The search names no index.")
            return self._read(self._find(named), body, options, headers)
        except GatewayError as error:
            return error

    def _read(
        self,
        served: Served,
        sent: bytes,
        options: Mapping[str, Any],
        headers: Mapping[str, str],
        moved: Mapping[str, str] = MappingProxyType({}),
    ) -> Search:
        came = read_object(sent, self._policy.limits) if sent.strip() else {}
        body = put_into_body(came, moved)
        self._policy.check(body, required=served.required is not None)
        rest = without_wishes(body)
        return Search(served, rest, sent, options, read_wishes(body, headers), rest == body)

    def _find(self, index: str) -> Served:
        served = self._served.get(index)
        if served is None:
            raise GatewayError(f"no such index [{index}]", status=404, kind="index_not_found_exception")
        return served


def unpack(body: bytes, headers: Mapping[str, str], limits: Limits) -> bytes:
    """Check what kind of body it is, and give it uncompressed."""
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and media not in _MEDIA:
        raise GatewayError(f"Content-Type header [{media}] is not supported", status=406, kind="media_type_exception")
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding == "identity":
        return body
    if coding != "gzip":
        raise GatewayError(f"The content encoding {coding} is not supported; send gzip or none.", status=415)
    reader = zlib.decompressobj(_GZIP)
    try:
        plain = reader.decompress(body, limits.body_bytes + 1)
    except zlib.error as error:
        raise GatewayError("The body is not what its content encoding says, gzip.") from error
    if len(plain) > limits.body_bytes:
        raise too_large(limits)
    if not reader.eof:
        raise GatewayError("The body is not whole: its gzip stream ends early.")
    return plain


def too_large(limits: Limits) -> GatewayError:
    """Build the refusal of a body over the limit."""
    return GatewayError(
        f"The request is larger than {limits.body_bytes} bytes.", status=413, kind="content_too_long_exception"
    )


def read_object(text: bytes, limits: Limits) -> Body:
    """Read a JSON object; one that another reader might understand differently is refused."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise GatewayError(f"The body is no JSON: {error}", kind="json_parse_exception") from error
    if not isinstance(value, dict):
        raise GatewayError("The body is no JSON object.", kind="parsing_exception")
    if nests_deeper(value, limits.depth):
        raise GatewayError(f"The body is nested more than {limits.depth} levels deep.", kind="parsing_exception")
    # Of two equal keys the quick reader takes the last; what is checked has to be what OpenSearch reads.
    json.loads(text, object_pairs_hook=_unique)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise GatewayError("The body has the same key twice.", kind="json_parse_exception")
    return found


def _split_lines(body: bytes, limits: Limits) -> list[bytes]:
    """Give header and body lines in turn."""
    if not body.endswith(b"\n"):
        raise GatewayError("An msearch has to end with a newline." if body else "request body is required")
    if body.count(b"\n") > 2 * limits.items + 1:
        raise GatewayError(f"The request holds more than {limits.items} searches.")
    lines = body.split(b"\n")[:-1]
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines or len(lines) % 2:
        raise GatewayError("An msearch is pairs of lines: a header and a search.")
    return lines


def _read_index(options: dict[str, Any]) -> str | None:
    """Take the one index that a line names."""
    named = options.pop("index", None)
    if isinstance(named, list) and len(named) == 1:
        named = named[0]
    if named is not None and not isinstance(named, str):
        raise GatewayError("A search through the gateway names one index.")
    return named


def _check_parameters(parameters: Mapping[str, str]) -> None:
    unknown = parameters.keys() - PARAMETERS
    if unknown:
        raise GatewayError(f"The gateway does not let the parameter [{min(unknown)}] pass; put it into the body.")


def _check_size(searches: Sequence[Search | GatewayError], limits: Limits) -> None:
    """Refuse pages that are too large together."""
    sizes = (one.body.get("size", DEFAULT_SIZE) for one in searches if isinstance(one, Search))
    hits = sum(size for size in sizes if isinstance(size, int))
    if hits > limits.hits:
        raise GatewayError(f"The searches ask for {hits} hits together; {limits.hits} is the most.")
