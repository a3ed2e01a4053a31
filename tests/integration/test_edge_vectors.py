"""Vectors at their limits: negative, long, growing, zero, tiny, and of any length where only direction counts."""

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid import HybridError, IndexSpec, Passage, open_index
from hybrid.errors import VectorError
from hybrid.settings import Settings
from tests.agreement import Tally
from tests.conftest import MakeIndex, small_profile
from tests.exactness import Asked, Bench, Benches, make_benches, read_bm25, write_settled

MODES: list[Literal["hybrid", "lexical", "dense"]] = ["hybrid", "lexical", "dense"]
DENSE: list[Literal["ann", "exact"]] = ["ann", "exact"]
LAMBDAS = (0.0, 0.3, 1.1, 5.0)

benches = pytest.fixture(scope="module")(make_benches)


def test_every_sim_may_be_negative(benches: Benches, rng: np.random.Generator) -> None:
    question = np.ones(8, dtype=np.float32)
    bench = benches(_passages(-np.abs(rng.normal(size=(60, 8)))))
    for lam in LAMBDAS:
        for dense in DENSE:
            for text in ("fox 3", "zzyzx"):
                hits = bench.check(Asked(text, question, "hybrid", dense, lam=lam, depth=20))
                assert all(hit.sim is not None and hit.sim < 0 for hit in hits)


@pytest.mark.parametrize("norm", [0.01, 3.0, 10.0])
def test_vectors_of_any_length_are_ranked_by_their_raw_dot_product(
    norm: float, benches: Benches, rng: np.random.Generator
) -> None:
    bench = benches(_passages(_of_length(norm, 60, rng)))
    assert bench.profile.max_norm >= norm
    for vector in _of_length(norm, 3, rng):
        for mode in MODES:
            for lam in LAMBDAS:
                bench.check(Asked("fox 7", vector, mode, lam=lam, k=60))


def test_max_norm_grows_and_every_open_handle_goes_on_ranking_right(
    make_index: MakeIndex, raw: Any, rng: np.random.Generator
) -> None:
    address = make_index(small_profile())
    old = open_index(address, settings=Settings())
    writer = open_index(address, settings=Settings())
    passages = _passages(_of_length(10.0, 60, rng))
    writer.add(passages, refresh=True)
    bench = Bench(address, raw, passages, read_bm25(raw, address, passages))
    assert bench.profile.max_norm >= 10.0
    assert writer.profile.max_norm == bench.profile.max_norm
    for vector in _of_length(3.0, 4, rng):
        for lam in LAMBDAS:
            for k in (5, 60):
                asked = Asked("fox 7", vector, lam=lam, k=k)
                bench.check(asked)
                bench.check(asked, index=writer)
                _check_or_one_clear_error(bench, asked, old)
    for index in (old, writer, bench.index):
        index.close()


def test_vector_that_something_else_wrote_is_an_error_and_not_a_wrong_score(
    make_index: MakeIndex, raw: Any, rng: np.random.Generator
) -> None:
    address = make_index(small_profile())
    question = rng.normal(size=8).astype(np.float32)
    with open_index(address, settings=Settings()) as index:
        index.add(_passages(_of_length(1.0, 20, rng)), refresh=True)
        document = {"id": "foreign", "text": "fox", index.profile.vector_field: (-50 * question).tolist()}
        raw.index(index=address.rpartition("/")[2], id="foreign", body=document, refresh=True)
        with pytest.raises(HybridError, match="vector longer than") as caught:
            index.search("fox", vector=question, k=100)
        assert "\n" not in str(caught.value)


def test_cosine_normalises_whatever_it_is_given(benches: Benches, rng: np.random.Generator) -> None:
    directions = _of_length(1.0, 60, rng)
    lengths = rng.choice([1e-6, 0.1, 1.0, 10.0, 1e6], size=(60, 1))
    given = _passages(directions * lengths)
    profile = small_profile(similarity="cosine", scale=20.0)
    bench = benches(given, profile)
    bench.vectors = directions.astype(np.float64)
    assert bench.profile.max_norm < 1.001
    question = rng.normal(size=8)
    wanted = (20 * question / np.linalg.norm(question)).astype(np.float32)
    for mode in MODES:
        hits = bench.check(Asked("fox 7", wanted, mode))
        for length in (1e-6, 1.0, 1e6):
            again = bench.index.search("fox 7", vector=question * length, mode=mode, k=100).hits
            assert [hit.id for hit in again] == [hit.id for hit in hits]
            assert [hit.sim for hit in again] == pytest.approx([hit.sim for hit in hits], abs=1e-4)


def test_zero_vector_has_no_cosine_and_is_refused_before_anything_is_written(make_index: MakeIndex) -> None:
    with open_index(make_index(small_profile(similarity="cosine")), settings=Settings()) as index:
        good = Passage("good", "fox", vector=np.ones(8))
        for zero in (np.zeros(8), np.full(8, 1e-60)):
            with pytest.raises(VectorError, match=r"bad.*zeros"):
                index.add([good, Passage("bad", "fox", vector=zero)], refresh=True)
            with pytest.raises(VectorError, match=r"question.*zeros"):
                index.search("fox", vector=zero)
        assert list(index.search("fox", mode="lexical").hits) == []


def test_zero_vectors_have_a_dot_product_of_zero(benches: Benches, rng: np.random.Generator) -> None:
    vectors = np.vstack([np.zeros((5, 8)), rng.normal(size=(20, 8))])
    bench = benches(_passages(vectors))
    for question in (np.zeros(8, dtype=np.float32), rng.normal(size=8).astype(np.float32)):
        for mode in MODES:
            for dense in DENSE:
                bench.check(Asked("fox 3", question, mode, dense))


@pytest.mark.parametrize("size", [1e-40, 1e-20, 1e-8])
def test_tiny_vectors_are_vectors(size: float, benches: Benches, rng: np.random.Generator) -> None:
    bench = benches(_passages(rng.normal(size=(20, 8)) * size))
    for mode in MODES:
        bench.check(Asked("fox 3", (rng.normal(size=8) * size).astype(np.float32), mode))


@pytest.mark.parametrize("size", [1e4, 1e10, 1e19, 3e38])
def test_huge_vectors_are_ranked_right_or_refused_in_one_line(
    size: float, make_index: MakeIndex, raw: Any, rng: np.random.Generator
) -> None:
    address, passages = make_index(small_profile()), _passages(_of_length(1.0, 20, rng) * size)
    refused = _complaint(lambda: write_settled(address, passages))
    if refused:
        assert "vector" in refused
        assert "\n" not in refused
        return
    bench = Bench(address, raw, passages, read_bm25(raw, address, passages))
    for scale in (1.0, size):
        vector = (_of_length(1.0, 1, rng)[0] * scale).astype(np.float32)
        for mode in MODES:
            for dense in DENSE:
                _check_or_one_clear_error(bench, Asked("fox 3", vector, mode, dense), bench.index)
    bench.index.close()


def test_one_dimension_is_enough(make_index: MakeIndex, raw: Any) -> None:
    address = make_index(small_profile(dimension=1), IndexSpec(replicas=0))
    passages = [Passage(f"p{n}", "fox", vector=np.array([n - 5], dtype=np.float32)) for n in range(11)]
    write_settled(address, passages)
    bench = Bench(address, raw, passages, read_bm25(raw, address, passages))
    hits = bench.check(Asked("fox", np.array([-2], dtype=np.float32), lam=1.0))
    assert [hit.sim for hit in hits] == [10.0 - 2 * n for n in range(11)]
    bench.index.close()


def _check_or_one_clear_error(bench: Bench, asked: Asked, index: Any) -> None:
    complaint = _complaint(lambda: bench.check(asked, Tally(coarse=True), index))
    assert not complaint or "vector" in complaint or "profile" in complaint
    assert "\n" not in complaint


def _complaint(attempt: Callable[[], object]) -> str:
    """Give the one line that an attempt was refused with, or nothing."""
    try:
        attempt()
    except HybridError as error:
        return str(error)
    return ""


def _passages(vectors: NDArray[Any]) -> list[Passage]:
    rows = vectors.astype(np.float32)
    assert all(math.isfinite(value) for value in rows.ravel())
    return [
        Passage(f"p{n}", f"The fox number {n % 9}" if n % 4 else "A dog", vector=row) for n, row in enumerate(rows)
    ]


def _of_length(norm: float, rows: int, rng: np.random.Generator) -> NDArray[np.float32]:
    vectors = rng.normal(size=(rows, 8))
    resized: NDArray[np.float32] = (norm * vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(
        np.float32
    )
    return resized
