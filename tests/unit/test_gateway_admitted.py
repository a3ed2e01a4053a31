"""The dense set is what it should be, lasts a while, and is nobody else's."""

from dataclasses import replace
from typing import Any

import pytest

from hybrid import Profile
from hybrid.engines.opensearch.queries import Target
from hybrid.gateway import admitted
from hybrid.gateway.admitted import LASTING, Admitted, build_nearest_body, knn_score, read_nearest
from hybrid.gateway.served import Served
from hybrid.requests import make_request

PROFILE = Profile(pair_id="made-up", fingerprint="0123456789abcdef", dimension=2)
SERVED = Served(shown="wiki", name="wiki", admit=100)


def hits(**scores: float) -> Any:
    return {"hits": {"hits": [{"_score": score, "fields": {"id": [name]}} for name, score in scores.items()]}}


def test_what_is_found_is_admitted() -> None:
    assert read_nearest(hits(a=7.5, b=7.25, c=0.1), SERVED, PROFILE) == ("a", "b", "c")
    assert read_nearest(hits(), SERVED, PROFILE) == ()


def test_a_least_sim_keeps_out_what_is_too_far() -> None:
    strict = Served(shown="wiki", name="wiki", min_sim=8.0)
    assert read_nearest(hits(a=9.5, b=9.0, c=8.99), strict, PROFILE) == ("a", "b")
    below = Served(shown="wiki", name="wiki", min_sim=-1.0)
    assert read_nearest(hits(a=0.6, b=0.5, c=0.49), below, PROFILE) == ("a", "b")
    # The index's own holds where nobody said another.
    own = replace(PROFILE, min_sim=8.0)
    assert read_nearest(hits(a=9.5, b=9.0, c=8.99), SERVED, own) == ("a", "b")
    assert read_nearest(hits(a=0.6, b=0.5, c=0.49), below, own) == ("a", "b")


@pytest.mark.parametrize(("sim", "score"), [(0.0, 1.0), (2.5, 3.5), (-1.0, 0.5), (-3.0, 0.25)])
def test_score_of_a_sim(sim: float, score: float) -> None:
    assert knn_score(sim) == score


def test_the_search_looks_under_the_required_filter() -> None:
    request = make_request("who", PROFILE, vector=[1.0, 2.0])
    target = Target("wiki", ("wiki",), PROFILE, 1)
    body = build_nearest_body(request, target, Served(shown="w", name="w", admit=50, required={"term": {"a": 1}}))
    (near,) = body["query"]["knn"].values()
    required = {"bool": {"filter": [{"term": {"a": 1}}]}}
    assert (body["size"], near["k"], near["filter"]) == (50, 2000, required)
    wide = build_nearest_body(request, target, Served(shown="w", name="w", admit=5000))
    (near,) = wide["query"]["knn"].values()
    assert near["k"] == 5000
    assert "filter" not in near


def test_ids_last_a_while_and_are_nobody_elses() -> None:
    now = [0.0]
    known = Admitted(lambda: now[0])
    known.put(SERVED, "Basic eve", "who", ("p1",))
    assert known.get(SERVED, "Basic eve", "who") == ("p1",)
    assert known.get(SERVED, "Basic bob", "who") is None
    assert known.get(SERVED, "", "who") is None
    assert known.get(Served(shown="other", name="wiki"), "Basic eve", "who") is None
    assert known.get(SERVED, "Basic eve", "whom") is None
    now[0] = LASTING
    assert known.get(SERVED, "Basic eve", "who") is None
    assert "eve" not in repr(vars(known)), "credentials are not kept"


def test_what_is_remembered_is_bounded_however_often_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admitted, "MOST_REMEMBERED", 9)
    known = Admitted()
    for _ in range(5):
        for text in ("one", "two", "three"):
            known.put(SERVED, "", text, (text, "x", "y"))
    found = [known.get(SERVED, "", text) for text in ("one", "two", "three")]
    assert found == [None, ("two", "x", "y"), ("three", "x", "y")]
    for number in range(20):
        known.put(SERVED, "", str(number), ())
    assert sum(known.get(SERVED, "", str(number)) is not None for number in range(20)) == 9
