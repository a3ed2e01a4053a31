"""What people do instead of the exact hybrid query, as conversations with the same cluster.

Each gives its best k as ``(id, bm25, sim)``; ``None`` stands where the method does not know.
"""

from typing import Any

from hybrid.engines.opensearch.calls import Call, Conversation, ask, encode, encode_lines
from hybrid.engines.opensearch.queries import Target
from hybrid.passages import CONTENTS, ID, Vector

Row = tuple[str, float | None, float | None]

#: Each side's candidates in the two-round form, as in the contract.
DEPTH = 2000
LAMBDA = 1.1
#: All variants return as little as the exact query does.
_THIN: dict[str, Any] = {"stored_fields": "_none_", "docvalue_fields": [ID], "track_total_hits": False}


def naive(target: Target, question: str, vector: Vector, k: int) -> Conversation[list[Row]]:
    """Add ``match`` and ``knn`` up in one ``bool``: a passage found by one side gets nothing of the other."""
    knn = {"knn": {target.profile.vector_field: {"vector": vector, "k": DEPTH, "boost": LAMBDA}}}
    query = {"bool": {"should": [_match(question), knn]}}
    return [(_id(hit), None, _sim(hit)) for hit in (yield from _search(target, query, vector, k))]


def bm25_alone(target: Target, question: str, vector: Vector, k: int) -> Conversation[list[Row]]:
    """Rank by BM25."""
    hits = yield from _search(target, _match(question), vector, k)
    return [(_id(hit), hit["_score"], _sim(hit)) for hit in hits]


def knn_alone(target: Target, question: str, vector: Vector, k: int) -> Conversation[list[Row]]:  # noqa: ARG001
    """Rank by the graph's best k."""
    query = {"knn": {target.profile.vector_field: {"vector": vector, "k": k}}}
    return [(_id(hit), None, _sim(hit)) for hit in (yield from _search(target, query, vector, k))]


def two_rounds(target: Target, question: str, vector: Vector, k: int) -> Conversation[list[Row]]:
    """Fetch both lists of 2000, then ask for the score that each passage lacks."""
    header = {"index": target.name}
    thin = {"size": DEPTH, **_THIN}
    knn = {"knn": {target.profile.vector_field: {"vector": vector, "k": DEPTH}}}
    first = yield from _msearch(header, {**thin, "query": _match(question)}, {**thin, "query": knn})
    bm25 = {_id(hit): hit["_score"] for hit in first[0]}
    sim = {_id(hit): _unfold(hit["_score"]) for hit in first[1]}
    without_bm25 = {"terms": {ID: [one for one in sim if one not in bm25]}}
    without_sim = {"terms": {ID: [one for one in bm25 if one not in sim]}}
    script = {
        "lang": "knn",
        "source": "knn_score",
        "params": {"field": target.profile.vector_field, "query_value": vector, "space_type": "innerproduct"},
    }
    second = yield from _msearch(
        header,
        {**thin, "query": {"bool": {"must": [_match(question)], "filter": [without_bm25]}}},
        {**thin, "query": {"script_score": {"query": {"bool": {"filter": [without_sim]}}, "script": script}}},
    )
    bm25 |= {_id(hit): hit["_score"] for hit in second[0]}
    sim |= {_id(hit): _unfold(hit["_score"]) for hit in second[1]}
    best = sorted(sim, key=lambda one: (-(bm25.get(one, 0.0) + LAMBDA * sim[one]), one))[:k]
    return [(one, bm25.get(one, 0.0), sim[one]) for one in best]


def _match(question: str) -> dict[str, Any]:
    return {"match": {CONTENTS: question}}


def _unfold(score: float) -> float:
    """Give the dot product inside a score of k-NN."""
    return score - 1 if score >= 1 else 1 - 1 / score


def _search(target: Target, query: dict[str, Any], vector: Vector, k: int) -> Conversation[list[Any]]:
    script = {
        "source": "innerProduct(params.q, doc[params.field])",
        "params": {"field": target.profile.vector_field, "q": vector},
    }
    body = {
        "query": query,
        "size": k,
        **_THIN,
        "script_fields": {"sim": {"script": script}},
    }
    answer = yield from ask(Call("POST", f"/{target.name}/_search", encode(body)), what="search")
    hits: list[Any] = answer["hits"]["hits"]
    return hits


def _id(hit: dict[str, Any]) -> str:
    return str(hit["fields"][ID][0])


def _sim(hit: dict[str, Any]) -> float:
    return float(hit["fields"]["sim"][0])


def _msearch(header: dict[str, Any], *bodies: dict[str, Any]) -> Conversation[list[list[Any]]]:
    lines = [line for body in bodies for line in (header, body)]
    answer = yield from ask(Call("POST", "/_msearch", encode_lines(*lines), ndjson=True), what="search")
    return [response["hits"]["hits"] for response in answer["responses"]]
