"""Search bodies as they go to the cluster, held against JSON that a person can read and send by hand.

If a change of a body is meant, write the files anew and look at the difference:

    HYBRID_WRITE_GOLDEN=1 .venv/bin/python -m pytest tests/unit/test_queries.py && git diff tests/golden
"""

import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hybrid import Profile, SimPrior
from hybrid.engines.opensearch import queries
from hybrid.engines.opensearch.calls import encode
from hybrid.engines.opensearch.queries import Target
from hybrid.engines.opensearch.search import build_call, first_size
from hybrid.requests import SearchRequest, make_request

GOLDEN = Path(__file__).parents[1] / "golden"
PROFILE = Profile(pair_id="made-up", fingerprint="0123456789abcdef", dimension=2, max_norm=1.5)
TARGET = Target("wiki", ("wiki--v1--1a2b3c4d",), PROFILE, shards=1)
#: An index that was adopted with passages inside its documents.
SPLIT = dataclasses.replace(TARGET, profile=dataclasses.replace(PROFILE, split_words=100))
VECTOR = [3.0, 4.0]
FILTER = {"range": {"meta.year": {"gte": 2000}}}
#: Everything a body depends on besides the question: the file, the request's arguments, the target.
CASES: dict[str, tuple[dict[str, Any], Target]] = {
    "hybrid": ({"vector": VECTOR}, TARGET),
    "hybrid-exact": ({"vector": VECTOR, "dense": "exact"}, TARGET),
    "hybrid-filter": ({"vector": VECTOR, "filter": FILTER}, TARGET),
    "hybrid-exact-filter": ({"vector": VECTOR, "dense": "exact", "filter": FILTER}, TARGET),
    "hybrid-legacy": ({"vector": VECTOR}, dataclasses.replace(TARGET, bm25_factor=1.9)),
    "hybrid-split-filter": ({"vector": VECTOR, "filter": FILTER}, SPLIT),
    "hybrid-ids-only": ({"vector": VECTOR, "text": False}, TARGET),
    "lexical": ({"mode": "lexical"}, TARGET),
    "lexical-with-sim": ({"mode": "lexical", "vector": VECTOR, "filter": FILTER}, TARGET),
    "dense": ({"mode": "dense", "vector": VECTOR}, TARGET),
    "dense-split": ({"mode": "dense", "vector": VECTOR}, SPLIT),
    "dense-exact-filter": ({"mode": "dense", "vector": VECTOR, "dense": "exact", "filter": FILTER}, TARGET),
}


def ask(target: Target = TARGET, **options: Any) -> SearchRequest:
    return make_request("who wrote it?", target.profile, **options)


def lines(request: SearchRequest, target: Target = TARGET) -> list[Any]:
    """Give everything that is sent: one body, or header, A, header and B."""
    body = build_call(request, target, "always-me", first_size(request, target)).body
    assert body is not None
    return [json.loads(line) for line in body.splitlines()]


def hybrid(target: Target = TARGET, **options: Any) -> tuple[Any, Any]:
    request = ask(target, **{"vector": VECTOR, **options})
    return json.loads(encode({"both": queries.hybrid_bodies(request, target, 42)}))["both"]  # type: ignore[no-any-return]


def find(name: str, node: Any) -> Iterator[Any]:
    """Give every value that stands under a name, at any depth."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        if key == name:
            yield value
        yield from find(name, value)


@pytest.mark.parametrize("name", CASES)
def test_body_is_the_one_that_was_agreed_on(name: str) -> None:
    options, target = CASES[name]
    path, bodies = GOLDEN / f"{name}.json", lines(ask(target, **options), target)
    if os.environ.get("HYBRID_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(bodies, indent=2) + "\n", encoding="utf-8")
    assert bodies == json.loads(path.read_text("utf-8"))


def test_every_golden_file_belongs_to_a_case() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(CASES)


def test_each_list_adds_the_score_that_it_lacks_for_its_best_depth() -> None:
    lexical, dense = hybrid(depth=77)
    for body in (lexical, dense):
        rescore = body["rescore"]
        assert rescore["window_size"] == 77
        assert (rescore["query"]["query_weight"], rescore["query"]["rescore_query_weight"]) == (1, 1)
        assert rescore["query"]["score_mode"] == "total"
    assert list(find("match", lexical["query"])) == list(find("match", dense["rescore"]))
    assert list(find("lambda", lexical["rescore"])) == list(find("lambda", dense["query"])) == [PROFILE.lam]
    assert not list(find("lambda", lexical["query"]))
    assert not list(find("lambda", dense["rescore"]))


def test_both_lists_are_lifted_by_the_same_number() -> None:
    lifted = [params["c"] for body in hybrid() for params in find("params", body) if "c" in params]
    assert all(c == pytest.approx(5.0 * PROFILE.max_norm, rel=1e-4) for c in lifted)
    assert lifted[0] >= 5.0 * PROFILE.max_norm
    assert queries.shift(ask(vector=VECTOR), PROFILE) == 1 + PROFILE.lam * lifted[0]


def test_scripts_are_the_same_text_for_every_request() -> None:
    prior = dataclasses.replace(PROFILE, sim_prior=SimPrior(-7.25, 3.5), max_norm=17.0)
    other = dataclasses.replace(TARGET, profile=prior)
    one = set(find("source", list(hybrid())))
    two = set(find("source", list(hybrid(other, lam=4.75, vector=[0.125, 9.5], k=3, depth=77))))
    assert one == two
    assert len(one) == 3


def test_parameters_carry_lambda_a_c_and_the_vector() -> None:
    a, _ = hybrid(lam=4.75)
    (weights,) = (params for params in find("params", a) if "lambda" in params)
    assert weights == {"lambda": 4.75, "a": PROFILE.sim_prior.a, "c": pytest.approx(5.0 * 1.5, rel=1e-4)}
    assert [params["q"] for params in find("params", a) if "q" in params] == [VECTOR]
    assert [params["query_value"] for params in find("params", a) if "query_value" in params] == [VECTOR]


def test_vector_of_a_passage_is_never_asked_for() -> None:
    for options, target in CASES.values():
        for body in lines(ask(target, **options), target):
            for source in find("_source", body):
                assert source is False or set(source) == {"title", "text", "meta"}
            assert list(find("docvalue_fields", body)) in ([], [["id"]])


def test_filter_restricts_both_sides_inside_the_engine() -> None:
    for dense in ("ann", "exact"):
        for body in hybrid(filter=FILTER, dense=dense):
            assert FILTER in [clause for clauses in find("filter", body["query"]) for clause in flat(clauses)]


def flat(clauses: Any) -> list[Any]:
    """Give the clauses of a filter, whether they stand in a list or in a bool."""
    return clauses if isinstance(clauses, list) else list(clauses.get("bool", {}).get("filter", ()))


def test_list_is_asked_for_a_few_more_than_k_but_not_for_more_than_the_depth() -> None:
    sizes = [first_size(ask(vector=VECTOR, k=k, depth=50), TARGET) for k in (10, 40, 100)]
    assert sizes == [10 + queries.SPARE, 50, 50]


@pytest.mark.parametrize(("depth", "asked"), [(10, 2000), (2000, 2000), (5000, 5000)])
def test_graph_is_asked_for_at_least_two_thousand(depth: int, asked: int) -> None:
    _, dense = hybrid(depth=depth)
    assert [graph[PROFILE.vector_field]["k"] for graph in find("knn", dense)] == [asked]
    assert dense["rescore"]["window_size"] == depth


@pytest.mark.parametrize("mode", ["hybrid", "lexical", "dense"])
@pytest.mark.parametrize(
    ("shards", "idf", "global_idf"), [(1, "global", False), (3, "global", True), (3, "shard", False)]
)
def test_shards_exchange_statistics_where_there_are_several(
    mode: Any, shards: int, idf: Any, global_idf: bool
) -> None:
    target = dataclasses.replace(TARGET, shards=shards)
    options = queries.search_options(ask(vector=VECTOR, mode=mode, idf=idf), target, "me")
    assert (options.get("search_type") == "dfs_query_then_fetch") is global_idf
    assert options["allow_partial_search_results"] == "false"


def test_hybrid_question_is_one_round_trip_with_one_preference() -> None:
    call = build_call(ask(vector=VECTOR), TARGET, "always-me", 42)
    first, _, second, _ = lines(ask(vector=VECTOR))
    assert (call.method, call.path, call.ndjson) == ("POST", "/_msearch", True)
    assert first == second
    assert first["preference"] == "always-me"


def test_legacy_factor_is_taken_out_of_every_match() -> None:
    def boosts(target: Target) -> list[float]:
        return [clause["contents"].get("boost", 1.0) for body in hybrid(target) for clause in find("match", body)]

    legacy = boosts(dataclasses.replace(TARGET, bm25_factor=1.9))
    assert [boost * 1.9 for boost in legacy] == pytest.approx(boosts(TARGET))
    assert min(boosts(TARGET)) > 0
