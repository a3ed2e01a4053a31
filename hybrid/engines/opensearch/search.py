"""A question becomes an answer: analyse, ask, merge; one round trip unless something is out of the ordinary."""

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

from ...errors import ClusterError, FilterError, PartialResultError, ProfileError, RefusedError, UnreachableError
from ...fusion import order
from ...passages import CONTENTS, SearchResult
from ...requests import MAX_DEPTH, MAX_QUESTION_CHARS, MAX_TERMS, SearchRequest
from . import queries
from .calls import Call, Conversation, ask, check, encode, encode_lines, read_error, refusal
from .hits import READERS, Found, to_hit
from .lifecycle import open_target
from .moment import blame_moment
from .queries import SPARE, Target

#: Scores this close, relatively, may be one score: float32 sums of the same terms in another order.
TIE = 2e-5
#: What OpenSearch calls a question with more terms than Lucene takes.
_TOO_MANY = ("too_many_clauses", "too_many_nested_clauses", "maxClauseCount")


def search(target: Target, request: SearchRequest, preference: str) -> Conversation[SearchResult]:
    """Answer one question."""
    started = time.monotonic()
    shortened = yield from _shorten(request, target)
    shortened, ranked = yield from _ask_shorter(shortened, target, preference)
    if _clipped(ranked, shortened, target):
        target = yield from _reopen(target)
        ranked = yield from _ask_mode(shortened, target, preference)
    hits = tuple(to_hit(one, rank) for rank, one in enumerate(ranked[: request.k], start=1))
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
        header = options if target.snapshot else {"index": target.name, **options}
        lexical, dense = queries.hybrid_bodies(request, target, size)
        return Call("POST", "/_msearch", encode_lines(header, lexical, header, dense), ndjson=True)
    build = queries.lexical_body if request.mode == "lexical" else queries.dense_body
    options["include_named_queries_score"] = "true"
    path = "/_search" if target.snapshot else f"/{target.name}/_search"
    return Call("POST", path, encode(build(request, target, size)), options)


def first_size(request: SearchRequest, target: Target) -> int:
    """Give how many hits to ask for: some to spare for ties, or whole lists if k is more than a shard proposes."""
    size = request.k + SPARE
    return size if size <= request.depth else full_size(request, target)


def full_size(request: SearchRequest, target: Target) -> int:
    """Give how many hits a list can have: every shard proposes ``depth``."""
    return min(request.depth * target.shards, MAX_DEPTH)


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
    """Give candidates in order, among which the best k are."""
    size, whole = first_size(request, target), full_size(request, target)
    lists = yield from _ask(request, target, preference, size)
    ranked = _rank(lists)
    if size < whole and len(ranked) >= request.k and _tied_beyond(lists, ranked[request.k - 1].score, size):
        ranked = _rank((yield from _ask(request, target, preference, whole)))
    return ranked


def _ask(request: SearchRequest, target: Target, preference: str, size: int) -> Conversation[list[list[Found]]]:
    what = f"search {target.name}"
    answer = yield build_call(request, target, preference, size)
    try:
        body = check(answer, what)
        responses = body["responses"] if request.mode == "hybrid" else [body]
        for response in responses:
            _check_response(response, what)
    except RefusedError as error:
        if target.snapshot is not None:
            blame_moment(error, target)
        yield from _blame_filter(error, request, target)
        _blame_shard(error)
        raise
    read = READERS[request.mode](request, target.profile)
    # A whole list goes on beyond the shards' windows, with hits that have no score.
    lists = [[hit for hit in response["hits"]["hits"] if hit["_score"] != 0] for response in responses]
    return [[read(hit) for hit in hits] for hits in lists]


def _rank(lists: list[list[Found]]) -> list[Found]:
    """Merge the lists and put them in order; of a passage in both the lexical list's reading counts.

    The graph sums a dot product in another order than the script, so the two may differ in the last bits. One reading
    for all keeps equal passages equal. Of several passages by one id, behind an alias, the best is given.
    """
    union = {(one.index, one.id): one for found in reversed(lists) for one in found}
    best: dict[str, Found] = {}
    for one in order(union.values()):
        best.setdefault(one.id, one)
    return list(best.values())


def _tied_beyond(lists: list[list[Found]], kth: float, size: int) -> bool:
    """Tell whether a list may go on, past its last hit, with passages that tie with the k-th."""
    margin = TIE * max(1.0, abs(kth))
    return any(len(found) == size and found[-1].score >= kth - margin for found in lists)


def _clipped(found: list[Found], request: SearchRequest, target: Target) -> bool:
    """Tell whether a vector is longer than the profile knows, so that its score was cut off at 0."""
    floor = queries.floor(request, target.profile)
    return request.mode == "hybrid" and any(one.sim is not None and one.sim < floor for one in found)


def _reopen(target: Target) -> Conversation[Target]:
    """Read the profile anew: a writer raises ``max_norm`` before it writes a longer vector.

    The moment and the clauses that are asked for stay.
    """
    newest = yield from open_target(target.name)
    fresh = dataclasses.replace(newest, snapshot=target.snapshot, text=target.text)
    if fresh.profile == target.profile:
        raise ProfileError(
            f"{target.name} holds a vector longer than the {target.profile.max_norm:g} in its profile, so its scores "
            "would be wrong; something other than hybrid wrote it: write it again through hybrid."
        )
    return fresh


def _check_response(response: Mapping[str, Any], what: str) -> None:
    """Raise what went wrong with one search: an error, a failed shard, or no time left."""
    if "error" in response:
        raise refusal(int(response.get("status", 500)), response, what)
    if "hits" not in response or "_shards" not in response:
        raise UnreachableError(f"Cannot {what}: what answers does not speak OpenSearch's JSON.")
    shards = response["_shards"]
    if response["timed_out"] or shards["failed"]:
        late = " and the search ran out of time" if response["timed_out"] else ""
        raise PartialResultError(
            f"Cannot {what}: {shards['failed']} of {shards['total']} shards failed{late}; hits would be missing."
        )


def _blame_filter(error: RefusedError, request: SearchRequest, target: Target) -> Conversation[None]:
    """Raise ``FilterError`` if the cluster cannot use the filter of a refused search by itself either."""
    if not request.filters or error.status != 400 or _is_too_many(error):
        return
    body = encode({"query": {"bool": {"filter": list(request.filters)}}})
    answer = yield Call("POST", f"/{target.name}/_validate/query", body, {"explain": "true"})
    if not answer.ok:
        raise FilterError(f"OpenSearch cannot read the filter: {read_error(answer.body)[1]}") from error
    if not answer.body.get("valid", True):
        raise FilterError(f"OpenSearch cannot use the filter: {error.reason}") from error


def _blame_shard(error: RefusedError) -> None:
    """Raise ``PartialResultError`` if a search was refused while it ran."""
    if error.kind == "search_phase_execution_exception" and not _is_too_many(error):
        raise PartialResultError(f"{error}; hits would be missing.") from error


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
