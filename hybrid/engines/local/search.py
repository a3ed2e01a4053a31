"""A question becomes an answer: analyse, score every passage, rank, read the best."""

import time
from collections.abc import Sequence

import numpy as np
import orjson

from ...errors import StorageError
from ...fusion import expect_sim
from ...passages import Hit, SearchResult
from ...requests import MAX_QUESTION_CHARS, MAX_TERMS, SearchRequest
from . import ranking
from .analysis import Analyze
from .dense import Dense, Walk, scan
from .ranking import Ranked, Scores, Wanted
from .reader import Reader, State

#: Sims held at once when many questions are asked together.
_SIMS_AT_ONCE = 2**24


def search(reader: Reader, analyze: Analyze, requests: Sequence[SearchRequest]) -> list[SearchResult]:
    """Answer questions; the sims of several are computed together."""
    results: list[SearchResult] = []
    while len(results) < len(requests):
        state = reader.state()
        size = max(1, _SIMS_AT_ONCE // max(1, len(state.view)))
        some = requests[len(results) : len(results) + size]
        started = time.monotonic()
        sides = _open_dense(state, some)
        share = (time.monotonic() - started) / len(some)
        for request, own in zip(some, sides, strict=True):
            results.append(_answer(reader, analyze, request, state, own, share))
    return results


def _answer(
    reader: Reader, analyze: Analyze, request: SearchRequest, state: State, dense: Dense | None, spent: float
) -> SearchResult:
    started = time.monotonic() - spent
    terms = analyze(request.question[:MAX_QUESTION_CHARS])
    cut = len(request.question) > MAX_QUESTION_CHARS or len(terms) > MAX_TERMS
    hits = _hits(reader, request, state, terms[:MAX_TERMS], dense)
    if hits is None:
        # The index changed between two steps: do all of them at one commit.
        with reader.hold() as newest:
            (dense,) = _open_dense(newest, [request])
            hits = _hits(reader, request, newest, terms[:MAX_TERMS], dense)
    if hits is None:
        raise StorageError(
            f"The index in {reader.folder} is damaged: its arrays name passages that it does not have; bring the "
            "folder back from a copy, or make the index anew."
        )
    took = (time.monotonic() - started) * 1000
    return SearchResult(request.question, request.mode, request.lam, took, hits, question_cut=cut)


def _open_dense(state: State, requests: Sequence[SearchRequest]) -> list[Dense | None]:
    """Give the dense side of each question; those that are compared with every vector are so together."""
    scanned = [place for place, one in enumerate(requests) if one.vector is not None and _scans(one, state)]
    scans = scan(state.view, [one for place in scanned if (one := requests[place].vector) is not None])
    sides: list[Dense | None] = [None if one.vector is None else Walk(state.view, one.vector) for one in requests]
    for place, side in zip(scanned, scans, strict=True):
        sides[place] = side
    return sides


def _scans(request: SearchRequest, state: State) -> bool:
    return request.dense != "ann" or not state.view.has_graph


def _hits(
    reader: Reader, request: SearchRequest, state: State, terms: Sequence[str], dense: Dense | None
) -> tuple[Hit, ...] | None:
    """Give the best k passages; None where the index has changed since and one of them may be gone."""
    view, profile = state.view, state.profile
    lexical = ranking.score_terms(view, terms, profile.k1, profile.b)
    k = min(request.k, request.depth) if request.mode == "lexical" else request.k
    wanted = Wanted(k, request.mode, request.lam, request.depth, profile.sim_prior, profile.max_norm)
    open_to = reader.filter_rows(state, request.filters)
    if open_to is None:
        return None
    ranked = ranking.rank(view, request.vector, lexical, dense, open_to, wanted)
    slots = [int(slot) for slot in view.slots[ranked.rows]]
    columns = "id, title, text, meta" if request.text else "id"
    stored = reader.fetch(slots, columns)
    if len(stored) < len(slots):
        return None
    order = sorted(range(len(slots)), key=lambda place: (-ranked.scores[place], stored[slots[place]][0]))
    return tuple(
        _to_hit(rank, stored[slots[place]], ranked, place, request, state)
        for rank, place in enumerate(order[:k], start=1)
    )


def _to_hit(
    rank: int, stored: tuple[str, ...], ranked: Ranked, place: int, request: SearchRequest, state: State
) -> Hit:
    bm25, sim = float(ranked.bm25[place]), _number(ranked.sims, place)
    title, text, meta = stored[1:] if request.text else ("", "", "{}")
    expected = expect_sim(bm25, state.profile.sim_prior) if request.mode == "hybrid" and sim is None else None
    return Hit(
        rank=rank,
        id=stored[0],
        score=float(ranked.scores[place]),
        bm25=bm25,
        sim=sim,
        title=title,
        text=text,
        meta=orjson.loads(meta),
        sim_expected=expected,
    )


def _number(values: Scores, place: int) -> float | None:
    return None if np.isnan(values[place]) else float(values[place])
