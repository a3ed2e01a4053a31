"""What an index says of itself survives its way through JSON; what cannot be read is refused."""

import dataclasses
import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid import Profile, SimPrior
from hybrid.errors import ProfileError, UsageError
from hybrid.profile import from_meta, to_meta
from hybrid.towers import Precision, Template, Tower
from tests.messages import assert_one_clear_line

PROFILE = Profile(pair_id="made-up", fingerprint="0123456789abcdef", dimension=8)
positive = st.floats(1e-6, 1e6)
profiles = st.builds(
    Profile,
    pair_id=st.text(min_size=1),
    fingerprint=st.from_regex(r"[0-9a-f]{8,64}", fullmatch=True),
    dimension=st.integers(1, 16_000),
    similarity=st.sampled_from(["dot", "cosine"]),
    scale=positive,
    scale_source=st.text(),
    max_norm=positive,
    sim_prior=st.builds(SimPrior, a=st.floats(-1e6, 1e6), b=st.floats(0, 1e6)),
    lam=st.floats(0, 1e6),
    lam_source=st.text(),
    depth=st.integers(1, 10_000),
    min_sim=st.none() | st.floats(-1e6, 1e6),
    analyzer=st.text(min_size=1),
    k1=st.floats(0, 10),
    b=st.floats(0, 1),
    sim_prior_source=st.text(),
)
digests = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
towers = st.builds(
    Tower,
    model=st.text(),
    weights_sha256=digests,
    tokenizer_sha256=digests,
    config_sha256=digests,
    modules=st.lists(st.text(), max_size=3).map(tuple),
    dimension=st.just(384),
    prompt=st.text(),
    template=st.sampled_from(get_args(Template)),
    max_length=st.integers(1, 10_000),
    lowercase=st.booleans(),
    straight_quotes=st.booleans(),
    precision=st.sampled_from(get_args(Precision)),
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
field_names = [field.name for field in dataclasses.fields(Profile)]


@given(profiles)
def test_profile_comes_back_from_json_as_it_went(profile: Profile) -> None:
    assert from_meta(json.loads(json.dumps(to_meta(profile))), "wiki") == profile


@given(towers, towers)
def test_towers_come_back_from_json_as_they_went(question: Tower, passage: Tower) -> None:
    profile = dataclasses.replace(PROFILE, dimension=384, question_tower=question, passage_tower=passage)
    back = from_meta(json.loads(json.dumps(to_meta(profile))), "wiki")
    assert back == profile
    assert back.passage_tower is not None
    assert back.passage_tower.fingerprint == passage.fingerprint


def test_profile_of_the_first_release_has_no_towers() -> None:
    meta = to_meta(PROFILE)
    for later in ("question_tower", "passage_tower", "sim_prior_source"):
        del meta[later]
    assert from_meta(meta, "wiki") == PROFILE


@pytest.mark.parametrize("tower", [{}, [], "text", 5, {"model": "m"}, {"dimension": 8}])
def test_tower_that_cannot_be_read_is_refused(tower: Any) -> None:
    with pytest.raises(ProfileError, match=r"^The profile of wiki cannot be read: ") as raised:
        from_meta({**to_meta(PROFILE), "passage_tower": tower}, "wiki")
    assert_one_clear_line(raised.value)


@given(towers, st.sampled_from([field.name for field in dataclasses.fields(Tower)]), anything)
def test_any_value_in_a_tower_is_read_or_refused(tower: Tower, name: str, value: Any) -> None:
    meta = to_meta(dataclasses.replace(PROFILE, dimension=384, passage_tower=tower))
    try:
        profile = from_meta({**meta, "passage_tower": {**meta["passage_tower"], name: value}}, "wiki")
    except ProfileError:
        return
    assert profile.passage_tower is not None
    assert profile.passage_tower.fingerprint
    assert json.loads(json.dumps(to_meta(profile)))


def test_field_of_a_later_release_is_passed_over() -> None:
    assert from_meta({**to_meta(PROFILE), "colour": "blue"}, "wiki") == PROFILE


@pytest.mark.parametrize("version", [None, 0, 2, "1", [1]])
def test_unknown_version_is_named_with_the_one_that_can_be_read(version: object) -> None:
    with pytest.raises(
        ProfileError, match=r"^wiki has a profile of version .*; this release reads version 1"
    ) as raised:
        from_meta({**to_meta(PROFILE), "version": version}, "wiki")
    assert_one_clear_line(raised.value)


@pytest.mark.parametrize("missing", ["pair_id", "fingerprint", "dimension", "sim_prior"])
def test_profile_without_a_needed_field_is_refused(missing: str) -> None:
    meta = {name: value for name, value in to_meta(PROFILE).items() if name != missing}
    with pytest.raises(ProfileError, match=rf"^The profile of wiki cannot be read: .*{missing}") as raised:
        from_meta(meta, "wiki")
    assert_one_clear_line(raised.value)


@pytest.mark.parametrize("meta", [None, "text", 7, [], ["version"], {}])
def test_something_else_in_the_profiles_place_is_refused(meta: Any) -> None:
    with pytest.raises(ProfileError, match="wiki") as raised:
        from_meta(meta, "wiki")
    assert_one_clear_line(raised.value)


@given(st.sampled_from(field_names), anything)
def test_any_value_is_read_or_refused_with_a_profile_error(name: str, value: Any) -> None:
    try:
        profile = from_meta({**to_meta(PROFILE), name: value}, "wiki")
    except ProfileError:
        return
    assert json.loads(json.dumps(to_meta(profile)))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"pair_id": ""}, "pair_id"),
        ({"fingerprint": "1234567"}, "fingerprint"),
        ({"fingerprint": "0123/567"}, "fingerprint"),
        ({"fingerprint": "vé¢_01234567"}, "fingerprint"),
        ({"dimension": 0}, "dimension 0"),
        ({"dimension": 16_001}, "dimension 16001"),
        ({"similarity": "l2"}, "similarity"),
        ({"scale": 0.0}, "scale"),
        ({"scale": float("nan")}, "scale"),
        ({"max_norm": -1.0}, "max_norm"),
        ({"max_norm": float("inf")}, "max_norm"),
        ({"sim_prior": SimPrior(float("nan"), 0.0)}, "sim_prior"),
        ({"sim_prior": SimPrior(0.0, -0.1)}, "sim_prior b"),
        ({"lam": -0.1}, "lambda"),
        ({"lam": float("inf")}, "lambda"),
        ({"depth": 0}, "depth"),
        ({"k1": -1.0}, "k1"),
        ({"b": 1.5}, "b 1.5"),
    ],
)
def test_profile_that_cannot_be_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint) as raised:
        dataclasses.replace(PROFILE, **changes)
    assert_one_clear_line(raised.value)


def test_tower_of_another_width_is_refused() -> None:
    tower = Tower(
        model="some/model",
        weights_sha256="a" * 64,
        tokenizer_sha256="b" * 64,
        config_sha256="c" * 64,
        modules=("mean",),
        dimension=9,
    )
    with pytest.raises(UsageError, match="dimension 8 is not that of its tower some/model, 9") as raised:
        dataclasses.replace(PROFILE, passage_tower=tower)
    assert_one_clear_line(raised.value)


def test_vector_field_is_named_after_the_fingerprint() -> None:
    assert PROFILE.vector_field == "vec_01234567"
    assert dataclasses.replace(PROFILE, fingerprint="ABCDEF012345").vector_field == "vec_abcdef01"


def test_defaults_are_the_papers() -> None:
    assert (PROFILE.lam, PROFILE.depth, PROFILE.k1, PROFILE.b) == (1.1, 2000, 0.9, 0.4)
