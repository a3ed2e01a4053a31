"""The exact hybrid search as a search template: any client that can send a question and its vector gets true scores.

A template is one search, so its candidates are the best by sim and the best by BM25 besides, as many again: every
candidate that two searches would have, and a few more. Each has the whole sum as its score, lifted by a constant.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...errors import UsageError
from ...profile import Profile
from ...requests import SearchRequest, make_request
from . import queries, vector_field
from .calls import Call, Conversation, ask, encode
from .queries import Body, Target

#: Lifts what is near over what only matches words, so that all of it is rescored.
_AHEAD = 1e6
_QUESTION, _VECTOR, _SIZE, _FILTER, _LIFT = "@question@", "@vector@", "@size@", "@filter@", "@lift@"
#: What stands in the template in place of each mark. ``filter`` is one query clause, or left out.
_MUSTACHE = {
    _QUESTION: '"{{question}}"',
    _VECTOR: "{{#toJson}}vector{{/toJson}}",
    _SIZE: "{{k}}{{^k}}10{{/k}}",
    _FILTER: '{{#filter}}{{#toJson}}filter{{/toJson}}{{/filter}}{{^filter}}{"match_all":{}}{{/filter}}',
    _LIFT: "{{lift}}",
}


def build_template(target: Target, lam: float | None = None) -> str:
    """Write the template; λ is part of it."""
    request = _make_request(target.profile, lam)
    near = {"vector": _VECTOR, "k": queries.graph_k(request), "boost": _AHEAD}
    either = [queries.match(request, target), vector_field.walk_graph(target.profile, near, [_FILTER])]
    query = {"bool": {"should": either, "minimum_should_match": 1, "filter": [_FILTER]}}
    body: Body = {
        **queries.tell_sim(request, target, query),
        "rescore": _rescore(request, target),
        "size": _SIZE,
        "track_total_hits": False,
        "_source": {"excludes": [target.profile.vector_field]},
    }
    text = json.dumps(_mark(body, request, target.profile))
    for mark, mustache in _MUSTACHE.items():
        text = text.replace(f'"{mark}"', mustache)
    return text


def needs_lift(profile: Profile) -> bool:
    """Tell whether questions' vectors differ in length, so that what lifts the scores has to be said each time."""
    return profile.similarity == "dot"


def read_shift(profile: Profile, lam: float | None = None) -> float:
    """Give what every score is lifted by, where that is a constant."""
    return queries.shift(_make_request(profile, lam), profile)


def install(target: Target, name: str, lam: float | None = None) -> Conversation[None]:
    """Store the template on the cluster, replacing one of the same name."""
    script = {"script": {"lang": "mustache", "source": build_template(target, lam)}}
    yield from ask(Call("PUT", f"/_scripts/{name}", encode(script)), what=f"store the template {name}")


def _make_request(profile: Profile, lam: float | None) -> SearchRequest:
    """Give a question that stands for any; its vector has the length that all have, if they have one."""
    vector = np.full(profile.dimension, profile.scale / np.sqrt(profile.dimension), dtype=np.float32)
    request = make_request(_QUESTION, profile, vector=vector, lam=lam)
    if request.lam < queries.SMALL_LAMBDA:
        raise UsageError(f"A template needs a lambda of {queries.SMALL_LAMBDA} or more.")
    return replace(request, idf="shard")


def _rescore(request: SearchRequest, target: Target) -> Body:
    score = {"bool": {"must": [queries.sim_of_any(request, target)], "should": [queries.match(request, target)]}}
    weights = {"query_weight": 0, "rescore_query_weight": 1}
    return {"window_size": 2 * request.depth, "query": {**weights, "rescore_query": score}}


def _mark(value: Any, request: SearchRequest, profile: Profile) -> Any:
    """Put marks where a template's values go."""
    if value is request.vector:
        return _VECTOR
    if isinstance(value, Mapping):
        marked = {name: _mark(one, request, profile) for name, one in value.items()}
        # The only parameter c is that of the script that lifts.
        return marked | {"c": _LIFT} if "c" in marked and needs_lift(profile) else marked
    if isinstance(value, list | tuple):
        return [_mark(one, request, profile) for one in value]
    return value
