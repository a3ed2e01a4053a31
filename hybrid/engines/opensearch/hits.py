"""Reading answers: a hit of OpenSearch in, both true scores and the passage out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ... import fusion
from ...passages import ID, META, TEXT, TITLE, Hit, Mode
from ...profile import Profile
from ...requests import SearchRequest
from . import queries
from .layout import present
from .vector_field import read_sim

#: float32 has 24 bits; a sum of a few terms is off by a few units in the last of them.
_FLOAT32_NOISE = 8 * 2.0**-24


@dataclass(slots=True)
class Found:
    """A hit with its scores, not yet ranked."""

    id: str
    #: Behind an alias of several indexes one id may name several passages.
    index: str
    score: float
    bm25: float
    sim: float | None
    sim_expected: float | None
    source: Mapping[str, Any]


Reader = Callable[[Mapping[str, Any]], Found]


def hybrid_reader(request: SearchRequest, profile: Profile) -> Reader:
    """Give what reads a hit that has the sum of both sides: it takes the shift off, then splits the score in two."""
    prior, lam, shift = profile.sim_prior, request.lam, queries.shift(request, profile)

    def read(hit: Mapping[str, Any]) -> Found:
        lifted = float(hit["_score"])
        score, sim = lifted - shift, read_sim(hit)
        bm25 = fusion.split_score(score, sim, lam, prior)
        # No BM25 is below 0, and one within the noise of the sum, or of λ times k-NN's 1 + d, is none.
        if bm25 <= _FLOAT32_NOISE * max(lifted, shift, lam * (1 + abs(sim or 0.0))):
            bm25 = 0.0
            score = fusion.fuse(0.0, prior.a if sim is None else sim, lam)
        expected = fusion.expect_sim(bm25, prior) if sim is None else None
        return Found(_id(hit), hit["_index"], score, bm25, sim, expected, present(hit.get("_source", {}), profile))

    return read


def lexical_reader(_request: SearchRequest, profile: Profile) -> Reader:
    """Give what reads a hit whose score is BM25."""

    def read(hit: Mapping[str, Any]) -> Found:
        bm25 = float(hit["_score"])
        return Found(
            _id(hit), hit["_index"], bm25, bm25, read_sim(hit), None, present(hit.get("_source", {}), profile)
        )

    return read


def dense_reader(_request: SearchRequest, profile: Profile) -> Reader:
    """Give what reads a hit ranked by sim; a passage without any of the question's words has no named score."""

    def read(hit: Mapping[str, Any]) -> Found:
        sim = read_sim(hit)
        if sim is None:
            raise ValueError(f"passage {_id(hit)} was found by a vector that it does not have")
        bm25 = float(hit.get("matched_queries", {}).get(queries.BM25, 0.0))
        return Found(_id(hit), hit["_index"], sim, bm25, sim, None, present(hit.get("_source", {}), profile))

    return read


READERS: Mapping[Mode, Callable[[SearchRequest, Profile], Reader]] = {
    "hybrid": hybrid_reader,
    "lexical": lexical_reader,
    "dense": dense_reader,
}


def to_hit(found: Found, rank: int) -> Hit:
    """Give a hit its rank."""
    return Hit(
        rank=rank,
        id=found.id,
        score=found.score,
        bm25=found.bm25,
        sim=found.sim,
        title=found.source.get(TITLE, ""),
        text=found.source.get(TEXT, ""),
        meta=found.source.get(META, {}),
        sim_expected=found.sim_expected,
    )


def _id(hit: Mapping[str, Any]) -> str:
    return str(hit["fields"][ID][0])
