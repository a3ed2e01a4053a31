"""What a folder refuses, in one line that says what to do; and small promises of its index."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid.engines.local.index import LocalIndex
from hybrid.engines.spec import IndexSpec
from hybrid.errors import EncoderMismatchError, IndexExistsError, UsageError, VectorError
from hybrid.index import create_index, delete_index, examine_index, open_index
from hybrid.passages import Passage, hash_content
from hybrid.records import BulkReport, Failure
from tests.conftest import small_profile
from tests.messages import assert_one_clear_line

VECTOR = [1.0] * 8


@pytest.fixture
def address(tmp_path: Path) -> str:
    return str(tmp_path / "index")


@pytest.fixture
def index(address: str) -> Iterator[LocalIndex]:
    create_index(address, small_profile())
    with open_index(address) as opened:
        assert isinstance(opened, LocalIndex)
        yield opened


def refused(act: Callable[[], object], kind: type[Exception], *named: str) -> None:
    with pytest.raises(kind) as caught:
        act()
    line = assert_one_clear_line(caught.value)
    for name in named:
        assert name in line


@pytest.mark.parametrize("analyzer", ["nori", "french", ""])
def test_analyzer_that_is_not_mirrored_is_refused_by_name(analyzer: str, address: str) -> None:
    refused(lambda: create_index(address, small_profile(analyzer=analyzer)), UsageError, repr(analyzer), "english")
    assert not Path(address).exists()


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        (IndexSpec(shards=2), "shards"),
        (IndexSpec(replicas=0), "replicas"),
        (IndexSpec(engine="faiss"), "engine"),
        (IndexSpec(m=8, ef_construction=64), "ef_construction"),
        (IndexSpec(derived_source=True), "derived_source"),
        (IndexSpec(meta_types={"a": "geo_point"}), "geo_point"),
    ],
)
def test_layout_that_only_a_cluster_has_is_refused_by_name(spec: IndexSpec, named: str, address: str) -> None:
    refused(lambda: create_index(address, small_profile(), spec), UsageError, named)
    assert not Path(address).exists()


def test_index_is_made_once(index: LocalIndex, address: str) -> None:
    index.add([Passage("a", "fox", vector=VECTOR)])
    refused(lambda: create_index(address, small_profile()), IndexExistsError, address)
    assert index.status().passages == 1


def test_deleted_index_is_gone_and_can_be_made_anew(index: LocalIndex, address: str) -> None:
    index.add([Passage("a", "fox", vector=VECTOR)])
    index.close()
    delete_index(address)
    assert not Path(address).exists()
    create_index(address, small_profile(dimension=3))
    with open_index(address) as again:
        assert (again.profile.dimension, again.status().passages) == (3, 0)


def test_headers_and_requests_belong_to_clusters(index: LocalIndex, address: str) -> None:
    refused(lambda: open_index(address, headers={"a": "b"}), UsageError, address)
    refused(lambda: index.explain_query("fox", vector=VECTOR), UsageError, address)


def test_closed_index_says_that_it_is_closed(index: LocalIndex, address: str) -> None:
    scan = index.scan()
    index.close()
    index.close()
    acts: tuple[Callable[[], object], ...] = (
        lambda: index.search("fox", vector=VECTOR),
        lambda: index.add([]),
        lambda: index.delete(["a"]),
        lambda: index.delete_documents(["a"]),
        lambda: index.profile,
        index.status,
        index.settle,
        index.meta_types,
    )
    for act in acts:
        refused(act, UsageError, "closed", address)
    assert list(scan) == []


def test_vectors_of_another_encoder_are_refused(index: LocalIndex) -> None:
    passages = [Passage("a", "fox", vector=VECTOR)]
    refused(lambda: index.add(passages, pair_id="other"), EncoderMismatchError, "other", "made-up")
    refused(lambda: index.search("fox", vector=VECTOR, pair_id="other"), EncoderMismatchError, "other")
    assert index.status().passages == 0


@pytest.mark.parametrize("vector", [[1.0] * 7, [float("nan")] * 8, "fox", [[1.0] * 8], [1e30] * 8])
def test_wrong_vector_stops_before_anything_of_its_batch_is_written(vector: Any, index: LocalIndex) -> None:
    index.add([Passage("a", "fox", vector=VECTOR)])
    passages = [Passage("b", "dog", vector=VECTOR), Passage("wrong", "dog", vector=vector)]
    refused(lambda: index.add(passages), VectorError, "wrong")
    refused(lambda: index.search("fox", vector=vector), VectorError)
    assert [hit.id for hit in index.search("fox dog", vector=VECTOR).hits] == ["a"]
    assert index.add(passages[:1]).created == 1


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"id": 5}, "id is of the type int; give a string"),
        ({"id": None}, "id is of the type NoneType; give a string"),
        ({"title": None}, "title is of the type NoneType; give a string"),
        ({"document_id": b"d"}, "document_id is of the type bytes; give a string"),
        ({"number": 3.0}, "number is of the type float; give a whole number"),
        ({"meta": [1]}, "meta is of the type list; give a mapping"),
    ],
    ids=str,
)
def test_passage_of_wrong_types_fails_alone(wrong: dict[str, Any], reason: str, index: LocalIndex) -> None:
    strange = dataclasses.replace(Passage("strange", "fox"), **wrong)
    report = index.add([Passage("a", "fox"), strange, Passage("b", "fox")])
    assert report == BulkReport(created=2, failures=(Failure(strange.id, 400, reason),))
    assert [hit.id for hit in index.search("fox", mode="lexical").hits] == ["a", "b"]


def test_numbers_of_numpy_are_stored_as_numbers(index: LocalIndex) -> None:
    numbers: Any = {"number": np.int64(3), "start": np.uint8(7)}
    index.add([Passage("a", "fox", **numbers)])
    stored = index.fetch(["a"])["a"]
    assert (stored.number, stored.start, stored.end) == (3, 7, 10)
    state = index.intake().states(["a"])["a"]
    assert state.content_hash == hash_content(Passage("a", "fox", number=3, start=7))


def test_id_that_is_no_text_deletes_nothing(index: LocalIndex) -> None:
    index.add([Passage("5", "fox")])
    strange: Any = [5, None, "6"]
    report = index.delete(strange)
    assert [one.id for one in report.failures] == strange[:2]
    assert (report.deleted, report.missing) == (0, 1)
    assert index.status().passages == 1


def test_error_of_the_source_leaves_whole_batches(index: LocalIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hybrid.engines.local.writer.BATCH", 10)

    def source() -> Iterator[Passage]:
        yield from (Passage(f"p{number}", "fox", vector=VECTOR) for number in range(25))
        raise RuntimeError("the source is gone")

    with pytest.raises(RuntimeError, match="gone"):
        index.add(source())
    assert index.status().passages == 20
    assert index.add([Passage("a", "fox")]).created == 1


def test_longest_vector_is_kept_in_the_profile(index: LocalIndex, address: str) -> None:
    with open_index(address) as other:
        index.add([Passage("a", "fox", vector=[3.0, 4.0, *[0.0] * 6])])
        assert 5.0 <= index.profile.max_norm == other.profile.max_norm <= 7.0
        index.add([Passage("a", "fox", vector=[7.5, *[0.0] * 7])])
        assert other.profile.max_norm >= 7.5
        before = index.profile
        index.add([Passage("b", "fox", vector=[5.0, *[0.0] * 7])])
        assert other.profile == before
        index.add([Passage("c", "fox")])
        intake = index.intake()
        list(intake.fill_pending(lambda pairs: [np.full(8, 100.0, np.float32)] * len(pairs), 10))
        assert other.profile.max_norm >= 100 * 8**0.5


def test_equal_passages_have_equal_scores_wherever_they_lie(tmp_path: Path) -> None:
    rng, dimension = np.random.default_rng(1), 385
    vectors = rng.normal(size=(7, dimension)).astype(np.float32)
    address = str(tmp_path / "wide")
    create_index(address, small_profile(dimension=dimension))
    with open_index(address) as index:
        for portion in (1, 2, 3, 5, 8, 13, 21):
            # Each vector comes at other places of groups of other sizes.
            index.add(
                [
                    Passage(f"p{portion}-{row}", f"fox word{row % 7}", vector=vectors[(row + portion) % 7])
                    for row in range(portion)
                ]
            )
        index.add([Passage(f"late{row}", "fox") for row in range(7)])
        list(index.intake().fill_pending(lambda pairs: list(vectors[: len(pairs)]), 100))
        for mode in ("dense", "hybrid"):
            for k in (3, 11, 100):
                hits = index.search("fox", vector=rng.normal(size=dimension), mode=mode, k=k).hits
                assert [hit.id for hit in hits] == [hit.id for hit in sorted(hits, key=lambda h: (-h.score, h.id))]
                assert len({hit.sim for hit in hits}) <= 7


def test_field_of_a_passage_that_was_replaced_in_its_own_batch_is_known(index: LocalIndex) -> None:
    for number in (1, 2):
        index.add([Passage("a", "fox", meta={f"new{number}": 1}), Passage("a", "fox", meta={f"new{number}": 2})])
        clause = {"term": {f"meta.new{number}": 2}}
        assert [hit.id for hit in index.search("fox", mode="lexical", filter=clause).hits] == ["a"]
        assert index.meta_types()[f"new{number}"] == "long"


def test_hits_carry_no_text_where_none_is_wanted(index: LocalIndex) -> None:
    index.add([Passage("a", "fox", title="dog", meta={"year": 1}, vector=VECTOR)])
    (whole,) = index.search("fox", vector=VECTOR).hits
    (bare,) = index.search("fox", vector=VECTOR, text=False).hits
    assert (whole.title, whole.text, whole.meta) == ("dog", "fox", {"year": 1})
    assert (bare.title, bare.text, bare.meta) == ("", "", {})
    assert (bare.id, bare.score, bare.bm25, bare.sim) == (whole.id, whole.score, whole.bm25, whole.sim)


def test_question_without_a_vector_is_answered_by_its_words_alone(index: LocalIndex) -> None:
    index.add([Passage("a", "fox", vector=VECTOR), Passage("b", "fox"), Passage("c", "dog", vector=VECTOR)])
    for hits in (
        index.search("fox", mode="lexical").hits,
        *(result.hits for result in index.search_many(["fox", "fox"], mode="lexical")),
    ):
        assert [(hit.id, hit.sim) for hit in hits] == [("a", None), ("b", None)]
        assert hits[0].score == hits[0].bm25 > 0
    refused(lambda: index.search("fox"), VectorError, "vector")
    assert index.search_many([], mode="lexical") == []


def test_folder_that_is_no_index_is_no_surprise_to_the_doctor(tmp_path: Path) -> None:
    (check,) = examine_index(str(tmp_path))
    assert (check.name, check.passed) == ("database", False)
    assert str(tmp_path) in check.detail
