"""The field that holds a document's vectors, and the clauses that look into it.

It holds one vector, or with ``split_words`` one nested object for each of the document's passages. Then the nearest
passage counts, and sim is that passage's: clauses from here are the same to whoever puts a query together.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ...passages import ID, Vector
from ...profile import Profile
from ..spec import IndexSpec

Clause = dict[str, Any]
Body = dict[str, Any]

#: Holds the vector inside a nested object.
VECTOR = "vector"
#: Names the script field, or the inner hits, that tell sim.
SIM = "sim"

_READ_SIM = (
    "def sim = null;if (doc[params.field].size() != 0) { sim = innerProduct(params.q, doc[params.field]) }return sim;"
)


def build_field(profile: Profile, spec: IndexSpec) -> Body:
    """Write the mapping of the field."""
    vector = {
        "type": "knn_vector",
        "dimension": profile.dimension,
        "method": {
            "name": "hnsw",
            "engine": spec.engine,
            "space_type": "innerproduct",
            "parameters": {"m": spec.m, "ef_construction": spec.ef_construction},
        },
    }
    if not profile.split_words:
        return vector
    return {"type": "nested", "dynamic": "strict", "properties": {VECTOR: vector}}


def read_dimension(profile: Profile, properties: Mapping[str, Any]) -> Any:
    """Give the dimension that a mapping says."""
    field = properties[profile.vector_field]
    return (field.get("properties", {}).get(VECTOR, {}) if profile.split_words else field).get("dimension")


def is_vector_of(profile: Profile, stored: Any) -> bool:
    """Tell whether what is stored in the field is what was written there."""
    several = stored if isinstance(stored, list) else [stored]
    vectors = [one.get(VECTOR) for one in several if isinstance(one, dict)] if profile.split_words else [stored]
    return bool(vectors) and all(isinstance(one, list) and len(one) == profile.dimension for one in vectors)


def has_vector(profile: Profile) -> Clause:
    """Match documents that have a vector."""
    return _of_nearest({"exists": {"field": path_of(profile)}}, profile)


def path_of(profile: Profile) -> str:
    """Give the name by which a vector is read."""
    return f"{profile.vector_field}.{VECTOR}" if profile.split_words else profile.vector_field


def walk_graph(profile: Profile, near: Mapping[str, Any], filters: Sequence[Any] = ()) -> Clause:
    """Find the documents nearest to a vector by the graph; ``near`` is the vector and how many are wanted."""
    narrowed = dict(near)
    if filters:
        # Of a filter that might be one on nested objects k-NN takes it for one on ours; no passage has an id.
        own = [{"exists": {"field": ID}}] if profile.split_words else []
        narrowed["filter"] = {"bool": {"filter": [*own, *filters]}}
    return _of_nearest({"knn": {path_of(profile): narrowed}}, profile)


def score_all(profile: Profile, vector: Vector) -> Clause:
    """Score every document by k-NN's own script, those without a vector by 0."""
    if not profile.split_words:
        return _score(profile, vector, {"match_all": {}})
    return {"bool": {"must": [{"match_all": {"boost": 0}}], "should": [_score_nearest(profile, vector)]}}


def score_encoded(profile: Profile, vector: Vector, filters: Sequence[Mapping[str, Any]]) -> Clause:
    """Score every document that has a vector and meets the filters, and match no other."""
    if not profile.split_words:
        return _score(profile, vector, {"bool": {"filter": [has_vector(profile), *filters]}})
    return {"bool": {"must": [_score_nearest(profile, vector)], "filter": list(filters)}}


def tell_sim(profile: Profile, vector: Vector, query: Clause) -> Body:
    """Build the part of a body by which each hit of a query tells its sim."""
    if not profile.split_words:
        params = {"field": profile.vector_field, "q": vector}
        return {"query": query, "script_fields": {SIM: {"script": {"source": _READ_SIM, "params": params}}}}
    inner = {"name": SIM, "size": 1, "_source": False, "stored_fields": "_none_"}
    told = {"filter": [{"match_all": {}}], "should": [_score_nearest(profile, vector, inner_hits=inner)]}
    return {"query": {"bool": {"must": [query], "filter": [{"bool": told}]}}}


def read_sim(hit: Mapping[str, Any]) -> float | None:
    """Give what a hit tells: None for a document without a vector, or if it was not asked."""
    if "inner_hits" in hit:
        nearest = hit["inner_hits"][SIM]["hits"]["hits"]
        return unscore(float(nearest[0]["_score"])) if nearest else None
    values = hit.get("fields", {}).get(SIM)
    return None if not values or values[0] is None else float(values[0])


def unscore(score: float) -> float:
    """Give the dot product that k-NN makes a score of."""
    return score - 1 if score >= 1 else 1 - 1 / score


def _score_nearest(profile: Profile, vector: Vector, **more: Any) -> Clause:
    return _of_nearest(_score(profile, vector, {"match_all": {}}), profile, **more)


def _score(profile: Profile, vector: Vector, query: Clause) -> Clause:
    """Score what a query matches; k-NN's script reads the question's vector once, not for each passage."""
    params = {"field": path_of(profile), "query_value": vector, "space_type": "innerproduct"}
    return {"script_score": {"query": query, "script": {"lang": "knn", "source": "knn_score", "params": params}}}


def _of_nearest(query: Clause, profile: Profile, **more: Any) -> Clause:
    """Let the best passage count for its document."""
    if not profile.split_words:
        return query
    return {"nested": {"path": profile.vector_field, "score_mode": "max", "query": query, **more}}
