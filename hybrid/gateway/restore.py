"""Answers on their way back: scores become BM25 + λ · sim again, vectors stay inside, parts are shown if wanted."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..engines.opensearch import queries
from ..engines.opensearch.vector_field import read_sim
from .rewrite import Body, Question

#: Under this name a hit carries both of its parts.
PARTS = "_hybrid"


def restore(response: Body, shift: float) -> None:
    """Take what lifted every score off again, in place."""
    hits = response.get("hits", {})
    if hits.get("max_score") is not None:
        hits["max_score"] -= shift
    for hit in hits.get("hits", ()):
        if hit.get("_score") is not None:
            hit["_score"] -= shift


def strip(response: Any, fields: Sequence[str]) -> None:
    """Take ``fields`` out of every hit, in place: those of the page, of ``inner_hits`` and of ``top_hits``."""
    if isinstance(response, list):
        for part in response:
            strip(part, fields)
    if not isinstance(response, dict):
        return
    for name, value in response.items():
        if name in ("_source", "fields") and isinstance(value, dict):
            for field in fields:
                value.pop(field, None)
        elif isinstance(value, dict | list):
            strip(value, fields)


def build_parts_body(question: Question, ids: Sequence[str]) -> Body:
    """Build the search that gives both parts of hits that were found."""
    text = queries.match(question.request, question.target)
    required = [] if question.required is None else [question.required]
    query = {"bool": {"filter": [{"ids": {"values": list(ids)}}, *required], "should": [text]}}
    told = queries.tell_sim(question.request, question.target, query)
    return {**told, "size": len(ids), "_source": False}


def read_parts(response: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, float | None]]:
    """Give ``{"bm25": …, "sim": …}`` by index and id; sim is None for a passage without a vector."""
    return {
        (hit["_index"], hit["_id"]): {"bm25": float(hit["_score"]), "sim": read_sim(hit)}
        for hit in response["hits"]["hits"]
    }


def attach_parts(response: Body, parts: Mapping[tuple[str, str], Mapping[str, float | None]]) -> None:
    """Give each hit its parts, in place; a hit that was deleted meanwhile stays without."""
    for hit in response["hits"]["hits"]:
        found = parts.get((hit["_index"], hit["_id"]))
        if found is not None:
            hit[PARTS] = found
