"""A question becomes an answer: analyse, ask, merge; one round trip unless something is out of the ordinary."""

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

from ...errors import ClusterError, FilterError, PartialResultError, RefusedError
from ...fusion import order
from ...passages import CONTENTS, Hit, SearchResult
from ...requests import MAX_TERMS, SearchRequest
from . import queries
from .calls import Call, Conversation, ask, check, encode, encode_lines, refusal
from .hits import READERS, Found, to_hit
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
    request, cut = yield from _shorten(request, target)
    while True:
        try:
            found = yield from _ask_mode(request, target, preference)
            break
        except RefusedError as error:
            request = _halve(request, error)
            cut = True
    best = order(found)[: request.k]
    hits = tuple(to_hit(one, rank) for rank, one in enumerate(best, start=1))
    took = (time.monotonic() - started) * 1000
    return SearchResult(request.question, request.mode, request.lam, took, hits, cut)


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
    return list({one.id: one for found in lists for one in found}.values())


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


def _shorten(request: SearchRequest, target: Target) -> Conversation[tuple[SearchRequest, bool]]:
    """Leave the first ``MAX_TERMS`` analysed terms of a question; short ones cannot have more."""
    if len(request.question) <= MAX_TERMS:
        return request, False
    body = encode({"field": CONTENTS, "text": request.question})
    call = Call("POST", f"/{target.name}/_analyze", body)
    tokens = (yield from ask(call, what="analyse the question"))["tokens"]
    if len(tokens) <= MAX_TERMS:
        return request, False
    # Offsets count UTF-16 units.
    units = request.question.encode("utf-16-le")[: 2 * tokens[MAX_TERMS - 1]["end_offset"]]
    return dataclasses.replace(request, question=units.decode("utf-16-le", "ignore")), True
