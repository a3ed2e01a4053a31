"""Pages of documents on their way into an adopted index: memory has bounds, and only one's own fault is one's own."""

import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import pytest

from hybrid import Profile
from hybrid.engines.opensearch.adopt import PAGE, Document, copy_documents
from hybrid.engines.opensearch.calls import Answer, Call, Conversation, Pause
from hybrid.engines.opensearch.encoding import MOST_PARTS, group_by_parts
from hybrid.engines.opensearch.fill import fill
from hybrid.engines.opensearch.queries import Target
from hybrid.engines.opensearch.reads import Stored
from hybrid.errors import AccessError, IndexStateError
from hybrid.passages import ENCODED_HASH, hash_text
from hybrid.records import Filled

DIMENSION = 64
PROFILE = Profile(
    pair_id="made-up",
    fingerprint="0123456789abcdef",
    dimension=DIMENSION,
    max_norm=9.0,
    text_fields=("body",),
    split_words=1,
)
TARGET = Target("new", ("new--v1",), PROFILE, shards=1)
FIELD = PROFILE.vector_field
PARTS = 100
Pairs = Sequence[tuple[str, str]]


@dataclass(slots=True)
class Cluster:
    """What an index holds, which items it refuses, and what it was asked."""

    stored: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: By id, the status that an item gets instead; and the one that it gets with its vector only.
    refused: dict[str, int] = field(default_factory=dict)
    refused_vectors: dict[str, int] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    written: list[tuple[str, dict[str, bool]]] = field(default_factory=list)

    def run(self, conversation: Conversation[Any]) -> Any:
        try:
            step = next(conversation)
            while True:
                assert not isinstance(step, Pause)
                step = conversation.send(self.answer(step))
        except StopIteration as stop:
            return stop.value

    def answer(self, call: Call) -> Answer:
        lines = (call.body or b"").splitlines()
        if call.path.endswith("/_mget"):
            return Answer(200, {"docs": [self.find(one) for one in orjson.loads(lines[0])["docs"]]})
        assert call.path.endswith("/_bulk")
        return Answer(200, {"items": [self.take(*lines[n : n + 2]) for n in range(0, len(lines), 2)]})

    def find(self, item: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(item)
        source = self.stored.get(item["_id"])
        where = {"_id": item["_id"], "_seq_no": 1, "_primary_term": 1}
        return {**where, "found": source is not None, "_source": source or {}}

    def take(self, head: bytes, body: bytes) -> dict[str, Any]:
        ((kind, item),) = orjson.loads(head).items()
        document = dict.fromkeys(orjson.loads(body).get("doc", orjson.loads(body)), True)
        status = self.refused.get(item["_id"]) or (FIELD in document and self.refused_vectors.get(item["_id"]))
        if status:
            error = {"type": "mapper_parsing_exception", "reason": "no"}
            return {kind: {"_id": item["_id"], "status": status, "error": error}}
        self.written.append((item["_id"], document))
        return {kind: {"_id": item["_id"], "status": 200, "result": "updated"}}


def encode(pairs: Pairs) -> list[Any]:
    return list(np.full((len(pairs), DIMENSION), 0.123456789, np.float32))


def make_documents(count: int, parts: int = PARTS) -> list[Document]:
    return [Document(f"d{n}", {"body": "w " * parts}, n, None) for n in range(count)]


def make_stored(count: int, parts: int = PARTS) -> list[Stored]:
    return [Stored(f"d{n}", {"text": "w " * parts}, 1, 1) for n in range(count)]


WAYS: dict[str, Callable[[int], Conversation[Any]]] = {
    "copying": lambda count: copy_documents(TARGET, make_documents(count), encode),
    "filling": lambda count: fill(TARGET, make_stored(count), encode),
}


def measure_peak(conversation: Conversation[Any]) -> int:
    cluster = Cluster()
    tracemalloc.start()
    try:
        cluster.run(conversation)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("way", WAYS)
def test_memory_does_not_grow_with_the_passages_of_a_page(way: str) -> None:
    """A page of long documents needs hardly more than a group that is encoded together."""
    group = MOST_PARTS // PARTS
    assert measure_peak(WAYS[way](PAGE)) < 1.5 * measure_peak(WAYS[way](group))


def test_groups_are_bounded_by_passages_and_lose_nothing() -> None:
    lengths = [1, 5, 3, 9, 1, 1, 0, 4, 40, 2]
    groups = list(group_by_parts(PROFILE, lengths, lambda length: ("", "w " * length), most=9))
    assert groups == [[1, 5, 3], [9], [1, 1, 0, 4], [40], [2]]


def test_stored_vectors_are_read_only_where_the_text_is_the_same() -> None:
    same, other, new = make_documents(3, 2)
    vectors = [{"vector": [0.5] * DIMENSION}] * 2
    known = {ENCODED_HASH: hash_text("", "w " * 2), FIELD: vectors}
    cluster = Cluster({same.id: known, other.id: {**known, ENCODED_HASH: "of another text"}})
    _, copied = cluster.run(copy_documents(TARGET, [same, other, new], None))
    assert copied.report.updated == 3
    assert [item["_id"] for item in cluster.asked if FIELD in item["_source"]] == [same.id]
    assert all("body" not in item["_source"] for item in cluster.asked)
    assert [name for name, document in cluster.written if FIELD in document] == [same.id]


@pytest.mark.parametrize("status", [400, 413])
@pytest.mark.parametrize("way", WAYS)
def test_a_vector_that_is_refused_becomes_a_reason(way: str, status: int) -> None:
    cluster = Cluster(refused_vectors={"d1": status})
    outcome = cluster.run(WAYS[way](3))
    assert {name: FIELD in document for name, document in cluster.written} == {"d0": True, "d1": False, "d2": True}
    assert "encode_error" in dict(cluster.written)["d1"]
    if way == "filling":
        assert outcome == Filled(encoded=2, failed=1)
    else:
        (refused,) = outcome[1].refused
        assert (refused.id, refused.reason) == ("d1", "copied without its vector: no")
        assert (outcome[1].report.updated, outcome[1].report.failures) == (3, ())


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (401, "Cannot write to new: .* credentials"),
        (403, "Cannot write to new: .* forbids"),
        (500, r"new refuses .* d0: no"),
    ],
)
@pytest.mark.parametrize("way", WAYS)
def test_what_concerns_all_documents_is_an_error_and_no_documents_fault(way: str, status: int, told: str) -> None:
    cluster = Cluster(refused=dict.fromkeys(("d0", "d1", "d2"), status))
    with pytest.raises((AccessError, IndexStateError), match=told):
        cluster.run(WAYS[way](3))
    assert cluster.written == []


def test_a_reason_that_cannot_be_written_either_is_an_error() -> None:
    cluster = Cluster(refused={"d0": 400})
    with pytest.raises(IndexStateError, match=r"new refuses .* d0: no"):
        cluster.run(WAYS["filling"](3))


def test_documents_that_are_not_taken_at_all_are_told_with_their_reasons() -> None:
    cluster = Cluster(refused={"d0": 400, "d2": 413})
    _, copied = cluster.run(WAYS["copying"](3))
    assert {(one.id, one.reason) for one in copied.refused} == {("d0", "no"), ("d2", "no")}
    assert (copied.report.updated, copied.report.failures) == (1, ())
