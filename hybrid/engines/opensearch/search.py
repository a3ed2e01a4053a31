"""A question becomes an answer: analyse, ask, merge; one round trip unless something is out of the ordinary."""

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

from ...errors import ClusterError, FilterError, PartialResultError, ProfileError, RefusedError
from ...fusion import order
from ...passages import CONTENTS, SearchResult
from ...requests import MAX_QUESTION_CHARS, MAX_TERMS, SearchRequest
from . import queries
from .calls import Call, Conversation, ask, check, encode, encode_lines, refusal
from .hits import READERS, Found, to_hit
from .lifecycle import open_target
from .queries import SPARE, Target

#: Scores this close, relatively, may be one score: float32 sums of the same terms in another order.
TIE = 2e-5
#: What OpenSearch calls a question with more terms than Lucene takes.
_TOO_MANY = ("too_many_clauses", "too_many_nested_clauses", "maxClauseCount")
#: What OpenSearch calls a filter that it cannot read.
_MALFORMED = ("parsing_exception", "x_content_parse_exception", "query_shard_exception", "illegal_argument_exception",
              "number_format_exception", "parse_exception", "named_object_not_found_exception")  # fmt: skip


def search(target: Target, request: SearchRequest, preference: str) -> Conversation[SearchResult]:
    """Answer one question."""
    started = time.monotonic()
    shortened = yield from _shorten(request, target)
    shortened, found = yield from _ask_shorter(shortened, target, preference)
    if _clipped(found, shortened, target):
        target = yield from _reopen(target)
        found = yield from _ask_mode(shortened, target, preference)
    hits = tuple(to_hit(one, rank) for rank, one in enumerate(order(found)[: request.k], start=1))
    return SearchResult(
        question=request.question,
        mode=request.mode,
        lam=request.lam,
        took_ms=(time.monotonic() - started) * 1000,
        hits=hits,
        question_cut=shortened.question != request.question,
    )


def build_call(request: SearchRequest, target: Target, preference: str, size: int) -> Call:
    """Build the one round trip that a request's mode needs."""
    options = queries.search_options(request, target, preference)
    if request.mode == "hybrid":
        header = {"index": target.name, **options}
        lexical, dense = queries.hybrid_bodies(request, target, size)
        return Call("POST", "/_msearch", encode_lines(header, lexical, header, dense), ndjson=True)
    build = queries.lexical_body if request.mode == "lexical" else queries.dense_body
    options["include_named_queries_score"] = "true"
    return Call("POST", f"/{target.name}/_search", encode(build(request, target, size)), options)


def first_size(request: SearchRequest) -> int:
    """Give how many hits to ask for: a few to spare, except where the server itself breaks ties by id."""
    spare = 0 if request.mode == "lexical" else SPARE
    return min(request.k + spare, request.depth)


def _ask_shorter(
    request: SearchRequest, target: Target, preference: str
) -> Conversation[tuple[SearchRequest, list[Found]]]:
    """Ask, with half of the question each time that Lucene finds it too long; give what was asked in the end."""
    while True:
        try:
            return request, (yield from _ask_mode(request, target, preference))
        except RefusedError as error:
            request = _halve(request, error)


def _ask_mode(request: SearchRequest, target: Target, preference: str) -> Conversation[list[Found]]:
    """Give the candidates, each once, among which the best k are."""
    size = first_size(request)
    lists = yield from _ask(request, target, preference, size)
    if request.mode != "lexical" and _tied_beyond(lists, request, size):
        lists = yield from _ask(request, target, preference, request.depth)
    return _union(lists)


def _ask(request: SearchRequest, target: Target, preference: str, size: int) -> Conversation[list[list[Found]]]:
    what = f"search {target.name}"
    answer = yield build_call(request, target, preference, size)
    if request.mode == "hybrid":
        responses = check(answer, what)["responses"]
    else:
        responses = [answer.body if answer.ok else {"error": answer.body, "status": answer.status}]
    for response in responses:
        _check_response(response, request, what)
    read = READERS[request.mode]
    return [[read(hit, request, target.profile) for hit in response["hits"]["hits"]] for response in responses]


def _union(lists: list[list[Found]]) -> list[Found]:
    """Merge the lists; of a passage in both the lexical list's reading counts.

    The graph sums a dot product in another order than the script, so the two may differ in the last bits. One reading
    for all keeps equal passages equal.
    """
    return list({one.id: one for found in reversed(lists) for one in found}.values())


def _tied_beyond(lists: list[list[Found]], request: SearchRequest, size: int) -> bool:
    """Tell whether a list may go on, past its last hit, with passages that tie with the k-th."""
    if size >= request.depth:
        return False
    ranked = order(_union(lists))
    if len(ranked) < request.k:
        return False
    kth = ranked[request.k - 1].score
    margin = TIE * max(1.0, abs(kth))
    return any(len(found) == size and found[-1].score >= kth - margin for found in lists)


def _clipped(found: list[Found], request: SearchRequest, target: Target) -> bool:
    """Tell whether a vector is longer than the profile knows, so that its score was cut off at 0."""
    floor = queries.floor(request, target.profile)
    return request.mode == "hybrid" and any(one.sim is not None and one.sim < floor for one in found)


def _reopen(target: Target) -> Conversation[Target]:
    """Read the profile anew: a writer raises ``max_norm`` before it writes a longer vector."""
    fresh = yield from open_target(target.name)
    if fresh.profile == target.profile:
        raise ProfileError(
            f"{target.name} holds a vector longer than the {target.profile.max_norm:g} in its profile, so its scores "
            "would be wrong; something other than hybrid wrote it: write it again through hybrid."
        )
    return fresh


def _check_response(response: Mapping[str, Any], request: SearchRequest, what: str) -> None:
    if "error" in response:
        raise _explain(refusal(response.get("status", 500), response, what), request)
    shards = response["_shards"]
    if response["timed_out"] or shards["failed"]:
        raise PartialResultError(
            f"Cannot {what}: {shards['failed']} of {shards['total']} shards failed"
            f"{' and the search ran out of time' if response['timed_out'] else ''}; hits would be missing."
        )


def _explain(error: Exception, request: SearchRequest) -> Exception:
    """Name the filter where it is to blame, and the shard where one failed."""
    if not isinstance(error, RefusedError):
        return error
    if request.filters and error.kind in _MALFORMED and not _is_too_many(error):
        return FilterError(f"OpenSearch cannot use the filter: {str(error).split(': ', 2)[-1]}")
    if error.kind == "search_phase_execution_exception" and not _is_too_many(error):
        return PartialResultError(f"{error}; hits would be missing.")
    return error


def _is_too_many(error: ClusterError) -> bool:
    return any(word in str(error) or word in getattr(error, "kind", "") for word in _TOO_MANY)


def _halve(request: SearchRequest, error: RefusedError) -> SearchRequest:
    """Give the request with half of its question if that was too long; raise the error if not."""
    words = request.question.split()
    if not _is_too_many(error) or len(words) < 2:
        raise error
    return dataclasses.replace(request, question=" ".join(words[: len(words) // 2]))


def _shorten(request: SearchRequest, target: Target) -> Conversation[SearchRequest]:
    """Leave the first ``MAX_TERMS`` analysed terms of a question; one of so few characters cannot have more."""
    if len(request.question) <= MAX_TERMS:
        return request
    body = encode({"field": CONTENTS, "text": request.question[:MAX_QUESTION_CHARS]})
    tokens = (yield from ask(Call("POST", f"/{target.indexes[0]}/_analyze", body), what="analyse the question"))[
        "tokens"
    ]
    # Offsets count UTF-16 units.
    units = request.question[:MAX_QUESTION_CHARS].encode("utf-16-le")
    if len(tokens) > MAX_TERMS:
        units = units[: 2 * tokens[MAX_TERMS - 1]["end_offset"]]
    return dataclasses.replace(request, question=units.decode("utf-16-le", "ignore"))
