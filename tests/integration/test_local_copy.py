"""``hybrid copy`` from a cluster to a folder and back: the same passages, vectors, profile, and filters that work."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from hybrid import IndexSpec, Passage, create_index, delete_index, open_index
from hybrid.encoders import load_encoder
from hybrid.engines.contract import Index
from hybrid.settings import Settings
from tests.commands import Say, one_line
from tests.conftest import MakeIndex, small_profile
from tests.exactness import write_settled
from tests.local_parity import Tally
from tests.tiny_models import save_sentence_transformer

PASSAGES = 300
METAS: list[dict[str, Any]] = [
    {},
    {"year": 1999, "lang": "en", "day": "2020-02-29", "part": 1},
    {"year": [2000, 2001], "lang": ["de", "fr"], "share": 0.5, "open": True},
    {"year": None, "deep": {"one": "x", "two": [{"three": 3}, {"three": 4}]}, "day": "2021-12-31T23:59:59Z"},
    {"lang": "x" * 2000, "open": False, "share": 3, "year": 7},
]
FILTERS: list[dict[str, Any]] = [
    {"term": {"meta.year": 2001}},
    {"range": {"meta.day": {"gte": "2020-01-01", "lt": "2021-01-01"}}},
    {"terms": {"meta.lang": ["de", "en"]}},
    {"exists": {"field": "meta.deep.two"}},
    {"bool": {"must_not": [{"term": {"meta.open": True}}], "must": [{"prefix": {"document_id": "d1"}}]}},
    {"term": {"pending": True}},
]


@pytest.fixture
def dropped(make_index: MakeIndex) -> Iterator[str]:
    """Give an address on the cluster that is free, and is again in the end."""
    address = f"{make_index()}-back"
    yield address
    delete_index(address, settings=Settings())


def make_passages() -> list[Passage]:
    rng = np.random.default_rng(1)
    return [
        Passage(
            f"p{row}",
            " ".join(rng.choice(["fox", "dog", "moon", "tide", "ocean"], size=int(rng.integers(0, 30)))),
            title=f"title {row % 7}",
            document_id=f"d{row // 3}",
            number=row % 3,
            passages_total=3,
            start=row % 3 * 100,
            end=row % 3 * 100 + 90,
            meta=METAS[row % len(METAS)],
            vector=rng.normal(size=8).astype(np.float32) if row % 10 else None,
        )
        for row in range(PASSAGES)
    ]


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_index_goes_to_a_folder_and_back(
    similarity: str, make_index: MakeIndex, dropped: str, hybrid: Say, tmp_path: Path
) -> None:
    profile = small_profile(similarity=similarity, scale=20.0 if similarity == "cosine" else 1.0)
    address, folder = make_index(profile, IndexSpec(replicas=0, meta_types={"year": "long"})), str(tmp_path / "wiki")
    write_settled(address, make_passages())
    for origin, destination in ((address, folder), (folder, dropped)):
        said = hybrid("copy", origin, destination)
        assert (said.code, said.out) == (0, f"{PASSAGES} passages copied to {destination}\n")
    assert hybrid("settle", dropped).code == 0
    with (
        open_index(address, settings=Settings()) as first,
        open_index(folder) as second,
        open_index(dropped, settings=Settings()) as third,
    ):
        assert first.profile == second.profile == third.profile
        assert first.status() == second.status() == third.status()
        assert first.meta_types() == second.meta_types() == third.meta_types()
        for other in (second, third):
            assert_same(first, other)


def assert_same(first: Index, second: Index) -> None:
    """Fail unless both hold the same, and find the same."""
    for one, other in zip(all_of(first), all_of(second), strict=True):
        for name in ("id", "title", "text", "document_id", "number", "passages_total", "start", "end", "meta"):
            assert getattr(one, name) == getattr(other, name)
        assert (one.vector is None) == (other.vector is None)
        if one.vector is not None and other.vector is not None:
            assert_allclose(np.asarray(one.vector), np.asarray(other.vector), rtol=3e-7)
    rng, tally = np.random.default_rng(2), Tally()
    for clause in (None, *FILTERS):
        for question in ("fox", "moon tide title 3"):
            given: dict[str, Any] = {"vector": rng.normal(size=8), "filter": clause, "k": 1000, "dense": "exact"}
            here, there = first.search(question, **given).hits, second.search(question, **given).hits
            tally.compare(here, there, f"{question} {clause}")
            assert {hit.id for hit in here} == {hit.id for hit in there}
    assert tally.hits > 500


def all_of(index: Index) -> list[Passage]:
    return [one for page in index.scan() for one in page]


def test_copy_with_another_encoder_has_its_vectors_and_the_same_words(
    make_index: MakeIndex, dropped: str, hybrid: Say, tmp_path: Path
) -> None:
    model = save_sentence_transformer(tmp_path / "model", seed=3)
    address, folder = make_index(small_profile(k1=1.4, b=0.3)), str(tmp_path / "wiki")
    write_settled(address, make_passages())
    for origin, destination in ((address, folder), (folder, dropped)):
        said = hybrid("copy", origin, destination, "--encoder", model, "--scale", "7")
        assert (said.code, said.out) == (0, f"{PASSAGES} passages copied to {destination}, {PASSAGES} encoded\n")
    encoder = load_encoder(str(model), scale=7.0)
    before = {one.id: one for one in make_passages()}
    for copy in (folder, dropped):
        with open_index(copy, settings=Settings()) as index:
            assert (index.profile.pair_id, index.profile.scale) == (encoder.pair_id, 7.0)
            assert (index.profile.k1, index.profile.b) == (1.4, 0.3)
            assert index.status().encoded == PASSAGES
            found = {one.id: one for page in index.scan() for one in page}
        assert {one: (passage.title, passage.text) for one, passage in found.items()} == {
            one: (passage.title, passage.text) for one, passage in before.items()
        }
        expected = encoder.encode_passages([(one.title, one.text) for one in found.values()])
        assert_allclose(np.array([one.vector for one in found.values()]), expected, atol=2e-2)


def test_copy_of_nothing_has_no_scale_to_find(hybrid: Say, tmp_path: Path) -> None:
    model = save_sentence_transformer(tmp_path / "model", seed=3)
    folder, copy = tmp_path / "wiki", tmp_path / "copy"
    create_index(str(folder), small_profile(), settings=Settings())
    said = hybrid("copy", folder, copy, "--encoder", model, "--scale", "auto")
    assert (said.code, one_line(said)) == (
        2,
        f"hybrid: {folder} holds no text to find a scale out from; say --scale NUMBER.",
    )
    assert not copy.exists()


def test_scale_without_an_encoder_is_refused(hybrid: Say, tmp_path: Path) -> None:
    said = hybrid("copy", tmp_path / "wiki", tmp_path / "other", "--scale", "7")
    assert (said.code, said.err) == (
        2,
        "hybrid: --scale goes with --encoder; the scale of vectors that are copied stays.\n",
    )


def test_folder_that_is_to_be_encoded_anew_is_told_the_way(hybrid: Say, tmp_path: Path) -> None:
    folder = str(tmp_path / "wiki")
    create_index(folder, small_profile(), settings=Settings())
    said = hybrid("reencode", folder, "--encoder", save_sentence_transformer(tmp_path / "model"), "--scale", "7")
    assert said.code == 2
    assert f"hybrid copy {folder} NEW --encoder NAME" in said.err
