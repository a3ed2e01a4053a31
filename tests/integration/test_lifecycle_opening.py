"""Opening an index: what cannot be ranked rightly is refused, what can be put right is put right."""

import dataclasses
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from hybrid import Hit, IndexSpec, Passage, open_index
from hybrid.engines.opensearch.lifecycle import build_index_body
from hybrid.errors import HybridError, ProfileError, SimilarityError
from hybrid.passages import Mode
from hybrid.settings import Settings
from tests.conftest import MakeIndex, small_profile
from tests.integration.faults import name_of, upstream_of
from tests.messages import assert_one_clear_line
from tests.services.discover import Service

SPEC = IndexSpec(replicas=0)
WORDS = ("hybrid", "search", "ranks", "passages", "by", "words", "and", "meaning")
QUESTION = "which passages rank by meaning?"
MakeByHand = Callable[..., str]


@pytest.fixture
def make_by_hand(opensearch: Service, raw: Any) -> Iterator[MakeByHand]:
    """Give a function that makes an index out of a body; all are removed after the test."""
    made: list[str] = []

    def make(body: dict[str, Any]) -> str:
        made.append(f"test-{secrets.token_hex(6)}")
        raw.indices.create(index=made[-1], body=body)
        return f"{opensearch.url}/{made[-1]}"

    yield make
    for name in made:
        raw.indices.delete(index=name)


@pytest.fixture
def alias_over(opensearch: Service, raw: Any) -> Callable[..., str]:
    """Give a function that puts one more alias over indexes; it goes when they go."""

    def put(*addresses: str) -> str:
        alias = f"test-{secrets.token_hex(6)}"
        for address in addresses:
            raw.indices.put_alias(index=next(iter(raw.indices.get(index=name_of(address)))), name=alias)
        return f"{opensearch.url}/{alias}"

    return put


def some_passages(count: int = 60) -> list[Passage]:
    rng = np.random.default_rng(20201116)
    texts = (" ".join(rng.choice(WORDS, size=rng.integers(3, 30))) for _ in range(count))
    return [Passage(id=f"p{at:02}", text=text, vector=rng.normal(size=8)) for at, text in enumerate(texts)]


def fill(address: str, passages: list[Passage]) -> None:
    with open_index(address, settings=Settings()) as index:
        assert not index.add(passages, refresh=True).failures


def ranking(address: str, **options: Any) -> list[Hit]:
    vector = np.random.default_rng(7).normal(size=8)
    with open_index(address, settings=Settings()) as index:
        return list(index.search(QUESTION, vector=vector, k=40, dense="exact", **options).hits)


def assert_same_ranking(left: list[Hit], right: list[Hit]) -> None:
    assert [hit.id for hit in left] == [hit.id for hit in right]
    for one, other in zip(left, right, strict=True):
        assert (one.score, one.bm25) == pytest.approx((other.score, other.bm25), abs=1e-4)
        assert one.sim == pytest.approx(other.sim, abs=1e-5)


def refusal(address: str, kind: type[HybridError]) -> str:
    with pytest.raises(kind) as raised:
        open_index(address, settings=Settings())
    return assert_one_clear_line(raised.value)


def test_index_without_a_profile_is_refused_by_name(make_by_hand: MakeByHand) -> None:
    address = make_by_hand({"mappings": {"properties": {"text": {"type": "text"}}}})
    assert f"{name_of(address)} has no hybrid profile" in refusal(address, ProfileError)


@pytest.mark.parametrize("profile", ["a word", 7, [1], {}, {"version": 99}, {"version": 1, "pair_id": "x"}])
def test_index_with_a_profile_that_cannot_be_read_is_refused_by_name(profile: Any, make_by_hand: MakeByHand) -> None:
    body = build_index_body(small_profile(), SPEC)
    body["mappings"]["_meta"]["hybrid"] = profile
    address = make_by_hand(body)
    assert name_of(address) in refusal(address, ProfileError)


def test_profile_that_names_a_field_which_is_not_there_is_refused(make_by_hand: MakeByHand) -> None:
    body = build_index_body(small_profile(), SPEC)
    del body["mappings"]["properties"][small_profile().vector_field]
    assert f"has no field {small_profile().vector_field}" in refusal(make_by_hand(body), ProfileError)


def test_index_without_the_field_that_is_searched_is_refused(make_by_hand: MakeByHand) -> None:
    body = build_index_body(small_profile(), SPEC)
    del body["mappings"]["properties"]["contents"]
    for name in ("title", "text"):
        del body["mappings"]["properties"][name]["copy_to"]
    assert "contents" in refusal(make_by_hand(body), ProfileError)


def test_alias_over_two_profiles_is_refused_and_names_both(make_index: MakeIndex, alias_over: Any) -> None:
    pair = [make_index(), make_index(small_profile(pair_id="another"))]
    text = refusal(alias_over(*pair), ProfileError)
    assert all(name_of(address) in text for address in pair)


def test_alias_over_an_index_with_and_one_without_a_profile_is_refused(
    make_index: MakeIndex, make_by_hand: MakeByHand, alias_over: Any
) -> None:
    bare = make_by_hand({})
    assert name_of(bare) in refusal(alias_over(make_index(), bare), ProfileError)


def test_alias_over_two_indexes_of_one_profile_scores_as_one_index(make_index: MakeIndex, alias_over: Any) -> None:
    whole, left, right = (make_index(small_profile(max_norm=20.0)) for _ in range(3))
    passages = some_passages()
    fill(whole, passages)
    fill(left, passages[:11])
    fill(right, passages[11:])
    both = alias_over(left, right)
    for mode in ("hybrid", "lexical", "dense"):
        assert_same_ranking(ranking(both, mode=mode), ranking(whole, mode=mode))


@pytest.mark.parametrize("shards", [1, 3])
def test_similarity_with_the_old_factor_is_put_right(
    shards: int, make_by_hand: MakeByHand, make_index: MakeIndex
) -> None:
    profile, spec = small_profile(max_norm=20.0), dataclasses.replace(SPEC, shards=shards)
    body = build_index_body(profile, spec)
    body["settings"]["index"]["similarity"]["default"]["type"] = "LegacyBM25"
    legacy, lucene = make_by_hand(body), make_index(profile, spec)
    for address in (legacy, lucene):
        fill(address, some_passages())
    for mode in ("hybrid", "lexical", "dense"):
        assert_same_ranking(ranking(legacy, mode=mode), ranking(lucene, mode=mode))


def test_alias_over_both_similarities_is_refused(
    make_by_hand: MakeByHand, make_index: MakeIndex, alias_over: Any
) -> None:
    body = build_index_body(small_profile(), SPEC)
    body["settings"]["index"]["similarity"]["default"]["type"] = "LegacyBM25"
    refusal(alias_over(make_by_hand(body), make_index()), SimilarityError)


def named_on_the_field(body: dict[str, Any], similarity: dict[str, Any]) -> None:
    body["settings"]["index"]["similarity"]["mine"] = similarity
    body["mappings"]["properties"]["contents"]["similarity"] = "mine"


def as_default(body: dict[str, Any], similarity: dict[str, Any]) -> None:
    body["settings"]["index"]["similarity"]["default"] = similarity


DFR = {"type": "DFR", "basic_model": "g", "after_effect": "l", "normalization": "no"}


@pytest.mark.parametrize("put", [named_on_the_field, as_default])
@pytest.mark.parametrize("similarity", [DFR, {"type": "LMDirichlet"}], ids=["DFR", "LMDirichlet"])
def test_other_similarity_is_refused_by_name(similarity: dict[str, Any], put: Any, make_by_hand: MakeByHand) -> None:
    body = build_index_body(small_profile(), SPEC)
    put(body, similarity)
    text = refusal(make_by_hand(body), SimilarityError)
    assert similarity["type"] in text
    assert "BM25" in text


def test_boolean_similarity_is_refused(make_by_hand: MakeByHand) -> None:
    body = build_index_body(small_profile(), SPEC)
    body["mappings"]["properties"]["contents"]["similarity"] = "boolean"
    assert "boolean" in refusal(make_by_hand(body), SimilarityError)


@pytest.mark.parametrize("changes", [{"k1": 1.2}, {"b": 0.75}])
def test_index_that_scores_with_other_constants_than_its_profile_says_is_refused(
    changes: dict[str, float], make_by_hand: MakeByHand
) -> None:
    body = build_index_body(small_profile(), SPEC)
    body["settings"]["index"]["similarity"]["default"] |= changes
    with pytest.raises((ProfileError, SimilarityError)) as raised:
        open_index(make_by_hand(body), settings=Settings())
    text = assert_one_clear_line(raised.value)
    assert all(f"{name} {value}" in text for name, value in changes.items())


def test_index_with_another_number_of_dimensions_than_its_profile_says_is_refused(make_by_hand: MakeByHand) -> None:
    body = build_index_body(small_profile(), SPEC)
    body["mappings"]["properties"][small_profile().vector_field]["dimension"] = 4
    assert "dimension" in refusal(make_by_hand(body), ProfileError)


@pytest.mark.parametrize("mode", ["hybrid", "lexical", "dense"])
def test_of_passages_by_one_id_behind_an_alias_the_best_is_given(
    mode: Mode, make_index: MakeIndex, alias_over: Any
) -> None:
    good, bad = make_index(), make_index()
    fill(good, [Passage("x", "ranks by meaning ranks passages", vector=np.ones(8)), *some_passages(8)])
    fill(bad, [Passage("x", "ranks", vector=-np.ones(8))])
    with open_index(alias_over(good, bad), settings=Settings()) as index:
        hits = index.search(QUESTION, vector=np.ones(8), mode=mode, k=9, dense="exact").hits
    (found,) = [hit for hit in hits if hit.id == "x"]
    assert found.text == "ranks by meaning ranks passages"
    assert found.sim == pytest.approx(8)
    assert [hit.rank for hit in hits] == list(range(1, 10))


def test_index_is_opened_by_its_own_name_as_well(make_index: MakeIndex, raw: Any) -> None:
    address = make_index(small_profile(max_norm=20.0))
    fill(address, some_passages())
    (concrete,) = raw.indices.get(index=name_of(address))
    assert_same_ranking(ranking(f"{upstream_of(address)}/{concrete}"), ranking(address))
