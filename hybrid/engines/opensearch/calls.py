"""Talking to a cluster without touching the network.

Everything that needs the cluster is a *conversation*: a generator that yields a ``Call`` (or a ``Pause``), is sent
the ``Answer``, and returns its result. ``client`` carries conversations out, sync or async, so each is written once.
"""

import json
import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import orjson

from ...errors import AccessError, BusyError, ClusterError, IndexMissingError, RefusedError

Method = Literal["GET", "POST", "PUT", "DELETE", "HEAD"]

_OK = range(200, 300)
_OVERLOADED = frozenset({429, 502, 503, 504})
#: Refusals that pass although their status does not say so: a full disk makes an index read-only until there is room
#: again, and a shard is away while its node starts or stops.
_PASSING = frozenset(
    {
        "circuit_breaking_exception",
        "cluster_block_exception",
        "illegal_index_shard_state_exception",
        "no_shard_available_action_exception",
        "unavailable_shards_exception",
    }
)
#: Longest part of a cluster's own words that a message repeats.
_MAX_REASON = 500
#: Characters of the longest whole number of 64 bits.
_MOST_DIGITS = 20
#: What a proxy in between answers in the cluster's place.
_MARKUP = re.compile(r"\s*<")


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request."""

    method: Method
    path: str
    body: bytes | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    ndjson: bool = False
    #: Seconds to wait for the answer, where the client's own limit is too short.
    timeout: float | None = None
    #: Whether numbers of the answer keep their digits: for documents that are written again.
    digits: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """A wait between two calls."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and decoded body of a response; an error status is an answer like any other."""

    status: int
    body: Any

    @property
    def ok(self) -> bool:
        """Whether the cluster did what was asked."""
        return self.status in _OK


#: The answer to a pause for which there is no time: what is waited for has to be given up.
NO_TIME = Answer(408, None)

T = TypeVar("T")
Conversation = Generator[Call | Pause, Answer, T]


class Number(float):
    """A number with the digits that it came with; ``encode`` writes these."""

    __slots__ = ("digits",)

    def __init__(self, digits: str):
        self.digits = digits


def encode(body: Mapping[str, Any]) -> bytes:
    """Write a JSON body; numpy vectors need no conversion."""
    return orjson.dumps(body, default=_write_number, option=orjson.OPT_SERIALIZE_NUMPY)


def decode(text: str, *, digits: bool) -> Any:
    """Read JSON, on demand with numbers that keep their digits."""
    if digits:
        return json.loads(text, parse_float=Number, parse_int=_read_whole_number)
    return orjson.loads(text)


def encode_lines(*bodies: Mapping[str, Any]) -> bytes:
    """Write newline-delimited JSON."""
    return b"".join(encode(body) + b"\n" for body in bodies)


def ask(call: Call, *, what: str) -> Conversation[Any]:
    """Make one call and give its body; a refusal becomes one of our errors. ``what`` says what was attempted."""
    answer = yield call
    return check(answer, what)


def check(answer: Answer, what: str) -> Any:
    """Give the body of an answer that did what was asked, or raise the error that fits."""
    if not answer.ok:
        raise refusal(answer.status, answer.body, what)
    return answer.body


def refusal(status: int, body: Any, what: str) -> ClusterError | IndexMissingError:
    """Turn an error answer, or one failed item of a batch, into the error that fits."""
    kind, reason = read_error(body)
    if status == 401:
        return AccessError(
            f"Cannot {what}: the cluster wants valid credentials (401); set HYBRID_OPENSEARCH_USERNAME and "
            "HYBRID_OPENSEARCH_PASSWORD, or HYBRID_OPENSEARCH_TOKEN."
        )
    if passes(status, body):
        return BusyError(f"Cannot {what}: the cluster does not take it now ({status}): {reason}; try again later.")
    if status == 403:
        return AccessError(f"Cannot {what}: the cluster forbids it (403): {reason}")
    if kind == "index_not_found_exception":
        return IndexMissingError(f"Cannot {what}: {reason}; check the address, or create the index first.")
    message = f"Cannot {what}: the cluster answers {status}: {reason}"
    return RefusedError(message, status=status, kind=kind, reason=reason)


def passes(status: int, body: Any) -> bool:
    """Tell whether a refusal is worth another attempt."""
    if status in _OK:
        return False
    error = body.get("error") if isinstance(body, Mapping) else None
    return status in _OVERLOADED or any(_is_passing(cause) for cause in _causes(error))


def read_error(body: Any) -> tuple[str, str]:
    """Give an error's type and the reasons in it, outermost first, on one line."""
    error = body.get("error", body) if isinstance(body, Mapping) else body
    if isinstance(error, Mapping):
        kind, reason = str(error.get("type", "")), " / ".join(dict.fromkeys(_reasons(error)))
    else:
        kind, reason = "", error if isinstance(error, str) else ""
    if _MARKUP.match(reason):
        reason = "a web page, not OpenSearch's JSON"
    return kind, " ".join(reason.split())[:_MAX_REASON] or "it gives no reason"


def _write_number(value: Any) -> orjson.Fragment:
    if isinstance(value, Number):
        return orjson.Fragment(value.digits)
    raise TypeError(f"{type(value).__name__} is nothing that JSON has")


def _read_whole_number(digits: str) -> int | Number:
    """Keep the digits of what orjson does not take for whole, beyond 64 bits, and of -0."""
    whole = len(digits) <= _MOST_DIGITS and digits != "-0" and -(2**63) <= int(digits) < 2**64
    return int(digits) if whole else Number(digits)


def _reasons(error: Mapping[str, Any]) -> Generator[str, None, None]:
    """Walk down to the shard failures and causes, where the useful words are."""
    said = error.get("reason", error.get("message"))
    if isinstance(said, str) and said != "all shards failed":
        yield said
    for failed in error.get("failed_shards") or ():
        reason = failed.get("reason")
        if isinstance(reason, Mapping):
            yield from _reasons(reason)
    cause = error.get("caused_by")
    if isinstance(cause, Mapping):
        yield from _reasons(cause)


def _is_passing(cause: Mapping[str, Any]) -> bool:
    kind = str(cause.get("type", ""))
    if kind in _PASSING or "circuit_break" in kind:
        return True
    # k-NN reports its memory limit as the cause of what looks like a malformed passage.
    return kind == "illegal_state_exception" and "circuit breaker" in str(cause.get("reason", ""))


def _causes(error: Any) -> Generator[Mapping[str, Any], None, None]:
    """Give an error and all that caused it."""
    while isinstance(error, Mapping):
        yield error
        error = error.get("caused_by")
