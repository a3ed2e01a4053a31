"""Answers on their way back: scores become BM25 + λ · sim again, vectors stay inside, parts are shown if wanted."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..engines.opensearch import queries
from ..engines.opensearch.vector_field import read_sim
from .rewrite import Body, Question

#: Under this name a hit carries both of its parts.
PARTS = "_hybrid"
#: Where a hit shows what its fields hold.
_SHOWN = ("_source", "fields", "highlight")


def restore(response: Body, shift: float) -> None:
    """Take what lifted every score off again, in place."""
    hits = response.get("hits", {})
    if hits.get("max_score") is not None:
        hits["max_score"] -= shift
    for hit in hits.get("hits", ()):
        if hit.get("_score") is not None:
            hit["_score"] -= shift


def list_ids(response: Mapping[str, Any]) -> list[str]:
    """Give the ids of hits; a search with ``stored_fields`` of ``_none_`` brings hits without any."""
    return [hit["_id"] for hit in response.get("hits", {}).get("hits", ()) if "_id" in hit]


def strip(answer: Any, fields: Sequence[str]) -> None:
    """Take ``fields`` out of every hit, in place: of the page, ``inner_hits``, ``top_hits`` and suggestions."""
    if isinstance(answer, list):
        for part in answer:
            strip(part, fields)
    elif isinstance(answer, dict):
        # A page may call a facet ``_source``; only in a hit that is a document.
        shown = _SHOWN if isinstance(answer.get("_index"), str) else ()
        if shown:
            _strip_hit(answer, fields)
        for name, value in answer.items():
            if name not in shown:
                strip(value, fields)


def _strip_hit(hit: Body, fields: Sequence[str]) -> None:
    """Take ``fields`` out of one hit; the source of a nested object names what lies in it from there."""
    place = _place_of(hit.get("_nested"))
    for field in fields:
        drop(hit.get("fields"), field)
        drop(hit.get("highlight"), field)
        if place.startswith(f"{field}."):
            hit.pop("_source", None)
        elif field.startswith(place):
            drop(hit.get("_source"), field[len(place) :])


def _place_of(nested: Mapping[str, Any] | None) -> str:
    """Give the way to a nested object, with a point at its end; to a whole document it is empty."""
    return "" if nested is None else f"{nested['field']}.{_place_of(nested.get('_nested'))}"


def drop(value: Any, path: str) -> None:
    """Take out what stands at ``a.b``, however objects, lists and names with points in them are nested there."""
    if isinstance(value, list):
        for one in value:
            drop(one, path)
    elif isinstance(value, dict):
        for name in list(value):
            if f"{name}.".startswith(f"{path}."):
                del value[name]
            elif path.startswith(f"{name}."):
                drop(value[name], path[len(name) + 1 :])


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
        found = parts.get((hit["_index"], hit.get("_id", "")))
        if found is not None:
            hit[PARTS] = found
