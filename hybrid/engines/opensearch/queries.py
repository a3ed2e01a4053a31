"""Search bodies as pure functions: a ``SearchRequest`` and a ``Target`` in, JSON-ready dicts out; no client in sight.

A search by one side is one ``_search``. A hybrid search is two in one ``_msearch``: A proposes the best passages by
BM25, B the best by sim, and both are put in order by the same query T, so a passage that both propose has one score.
The best k of the union lie inside the two lists' best k, which is why each list returns little more than k although
2000 were weighed.
"""

from dataclasses import dataclass
from typing import Any

from ... import fusion
from ...passages import CONTENTS, ID, META, TEXT, TITLE, Vector
from ...profile import Profile
from ...requests import SearchRequest

Clause = dict[str, Any]
Body = dict[str, Any]

#: Hits beyond k asked of each list, so that ties at rank k can be broken by id.
SPARE = 32
#: The graph is asked for at least this many: with k = 100 it misses a tenth of the best 100 at worst, with 2000 none.
MIN_GRAPH_K = 2000
#: Names of the script field that carries sim, and of the query whose score is BM25.
SIM = "sim"
BM25 = "bm25"

_READ_SIM = (
    "def sim = null;if (doc[params.field].size() != 0) { sim = innerProduct(params.q, doc[params.field]) }return sim;"
)
_SOURCE = [TITLE, TEXT, META]


@dataclass(frozen=True, slots=True)
class Target:
    """What a query must know of an index on a cluster."""

    name: str
    #: The concrete indexes behind the name.
    indexes: tuple[str, ...]
    profile: Profile
    shards: int
    #: What this cluster's similarity multiplies Lucene's BM25 by: 1, or k1 + 1 for ``LegacyBM25``.
    bm25_factor: float = 1.0

    @property
    def is_alias(self) -> bool:
        """Whether the name stands for other indexes."""
        return self.indexes != (self.name,)


def search_options(request: SearchRequest, target: Target, preference: str) -> dict[str, str]:
    """Build what stands outside a search's body: one preference, whole results or none, global statistics."""
    options = {"preference": preference, "allow_partial_search_results": "false"}
    if target.shards > 1 and request.idf == "global":
        options["search_type"] = "dfs_query_then_fetch"
    return options


def hybrid_bodies(request: SearchRequest, target: Target, size: int) -> tuple[Body, Body]:
    """Build A and B, both in the order of T."""
    rescore = {
        "window_size": request.depth,
        "query": {
            "query_weight": 0,
            "rescore_query_weight": 1,
            "rescore_query": true_score(request, target),
        },
    }
    common = {**_returned(request, target), "size": size, "rescore": rescore}
    lexical = {"query": _filtered(match(request, target), request), **common}
    dense = {"query": nearest(request, target), **common}
    return lexical, dense


def lexical_body(request: SearchRequest, target: Target, size: int) -> Body:
    """Build a search by BM25 alone; ties are broken by id on the server."""
    return {
        "query": _filtered(match(request, target), request),
        "sort": [{"_score": "desc"}, {ID: "asc"}],
        "size": size,
        **_returned(request, target),
    }


def dense_body(request: SearchRequest, target: Target, size: int) -> Body:
    """Build a search by sim alone; each hit's BM25 comes along as the score of the named query ``BM25``."""
    named = match(request, target)
    named["match"][CONTENTS]["_name"] = BM25
    everything = {"bool": {"should": [{"match_all": {}}, named]}}
    return {
        "query": {"bool": {"must": [nearest(request, target)], "filter": [everything]}},
        # Adds nothing to the score. Without it the shards would not exchange the statistics of the question's terms.
        "rescore": {
            "window_size": size,
            "query": {"rescore_query_weight": 0, "rescore_query": match(request, target)},
        },
        "size": size,
        **_returned(request, target),
    }


def match(request: SearchRequest, target: Target) -> Clause:
    """Build the lexical side; the boost takes a legacy similarity's factor out again."""
    clause: Clause = {"query": request.question}
    if target.bm25_factor != 1.0:
        clause["boost"] = 1 / target.bm25_factor
    return {"match": {CONTENTS: clause}}


def nearest(request: SearchRequest, target: Target) -> Clause:
    """Build the dense side: the graph's best, or every passage with a vector scored by a script."""
    if request.dense == "exact":
        return _scan(request, target)
    graph: Clause = {"vector": _vector(request), "k": graph_k(request)}
    if request.filters:
        graph["filter"] = {"bool": {"filter": list(request.filters)}}
    return {"knn": {target.profile.vector_field: graph}}


def graph_k(request: SearchRequest) -> int:
    """Give how many passages the graph is asked for."""
    return max(request.depth, MIN_GRAPH_K)


def true_score(request: SearchRequest, target: Target) -> Clause:
    """Build T: ``BM25 + λ · sim`` lifted by ``shift(request, profile)``, for any passage."""
    profile, lam = target.profile, request.lam
    text = match(request, target)
    sim = {
        "script_score": {
            "query": _dot_product(request, profile, {"match_all": {}}),
            "script": {
                "source": fusion.SHIFTED_SIM,
                "params": {"lambda": lam, "a": profile.sim_prior.a, "c": _lift(request, profile)},
            },
        }
    }
    unencoded = {"bool": {"must_not": [{"exists": {"field": profile.vector_field}}]}}
    # Without a vector sim is a + b · BM25: a comes with the script, b · BM25 as a weight on the match.
    weighted = {
        "function_score": {
            "query": text,
            "functions": [{"filter": unencoded, "weight": 1 + lam * profile.sim_prior.b}],
            "boost_mode": "multiply",
        }
    }
    return {"bool": {"must": [sim], "should": [weighted]}}


def shift(request: SearchRequest, profile: Profile) -> float:
    """Give what T adds to every score."""
    return request.lam * _lift(request, profile)


def floor(request: SearchRequest, profile: Profile) -> float:
    """Give the sim below which T clips, which cannot be unless the profile's ``max_norm`` is out of date."""
    return -_lift(request, profile)


def _lift(request: SearchRequest, profile: Profile) -> float:
    return fusion.lift(request.vector_norm, profile.max_norm, profile.sim_prior)


def _scan(request: SearchRequest, target: Target) -> Clause:
    profile = target.profile
    encoded = {"bool": {"filter": [{"exists": {"field": profile.vector_field}}, *request.filters]}}
    return _dot_product(request, profile, encoded)


def _dot_product(request: SearchRequest, profile: Profile, query: Clause) -> Clause:
    """Build k-NN's own script over ``query``: it reads the question's vector once, not for each passage."""
    params = {
        "field": profile.vector_field,
        "query_value": _vector(request),
        "space_type": "innerproduct",
    }
    return {"script_score": {"query": query, "script": {"lang": "knn", "source": "knn_score", "params": params}}}


def _filtered(query: Clause, request: SearchRequest) -> Clause:
    if not request.filters:
        return query
    return {"bool": {"must": [query], "filter": list(request.filters)}}


def _returned(request: SearchRequest, target: Target) -> Body:
    """Ask for the least: what a hit shows, never its vector, no total."""
    body: Body = {"track_total_hits": False, "_source": _SOURCE if request.text else False}
    if request.vector is not None:
        params = {"field": target.profile.vector_field, "q": request.vector}
        body["script_fields"] = {SIM: {"script": {"source": _READ_SIM, "params": params}}}
    return body


def _vector(request: SearchRequest) -> Vector:
    if request.vector is None:
        raise ValueError("the dense side was asked for without a vector")
    return request.vector
