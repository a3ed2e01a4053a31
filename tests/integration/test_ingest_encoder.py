"""An encoder that is slow, or stumbles over one passage, holds nothing else up."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid import Passage, isolate, open_index
from hybrid.errors import ModelError
from hybrid.passages import Vector
from hybrid.records import Filled, Status
from hybrid.settings import Settings
from ingest import batches, job
from ingest.documents import Document
from tests.conftest import MakeIndex
from tests.integration.feeding import (
    FIELD,
    Pairs,
    accepted_of,
    assert_holds,
    document,
    encode,
    ingest,
    stored,
    vector_of,
    versions,
)

POISON = "poison"
Trouble = Callable[[Pairs], list[Vector]]


@pytest.fixture
def address(make_index: MakeIndex) -> str:
    return make_index()


def raising(pairs: Pairs) -> list[Vector]:
    if any(POISON in text for _, text in pairs):
        raise ValueError("a token that nobody knows")
    return encode(pairs)


def giving_nan(pairs: Pairs) -> list[Vector]:
    return [np.full(8, np.nan, np.float32) if POISON in text else vector_of(title, text) for title, text in pairs]


def with_poison() -> list[Document]:
    good = [document(f"d{number}", number % 7 + 1) for number in range(30)]
    return [*good[:11], Document("bad", "", f"{POISON} one two"), *good[11:], Document("worse", "", POISON)]


def status_of(address: str) -> Status:
    with open_index(address, settings=Settings()) as index:
        return index.status()


@pytest.mark.parametrize("slow", [False, True], ids=["with the text", "after the text"])
@pytest.mark.parametrize(
    ("trouble", "reason"),
    [(raising, "ValueError: a token that nobody knows"), (giving_nan, "the encoder gives NaN or infinity")],
)
def test_passage_that_cannot_be_encoded_stands_alone(
    trouble: Trouble,
    reason: str,
    slow: bool,
    address: str,
    rejects: Path,
    raw: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if slow:
        never_keep_up(monkeypatch)
    source = with_poison()
    summary = ingest(address, source, rejects, encode=trouble)
    assert (summary.filled.failed, summary.tally.rejected) == (2, 0)
    status = status_of(address)
    assert (status.pending, status.failed, status.encoded) == (0, 2, len(accepted_of(source)) - 2)
    for name in ("bad#0", "worse#0"):
        found = stored(raw, address)[name]["_source"]
        assert found["encode_error"]["reason"] == reason
        assert found["encode_error"]["text_hash"] == found["text_hash"]
        assert found["pending"]
        assert FIELD not in found
        raw.delete(index=address.rpartition("/")[2], id=name)
    assert_holds(raw, address, accepted_of(one for one in source if one.id not in ("bad", "worse")))


def test_next_run_does_not_try_a_failed_passage_again_unless_its_text_changes(
    address: str, rejects: Path, raw: Any
) -> None:
    source = with_poison()
    ingest(address, source, rejects, encode=raising)
    before = versions(raw, address)
    asked: list[tuple[str, str]] = []

    def listening(pairs: Pairs) -> list[Vector]:
        asked.extend(pairs)
        return raising(pairs)

    assert ingest(address, source, rejects, encode=listening).filled == Filled()
    assert asked == []
    assert versions(raw, address) == before
    cured = [Document("bad", "", "all is well") if one.id == "bad" else one for one in source]
    assert ingest(address, cured, rejects, encode=listening).tally.updated == 1
    assert asked == [("", "all is well")]
    raw.delete(index=address.rpartition("/")[2], id="worse#0")
    assert_holds(raw, address, accepted_of(cured[:-1]))


def test_error_of_the_whole_encoder_stops_the_job_which_can_go_on(address: str, rejects: Path, raw: Any) -> None:
    source = [document(f"d{number}", 5) for number in range(10)]

    def missing(_pairs: Pairs) -> list[Vector]:
        raise ModelError("The model is gone; fetch it again.")

    with pytest.raises(ModelError, match="is gone"):
        ingest(address, source, rejects, encode=missing)
    ingest(address, source, rejects, resume=True)
    assert_holds(raw, address, accepted_of(source))


def never_keep_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "SLOW_ENCODER", float("inf"))
    monkeypatch.setattr(batches, "MAX_PASSAGES", 8)
    monkeypatch.setattr(isolate, "FILL_SIZE", 8)


def test_slow_encoder_lets_the_text_go_first(
    address: str, rejects: Path, raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_keep_up(monkeypatch)
    source = [document(f"d{number}", 6) for number in range(20)]
    there: list[int] = []

    def looking(pairs: Pairs) -> list[Vector]:
        there.append(len(stored(raw, address)))
        return encode(pairs)

    summary = ingest(address, source, rejects, encode=looking)
    assert there == [0, 40, 40, 40, 40]
    assert summary.filled == Filled(encoded=32)
    assert_holds(raw, address, accepted_of(source))


def test_passage_that_changes_while_it_is_encoded_gets_the_vector_of_its_new_text(
    address: str, rejects: Path, raw: Any
) -> None:
    source = [document(f"d{number}", 3) for number in range(5)]
    ingest(address, source, rejects, encode=None)
    asked: list[str] = []

    def meddling(pairs: Pairs) -> list[Vector]:
        if not asked:
            rewrite(address, Document("d2", "New", "new text"))
        asked.extend(text for _, text in pairs)
        return encode(pairs)

    summary = ingest(address, source[:0], rejects, encode=meddling)
    assert summary.filled == Filled(encoded=5)
    assert asked[5:] == ["new text"]
    assert_holds(raw, address, accepted_of([*source[:2], Document("d2", "New", "new text"), *source[3:]]))


def rewrite(address: str, changed: Document) -> None:
    """Write a document's only passage anew, as another process would."""
    with open_index(address, settings=Settings()) as index:
        index.add(accepted_of([changed]).values())


def test_passage_that_others_keep_changing_is_left_for_the_next_run(address: str, rejects: Path, raw: Any) -> None:
    source = [document("a", 3), document("b", 3)]
    ingest(address, source, rejects, encode=None)
    numbers = itertools.count()

    def meddling(pairs: Pairs) -> list[Vector]:
        rewrite(address, Document("b", "", f"version {next(numbers)}"))
        return encode(pairs)

    assert ingest(address, [], rejects, encode=meddling).filled == Filled(encoded=1, contested=1)
    assert ingest(address, [], rejects).filled == Filled(encoded=1)
    assert_holds(raw, address, accepted_of([source[0], Document("b", "", f"version {next(numbers) - 1}")]))


def test_passage_that_is_deleted_while_it_is_encoded_stays_deleted(address: str, rejects: Path, raw: Any) -> None:
    source = [document(name, 3) for name in "abc"]
    ingest(address, source, rejects, encode=None)

    def deleting(pairs: Pairs) -> list[Vector]:
        with open_index(address, settings=Settings()) as index:
            index.delete(["b#0"])
        return encode(pairs)

    assert ingest(address, [], rejects, encode=deleting).filled == Filled(encoded=2, missing=1)
    assert_holds(raw, address, accepted_of([source[0], source[2]]))


def test_vector_that_came_from_elsewhere_meanwhile_is_kept(address: str, rejects: Path, raw: Any) -> None:
    source = [document("a", 3)]
    ingest(address, source, rejects, encode=None)
    (passage,) = accepted_of(source).values()
    other = Passage(passage.id, passage.text, passage.title, "a", 0, 1, 0, len(passage.text), {}, np.ones(8))

    def overtaken(pairs: Pairs) -> list[Vector]:
        with open_index(address, settings=Settings()) as index:
            index.add([other])
        return encode(pairs)

    assert ingest(address, [], rejects, encode=overtaken).filled == Filled(encoded=1)
    assert stored(raw, address)["a#0"]["_source"][FIELD] == [1.0] * 8
