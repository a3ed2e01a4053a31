"""What is to be written of a batch, without a cluster."""

from functools import partial

import pytest

from hybrid.passages import Passage, hash_content
from hybrid.records import Failure, State
from ingest import batches
from ingest.batches import Batch, make_batches, plan_work, probe_ids, refuse
from ingest.documents import Document, Reject, Row
from ingest.seen import Seen
from ingest.splitter import split
from ingest.tally import Tally

CUT = partial(split, words=2)
WHOLE = partial(split, by="document")
REJECT = Reject("made", 1, "the text is empty", "")


def to_rows(*contents: Document | Reject) -> list[Row]:
    return [Row(place, content, "made", place + 1) for place, content in enumerate(contents)]


def doc(name: str, words: int, salt: str = "") -> Document:
    return Document(name, "", " ".join(f"{salt}w{number}" for number in range(words)))


def batch_of(*contents: Document | Reject, start: int = 0) -> Batch:
    (batch,) = make_batches(to_rows(*contents), CUT, Seen(), start)
    return batch


def stored(*passages: Passage) -> dict[str, State]:
    return {one.id: State(one.document_id, hash_content(one), one.passages_total, pending=False) for one in passages}


def test_batches_are_bounded_and_lose_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MAX_PASSAGES", 4)
    rows = to_rows(*(doc(f"d{number}", 3) for number in range(5)), REJECT)
    made = list(make_batches(rows, CUT, Seen()))
    assert [len(one.passages) for one in made] == [4, 4, 2]
    assert [one.end for one in made] == [2, 4, 6]
    assert made[-1].rejects == [(5, REJECT)]


def test_long_texts_end_a_batch_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MAX_CHARS", 10)
    assert [one.end for one in make_batches(to_rows(doc("a", 4), doc("b", 4)), CUT, Seen())] == [1, 2]


def test_source_without_rows_gives_no_batch() -> None:
    assert list(make_batches([], CUT, Seen())) == []


def test_row_that_says_the_same_again_is_a_duplicate_and_another_a_reject() -> None:
    batch = batch_of(doc("a", 3), doc("a", 3), doc("a", 4))
    assert batch.repeated == Tally(rows=1, accepted=1, passages=2, duplicate=2)
    ((position, reject),) = batch.rejects
    assert position == 2
    assert reject.reason == "the id 'a' is taken by an earlier row that says something else"
    tally = plan_work(batch, {}).tally
    assert tally == Tally(rows=3, accepted=2, rejected=1, passages=4, created=2, duplicate=2)


def test_rows_before_the_start_keep_their_ids_and_are_not_counted() -> None:
    batch = batch_of(doc("a", 3), REJECT, doc("a", 4), doc("b", 2), start=2)
    assert [position for position, _ in batch.rejects] == [2]
    assert plan_work(batch, {}).tally == Tally(rows=2, accepted=1, rejected=1, passages=1, created=1)


def test_only_what_differs_is_written() -> None:
    before = CUT(doc("a", 6))
    batch = batch_of(Document("a", "", "w0 w1 other w3 w4 w5"))
    work = plan_work(batch, stored(*before))
    assert ([one.id for one in work.write], work.delete) == (["a#1", "a#2"], [])
    assert (work.tally.updated, work.tally.unchanged) == (2, 1)


def test_first_passage_is_written_first_and_deleted_last() -> None:
    shrunk = plan_work(batch_of(doc("a", 4)), stored(*CUT(doc("a", 10))))
    assert ([one.id for one in shrunk.write], shrunk.delete) == (["a#0", "a#1"], ["a#4", "a#3", "a#2"])
    grown = plan_work(batch_of(doc("a", 6)), stored(*CUT(doc("a", 2))))
    assert [one.id for one in grown.write] == ["a#0", "a#1", "a#2"]
    (batch,) = make_batches(to_rows(doc("a", 6)), WHOLE, Seen())
    assert plan_work(batch, stored(*CUT(doc("a", 6)))).delete == ["a#2", "a#1", "a#0"]


def test_first_passages_of_both_ways_to_cut_are_looked_for() -> None:
    assert probe_ids(batch_of(doc("a", 4), doc("b", 1))) == ["a", "a#0", "a#1", "b", "b#0"]
    (batch,) = make_batches(to_rows(doc("a", 4)), WHOLE, Seen())
    assert probe_ids(batch) == ["a", "a#0"]


def test_document_that_was_one_passage_is_deleted_as_such() -> None:
    work = plan_work(batch_of(doc("a", 4)), stored(*WHOLE(doc("a", 4))))
    assert (work.delete, work.tally.deleted, work.tally.created) == (["a"], 1, 2)


def test_refused_passage_makes_its_document_a_reject_and_takes_it_away_whole() -> None:
    batch = batch_of(doc("a", 4), doc("b", 3), doc("c", 2))
    work = plan_work(batch, stored(*CUT(doc("b", 9))))
    kept, left = refuse(batch, work, [Failure("b#1", 400, "a bad date")])
    assert [row.position for row, _ in kept.documents] == [0, 2]
    ((position, reject),) = kept.rejects
    assert (position, reject.line, reject.excerpt) == (1, 2, "w2")
    assert reject.reason == "the index refuses passage b#1: a bad date"
    assert left.write == []
    assert left.delete == ["b#4", "b#3", "b#2", "b#1", "b#0"]
    assert left.tally == Tally(rows=3, accepted=2, rejected=1, passages=3, created=3)
    assert left.tally.adds_up


def test_rejects_alone_fill_a_batch_too() -> None:
    rows = (Row(n, Reject("s", n, "the text is empty", "")) for n in range(3 * batches.MAX_PASSAGES))
    sizes = [len(batch.rejects) for batch in make_batches(rows, lambda _: [], Seen())]
    assert sizes == [batches.MAX_PASSAGES] * 3
