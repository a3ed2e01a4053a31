"""What stands in the index after an ingestion is what stands in the source, and a second run changes nothing."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybrid import IndexSpec, open_index
from hybrid.records import Filled
from hybrid.settings import Settings
from ingest import batches
from ingest.documents import Document, Reject
from ingest.splitter import By
from ingest.tally import Tally
from tests.conftest import MakeIndex
from tests.integration.faults import name_of
from tests.integration.feeding import (
    accepted_of,
    assert_holds,
    document,
    ingest,
    rejected_positions,
    stored,
    vector_of,
    versions,
)

NAMES = st.sampled_from(["a", "b", "c", "ä b", "語", "x/y?z=1&", "d" * 200])
DOCUMENTS = st.builds(document, NAMES, st.integers(1, 11), st.sampled_from(["", "s", "t"]))
REJECTS = st.just(Reject("made", 1, "the text is empty", ""))
SOURCES = st.lists(st.one_of(DOCUMENTS, DOCUMENTS, DOCUMENTS, REJECTS), max_size=12)
RUNS = st.lists(st.tuples(SOURCES, st.sampled_from(["words", "document"])), min_size=1, max_size=3)


@pytest.fixture
def address(make_index: MakeIndex) -> str:
    return make_index()


def test_second_run_writes_nothing(address: str, rejects: Path, raw: Any) -> None:
    source = [document(f"d{number}", number % 9 + 1) for number in range(40)]
    first = ingest(address, source, rejects).tally
    before = versions(raw, address)
    second = ingest(address, source, rejects).tally
    assert (first.created, first.unchanged) == (len(before), 0)
    assert (second.created, second.updated, second.deleted, second.unchanged) == (0, 0, 0, len(before))
    assert versions(raw, address) == before
    assert_holds(raw, address, accepted_of(source))


def test_changed_document_is_replaced_with_new_vectors_and_others_are_left_alone(
    address: str, rejects: Path, raw: Any
) -> None:
    same = document("same", 5)
    ingest(address, [same, document("d", 6)], rejects)
    before = versions(raw, address)
    changed = document("d", 6, "other")
    tally = ingest(address, [same, changed], rejects).tally
    assert (tally.created, tally.updated, tally.unchanged) == (0, 2, 2)
    assert_holds(raw, address, accepted_of([same, changed]))
    after = versions(raw, address)
    assert {one for one in after if after[one] == before[one]} == {"same#0", "same#1"}


@pytest.mark.parametrize(
    "change",
    [Document("d", "New title", "one two"), Document("d", "T", "one two", {"year": 2000})],
    ids=["title", "meta"],
)
def test_title_and_metadata_are_part_of_a_document(change: Document, address: str, rejects: Path, raw: Any) -> None:
    ingest(address, [Document("d", "T", "one two", {"year": 1999})], rejects)
    assert ingest(address, [change], rejects).tally.updated == 1
    assert_holds(raw, address, accepted_of([change]))
    assert stored(raw, address)["d#0"]["_source"]["meta"] == dict(change.meta)


@pytest.mark.parametrize(("before", "after", "deleted"), [(9, 4, 1), (9, 1, 2), (1, 9, 0), (300, 2, 99)])
def test_surplus_passages_of_a_document_are_deleted(
    before: int, after: int, deleted: int, address: str, rejects: Path, raw: Any
) -> None:
    ingest(address, [document("d", before)], rejects)
    assert ingest(address, [document("d", after)], rejects).tally.deleted == deleted
    assert_holds(raw, address, accepted_of([document("d", after)]))


@pytest.mark.parametrize(("first", "second"), [("words", "document"), ("document", "words")])
def test_document_that_is_cut_in_another_way_leaves_nothing_behind(
    first: By, second: By, address: str, rejects: Path, raw: Any
) -> None:
    source = [document(f"d{number}", number + 1) for number in range(8)]
    ingest(address, source, rejects, by=first)
    tally = ingest(address, source, rejects, by=second).tally
    assert tally.deleted == len(accepted_of(source, first))
    assert_holds(raw, address, accepted_of(source, second))


def test_document_whose_id_looks_like_a_passage_of_another_stays(address: str, rejects: Path, raw: Any) -> None:
    source = [Document("a", "", "one"), Document("a#0", "", "two")]
    for _ in range(2):
        ingest(address, source, rejects, by="document")
        assert_holds(raw, address, accepted_of(source, "document"))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=RUNS, size=st.sampled_from([1, 4, 512]))
def test_every_row_and_every_passage_is_counted_once(
    runs: list[tuple[list[Document | Reject], By]], size: int, address: str, rejects: Path, raw: Any
) -> None:
    raw.delete_by_query(index=name_of(address), body={"query": {"match_all": {}}}, refresh=True)
    known: dict[str, tuple[Document, By]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "MAX_PASSAGES", size)
        for source, by in runs:
            tally = ingest(address, source, rejects, by=by).tally
            check_counts(tally, source, by, rejects)
            for one in reversed([one for one in source if isinstance(one, Document)]):
                known[one.id] = (one, by)
    wanted = {p.id: p for one, by in known.values() for p in accepted_of([one], by).values()}
    assert_holds(raw, address, wanted)


def check_counts(tally: Tally, source: list[Document | Reject], by: By, path: Path) -> None:
    """Count by hand what the tally must say."""
    first: dict[str, Document] = {}
    wrong = [
        place for place, one in enumerate(source) if isinstance(one, Reject) or first.setdefault(one.id, one) != one
    ]
    right = [one for place, one in enumerate(source) if place not in wrong and isinstance(one, Document)]
    assert tally.adds_up
    assert (tally.rows, tally.accepted, tally.rejected) == (len(source), len(right), len(wrong))
    passages = sum(len(accepted_of([one], by)) for one in right)
    assert (tally.passages, tally.duplicate) == (passages, passages - len(accepted_of(right, by)))
    assert sorted(rejected_positions(path)) == wrong


def test_document_that_the_index_refuses_is_rejected_and_leaves_nothing(
    make_index: MakeIndex, rejects: Path, raw: Any
) -> None:
    address = make_index(None, IndexSpec(replicas=0, meta_types={"day": "date"}))
    good, bad = document("good", 5, day="2020-01-31"), document("bad", 7, day="2020-01-31")
    ingest(address, [good, bad], rejects)
    source = [document("bad", 4, day="no day"), good, document("new", 9, day="neither")]
    tally = ingest(address, source, rejects).tally
    assert (tally.rows, tally.accepted, tally.rejected, tally.adds_up) == (3, 1, 2, True)
    assert_holds(raw, address, accepted_of([good]))
    assert rejected_positions(rejects) == [0, 2]
    assert "the index refuses passage bad#0" in rejects.read_text()


def test_passages_without_an_encoder_wait_and_are_encoded_by_the_next_run(
    address: str, rejects: Path, raw: Any
) -> None:
    source = [document(f"d{number}", 5) for number in range(5)]
    ingest(address, source, rejects, encode=None)
    assert_holds(raw, address, accepted_of(source), encoded=False)
    summary = ingest(address, source, rejects)
    assert (summary.tally.unchanged, summary.filled) == (10, Filled(encoded=10))
    assert_holds(raw, address, accepted_of(source))


def test_status_is_an_equation_in_every_state(address: str, rejects: Path) -> None:
    def half(pairs: Any) -> list[Any]:
        if any("bad" in text for _, text in pairs):
            raise ValueError("cannot read this")
        return [vector_of(*pair) for pair in pairs]

    def counts() -> tuple[int, int, int, int]:
        with open_index(address, settings=Settings()) as index:
            status = index.status()
        return status.passages, status.encoded, status.pending, status.failed

    assert counts() == (0, 0, 0, 0)
    ingest(address, [document("good", 6), document("bad", 3)], rejects, encode=half)
    assert counts() == (3, 2, 0, 1)
    ingest(address, [document("later", 9)], rejects, encode=None)
    assert counts() == (6, 2, 3, 1)


def test_deleted_documents_are_gone_with_all_of_their_passages(address: str, rejects: Path, raw: Any) -> None:
    source = [document(name, 7) for name in ("a", "b", "ab", "語")]
    ingest(address, source, rejects)
    with open_index(address, settings=Settings()) as index:
        assert index.delete_documents(["a", "語", "unknown"], refresh=True).deleted == 6
    assert_holds(raw, address, accepted_of([source[1], source[2]]))
    assert ingest(address, source, rejects).tally.created == 6
