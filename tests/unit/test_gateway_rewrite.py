"""Rewritten queries find and score what they must: every case is worked out by a second implementation of the DSL."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from hybrid import Profile, SimPrior
from hybrid.engines.opensearch import queries
from hybrid.engines.opensearch.queries import Target
from hybrid.gateway.find_text import find_text
from hybrid.gateway.reasons import Reason
from hybrid.gateway.rewrite import Question, Side, rewrite
from hybrid.gateway.sites import Site, find_site
from hybrid.requests import make_request
from tests import gateway_dsl as dsl

PROFILE = Profile(
    pair_id="made-up",
    fingerprint="0123456789abcdef",
    dimension=2,
    max_norm=2.0,
    sim_prior=SimPrior(1.0, 0.5),
    lam=2.0,
)
TARGET = Target("wiki", ("wiki--v1--1a2b3c4d",), PROFILE, shards=1)
DOCUMENTS = dsl.make_documents()
#: A sim of 3 and more is admitted.
ADMITTED = tuple(one.id for one in DOCUMENTS if one.sim is not None and one.sim >= 3)
DENSE = {"terms": {"id": ADMITTED}}
sides = st.sampled_from(["profile", "body"])
occurs = st.sampled_from(["filter", "must", "must_not"])


def question(side: Side = "profile", required: Any = None) -> Question:
    request = make_request(dsl.ASKED, PROFILE, vector=[3.0, 4.0])
    return Question(request, TARGET, ADMITTED, side, required)


def site_of(query: Any) -> Site:
    text = find_text(query, dsl.TEXT_FIELDS)
    assume(not isinstance(text, Reason))
    assert not isinstance(text, Reason)
    site = find_site(query, text)
    event(site.value if isinstance(site, Reason) else "adds" if site.adds else "multiplies")
    assume(not isinstance(site, Reason))
    assert not isinstance(site, Reason)
    return site


def found_by(query: Any) -> list[int]:
    return [place for place, one in enumerate(DOCUMENTS) if dsl.evaluate(query, one) is not None]


def true_text_score(document: dsl.Document, text: Any, adds: bool) -> float:
    """Give BM25 + λ · sim, from the definition: a passage without a vector takes a + b · BM25 for its sim."""
    own, bm25 = (dsl.evaluate(one, document) or 0.0 for one in (text, {"match": {"contents": dsl.ASKED}}))
    lam, prior = PROFILE.lam, PROFILE.sim_prior
    if document.sim is not None:
        product = lam * document.sim
        return own + (product if adds else max(0.0, product))
    return own + lam * (prior.a + prior.b * bm25)


@settings(max_examples=60)
@given(dsl.queries())
def test_gathering_the_text_changes_neither_matches_nor_scores(query: Any) -> None:
    site = site_of(query)
    for document in DOCUMENTS:
        direct, gathered = dsl.evaluate(query, document), dsl.evaluate(site.query, document)
        assert (direct is None) == (gathered is None)
        assert math.isclose(direct or 0, gathered or 0)


@settings(max_examples=60)
@given(dsl.queries(), sides)
def test_finds_what_the_page_finds_and_the_dense_set_under_the_same_conditions(query: Any, side: Side) -> None:
    site = site_of(query)
    rewritten = rewrite({"query": query}, site, question(side)).body["query"]
    with_text_for_dense = site.put(DENSE)
    assert found_by(rewritten) == sorted({*found_by(query), *found_by(with_text_for_dense)})


@settings(max_examples=60)
@given(dsl.queries(), sides)
def test_scores_are_the_whole_query_with_the_hybrid_score_for_the_text(query: Any, side: Side) -> None:
    site = site_of(query)
    rewritten = rewrite({"query": query}, site, question(side))
    rescored = rewritten.body["rescore"]["query"]["rescore_query"]
    text = site.text if side == "body" else queries.match(question().request, TARGET)
    for place in found_by(rewritten.body["query"]):
        document = DOCUMENTS[place]
        score = dsl.evaluate(rescored, document)
        assert score is not None, "a hit that the second phase does not know would keep no score"
        wanted = dsl.evaluate(
            site.put({"script_score": _fixed(true_text_score(document, text, site.adds))}), document
        )
        assert wanted is not None
        assert math.isclose(score - rewritten.shift, wanted, rel_tol=1e-6, abs_tol=1e-6)


def _fixed(value: float) -> Any:
    """Give a clause with a score of its own, which may be below 0 in the reference."""
    return {"query": {"match_all": {}}, "script": {"params": {}}, "fixed": value}


@settings(max_examples=60)
@given(dsl.queries(), dsl.conditions(), occurs, sides)
def test_an_added_filter_is_never_violated(query: Any, condition: Any, occur: str, side: Side) -> None:
    body: dict[str, Any] = {"must": [query]}
    body[occur] = [*body.get(occur, []), condition]
    site = site_of({"bool": body})
    rewritten = rewrite({"query": {"bool": body}}, site, question(side)).body["query"]
    allowed = set(found_by({"bool": {occur: [condition]}}))
    assert set(found_by(rewritten)) <= allowed


@settings(max_examples=60, suppress_health_check=[HealthCheck.filter_too_much])
@given(dsl.queries())
def test_dense_hits_stand_ahead_so_that_all_of_them_are_rescored(query: Any) -> None:
    site = site_of(query)
    assume(site.adds)
    first = rewrite({"query": query}, site, question()).body["query"]
    dense = set(found_by(site.put(DENSE)))
    scores = {place: dsl.evaluate(first, DOCUMENTS[place]) or 0 for place in found_by(first)}
    ahead = [scores[place] for place in dense if DOCUMENTS[place].id in ADMITTED]
    behind = [scores[place] for place in scores if DOCUMENTS[place].id not in ADMITTED]
    assert not ahead or not behind or min(ahead) > max(behind)


LONG: dict[str, tuple[Callable[..., None], tuple[st.SearchStrategy[Any], ...]]] = {
    "gathering": (test_gathering_the_text_changes_neither_matches_nor_scores, (dsl.queries(),)),
    "finding": (test_finds_what_the_page_finds_and_the_dense_set_under_the_same_conditions, (dsl.queries(), sides)),
    "scoring": (test_scores_are_the_whole_query_with_the_hybrid_score_for_the_text, (dsl.queries(), sides)),
    "filtering": (test_an_added_filter_is_never_violated, (dsl.queries(), dsl.conditions(), occurs, sides)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG)
def test_the_same_holds_for_ten_thousand_queries(name: str) -> None:
    test, strategies = LONG[name]
    inner = test.hypothesis.inner_test  # type: ignore[attr-defined]
    settings(max_examples=10_000)(given(*strategies)(inner))()
