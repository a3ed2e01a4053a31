"""Floors admit what they should, last a while, and are nobody else's."""

from typing import Any

import pytest

from hybrid import Profile
from hybrid.engines.opensearch.queries import Target
from hybrid.gateway import floors
from hybrid.gateway.floors import LASTING, Floors, build_floor_body, knn_score, read_floor
from hybrid.gateway.served import Served
from hybrid.requests import make_request

PROFILE = Profile(pair_id="made-up", fingerprint="0123456789abcdef", dimension=2)
SERVED = Served(shown="wiki", name="wiki", admit=100)


def hits(*scores: float) -> Any:
    return {"hits": {"hits": [{"_score": score} for score in scores]}}


def test_the_last_that_is_admitted_sets_the_floor() -> None:
    assert read_floor(hits(7.5, 7.25), SERVED) == 7.375
    assert 0 < read_floor(hits(7.5), SERVED) < 7.5


def test_fewer_passages_than_wanted_are_all_admitted() -> None:
    assert 0 < read_floor(hits(), SERVED) < 1e-20


def test_passages_that_tie_at_the_floor_stay_out_together() -> None:
    for next_one in (7.5, 7.49999):
        assert 7.5 < read_floor(hits(7.5, next_one), SERVED) < 7.501


def test_a_least_sim_raises_the_floor() -> None:
    strict = Served(shown="wiki", name="wiki", min_sim=8.0)
    assert read_floor(hits(7.5, 7.0), strict) == 9.0
    assert read_floor(hits(12.0, 11.0), strict) == 11.5
    assert read_floor(hits(), strict) == 9.0


@pytest.mark.parametrize(("sim", "score"), [(0.0, 1.0), (2.5, 3.5), (-1.0, 0.5), (-3.0, 0.25)])
def test_score_of_a_sim(sim: float, score: float) -> None:
    assert knn_score(sim) == score


def test_the_search_looks_for_the_last_one_under_the_required_filter() -> None:
    request = make_request("who", PROFILE, vector=[1.0, 2.0])
    target = Target("wiki", ("wiki",), PROFILE, 1)
    body = build_floor_body(request, target, Served(shown="w", name="w", admit=50, required={"term": {"a": 1}}))
    (near,) = body["query"]["knn"].values()
    assert (body["from"], body["size"], near["k"], near["filter"]) == (49, 2, 2000, {"term": {"a": 1}})
    wide = build_floor_body(request, target, Served(shown="w", name="w", admit=5000))
    (near,) = wide["query"]["knn"].values()
    assert near["k"] == 5001


def test_floors_last_a_while_and_are_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    known = Floors(lambda: now[0])
    known.put(SERVED, "Basic eve", "who", 7.5)
    assert known.get(SERVED, "Basic eve", "who") == 7.5
    assert known.get(SERVED, "Basic bob", "who") is None
    assert known.get(SERVED, "", "who") is None
    assert known.get(Served(shown="other", name="wiki"), "Basic eve", "who") is None
    assert known.get(SERVED, "Basic eve", "whom") is None
    now[0] = LASTING
    assert known.get(SERVED, "Basic eve", "who") is None
    assert "eve" not in repr(vars(known)), "credentials are not kept"
    monkeypatch.setattr(floors, "MOST_REMEMBERED", 2)
    for text in ("one", "two", "three"):
        known.put(SERVED, "", text, 1.0)
    assert [known.get(SERVED, "", text) for text in ("one", "two", "three")] == [None, 1.0, 1.0]
