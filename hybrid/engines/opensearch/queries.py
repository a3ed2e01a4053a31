"""Search bodies as pure functions: a ``SearchRequest`` and a ``Target`` in, JSON-ready dicts out; no client in sight.

A search by one side is one ``_search``. A hybrid search is two in one ``_msearch``: A takes the best passages by BM25
and adds λ · sim to each, B takes the best by sim and adds BM25, so every candidate has both true scores and a passage
in both lists has one sum. The best k of the union lie inside the two lists' best k, which is why each list returns
little more than k although 2000 were weighed.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ... import fusion
from ...passages import CONTENTS, ID, META, TEXT, TITLE, Vector
from ...profile import Profile
from ...requests import SearchRequest
from . import vector_field
from .layout import source_of
from .vector_field import Body as Body
from .vector_field import Clause as Clause

#: How long a point in time outlives the last search in it.
KEEP_ALIVE = "10m"
#: Hits beyond k asked of each list, so that ties at rank k can be broken by id.
SPARE = 16
#: The graph is asked for at least this many: with k = 100 it misses a tenth of the best 100 at worst, with 2000 none.
MIN_GRAPH_K = 2000
#: Below this λ · sim is too flat in float32 to choose the best by sim from.
SMALL_LAMBDA = 0.1
#: Name of the query whose score is BM25.
BM25 = "bm25"

_SOURCE = (TITLE, TEXT, META)


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
    #: Whether the profile is the one that questions use, not another one that is being filled in.
    is_main: bool = True
    #: The point in time that is searched; the newest state without.
    snapshot: str | None = None
    #: What scores a question's text in the place of BM25 over ``contents``, such as a page's own clauses.
    text: Callable[[str], Clause] | None = None

    @property
    def is_alias(self) -> bool:
        """Whether the name stands for other indexes."""
        return self.indexes != (self.name,)


def search_options(request: SearchRequest, target: Target, preference: str) -> dict[str, str]:
    """Build what stands outside a search's body: one preference, whole results or none, global statistics.

    A point in time has its copies of the shards already, and OpenSearch refuses a preference beside it.
    """
    options = {"allow_partial_search_results": "false"}
    if target.snapshot is None:
        options["preference"] = preference
    if target.shards > 1 and request.idf == "global":
        options["search_type"] = "dfs_query_then_fetch"
    return options


def hybrid_bodies(request: SearchRequest, target: Target, size: int) -> tuple[Body, Body]:
    """Build A, which starts from BM25 and adds λ · sim, and B, which starts from λ · sim and adds BM25."""
    text, near, any_sim = match(request, target), nearest(request, target), sim_of_any(request, target)
    matching = _filtered(text, request)
    # What the graph finds of several passages need not be the nearest one.
    if size > request.depth or request.lam < SMALL_LAMBDA or target.profile.split_words:
        lexical = dense = _in_window(request, {"bool": {"must": [any_sim], "should": [text]}})
    else:
        near = _lifted_sim(near, request, target.profile)
        lexical, dense = _rescore(any_sim, request.depth), _rescore(text, request.depth)
    return _body(request, target, matching, lexical, size), _body(request, target, near, dense, size)


def lexical_body(request: SearchRequest, target: Target, size: int) -> Body:
    """Build a search by BM25 alone; ties are broken by id, on the server unless the list is asked for whole."""
    text = match(request, target)
    ranked = _in_window(request, text) if size > request.depth else {"sort": [{"_score": "desc"}, {ID: "asc"}]}
    return _body(request, target, _filtered(text, request), ranked, size)


def dense_body(request: SearchRequest, target: Target, size: int) -> Body:
    """Build a search by sim alone; each hit's BM25 comes along as the score of the named query ``BM25``."""
    text, named = match(request, target), match(request, target)
    (named["match"][CONTENTS] if target.text is None else named["bool"])["_name"] = BM25
    everything = {"bool": {"should": [{"match_all": {}}, named]}}
    query = {"bool": {"must": [nearest(request, target)], "filter": [everything]}}
    # Any of them makes the shards exchange the statistics of the question's terms; the first adds nothing.
    ranked = _rescore(text, size, weight=0)
    if target.profile.split_words:
        nearest_of_each = vector_field.score_all(target.profile, _vector(request))
        ranked = {"rescore": [ranked["rescore"], _in_window(request, nearest_of_each)["rescore"]]}
    elif size > request.depth:
        ranked = _in_window(request, {"bool": {"must": [{"match_all": {}}], "should": [text]}})
    return _body(request, target, query, ranked, size)


def at_point(snapshot: str) -> Body:
    """Build what makes a body search a point in time, and keeps that alive."""
    return {"pit": {"id": snapshot, "keep_alive": KEEP_ALIVE}}


def match(request: SearchRequest, target: Target, weight: float = 1.0) -> Clause:
    """Build the lexical side; a legacy similarity's factor is taken out again."""
    if target.text is not None:
        return {"bool": {"must": [target.text(request.question)], "boost": weight}}
    clause: Clause = {"query": request.question}
    boost = weight / target.bm25_factor
    if boost != 1.0:
        clause["boost"] = boost
    return {"match": {CONTENTS: clause}}


def nearest(request: SearchRequest, target: Target) -> Clause:
    """Build the dense side: the graph's best, or every passage with a vector scored by a script."""
    if request.dense == "exact":
        return vector_field.score_encoded(target.profile, _vector(request), request.filters)
    near = {"vector": _vector(request), "k": graph_k(request)}
    return vector_field.walk_graph(target.profile, near, request.filters)


def sim_of_any(request: SearchRequest, target: Target, *, clipped: bool = False) -> Clause:
    """Build ``λ · (sim + c)`` of any passage: without a vector, a from the script and b · BM25 from here.

    ``clipped`` leaves c out, and takes a product below 0 for 0.
    """
    profile = target.profile
    build = _clipped_sim if clipped else _lifted_sim
    sim = build(vector_field.score_all(profile, _vector(request)), request, profile)
    weight = request.lam * profile.sim_prior.b
    if weight == 0:
        return sim
    unencoded = {"bool": {"must_not": [vector_field.has_vector(profile)]}}
    expected = {"bool": {"must": [match(request, target, weight)], "filter": [unencoded]}}
    return {"bool": {"must": [sim], "should": [expected]}}


def tell_sim(request: SearchRequest, target: Target, query: Clause) -> Body:
    """Build the part of a body by which each hit of a query tells its sim."""
    return vector_field.tell_sim(target.profile, _vector(request), query)


def graph_k(request: SearchRequest) -> int:
    """Give how many passages the graph is asked for."""
    return max(request.depth, MIN_GRAPH_K)


def shift(request: SearchRequest, profile: Profile) -> float:
    """Give what lifts every score of a hybrid search."""
    return fusion.shift(request.lam, _lift(request, profile))


def floor(request: SearchRequest, profile: Profile) -> float:
    """Give the sim below which a score is cut off at 0: none, unless the profile's ``max_norm`` is out of date."""
    return -_lift(request, profile)


def _rescore(query: Clause, window: int, weight: int = 1) -> Body:
    """Add the score of ``query`` to the best ``window`` hits of each shard."""
    weights = {"query_weight": 1, "rescore_query_weight": weight, "score_mode": "total"}
    return {"rescore": {"window_size": window, "query": {**weights, "rescore_query": query}}}


def _in_window(request: SearchRequest, query: Clause) -> Body:
    """Score the best ``depth`` hits of each shard by ``query`` alone, and leave 0 to what lies beyond.

    For lists that are asked for whole: several shards give more than their windows, and that must be told apart.
    """
    weights = {"query_weight": 0, "rescore_query_weight": 1, "score_mode": "total"}
    return {"rescore": {"window_size": request.depth, "query": {**weights, "rescore_query": query}}}


def _lifted_sim(query: Clause, request: SearchRequest, profile: Profile) -> Clause:
    """Build ``λ · (sim + c)`` of a query that k-NN has scored."""
    params = {"lambda": request.lam, "a": profile.sim_prior.a, "c": _lift(request, profile)}
    return {"script_score": {"query": query, "script": {"source": fusion.SHIFTED_SIM, "params": params}}}


def _clipped_sim(query: Clause, request: SearchRequest, profile: Profile) -> Clause:
    params = {"lambda": request.lam, "a": profile.sim_prior.a}
    return {"script_score": {"query": query, "script": {"source": fusion.CLIPPED_SIM, "params": params}}}


def _lift(request: SearchRequest, profile: Profile) -> float:
    return fusion.lift(request.vector_norm, profile.max_norm, profile.sim_prior)


def _filtered(query: Clause, request: SearchRequest) -> Clause:
    if not request.filters:
        return query
    return {"bool": {"must": [query], "filter": list(request.filters)}}


def _body(request: SearchRequest, target: Target, query: Clause, ranked: Body, size: int) -> Body:
    """Ask for the least: no total, never a vector, and without text nothing that lies in stored fields.

    Stored fields are compressed together with the vectors in ``_source``; not to open them halves a search for ids.
    """
    told = {"query": query} if request.vector is None else tell_sim(request, target, query)
    body = {"query": told["query"], **ranked, "size": size, "track_total_hits": False, "docvalue_fields": [ID]}
    body |= {"_source": source_of(_SOURCE, target.profile)} if request.text else {"stored_fields": "_none_"}
    if target.snapshot is not None:
        body |= at_point(target.snapshot)
    return body | told


def _vector(request: SearchRequest) -> Vector:
    if request.vector is None:
        raise ValueError("the dense side was asked for without a vector")
    return request.vector
