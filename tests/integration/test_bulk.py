"""Writing to the real node: poison is named, a block is waited out, a lost alias stays lost."""

import itertools
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from hybrid import IndexSpec, Passage, create_index, open_index
from hybrid.engines.opensearch import bulk, patience
from hybrid.engines.opensearch.bulk import Action, write_batch
from hybrid.engines.opensearch.calls import encode_lines
from hybrid.engines.opensearch.client import Client
from hybrid.errors import AccessError, BusyError, HybridError, IndexMissingError
from hybrid.passages import Vector
from hybrid.records import BulkReport
from hybrid.settings import Settings
from tests.conftest import MakeIndex, small_profile
from tests.integration.faults import bulk_requests, count, index_behind, name_of, passages, upstream_of
from tests.messages import assert_one_clear_line
from tests.services.discover import Service
from tests.services.http_server import Reply, Request
from tests.services.recorder import Answer, Fault, forwarding, recorder, when

VECTOR_FIELD = small_profile().vector_field
BLOCK = "index.blocks.read_only_allow_delete"


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.0)


@pytest.fixture
def address(make_index: MakeIndex) -> str:
    return make_index(spec=IndexSpec(replicas=0, meta_types={"published": "date", "year": "long"}))


def set_block(raw: Any, address: str, value: bool | None) -> None:
    raw.indices.put_settings(index=name_of(address), body={BLOCK: value})


def test_passages_are_created_then_updated_then_deleted_then_missing(address: str, raw: Any) -> None:
    given = passages(3)
    with open_index(address, settings=Settings()) as index:
        assert index.add(given) == BulkReport(created=3)
        assert index.add(given) == BulkReport(updated=3)
        assert count(raw, address) == 3
        assert index.delete([one.id for one in given]) == BulkReport(deleted=3)
        assert index.delete([one.id for one in given]) == BulkReport(missing=3)
    assert count(raw, address) == 0


def test_nothing_to_write_is_nothing_to_report(address: str) -> None:
    with index_behind(address, lambda honest: honest) as (index, server):
        assert index.add([]) == index.delete([]) == BulkReport()
    assert bulk_requests(server) == 0


def test_stream_goes_out_in_batches(address: str) -> None:
    with index_behind(address, lambda honest: honest, timeout=30) as (index, server):
        report = index.delete(str(number) for number in range(2 * bulk.MAX_ACTIONS + 1))
    assert report == BulkReport(missing=2 * bulk.MAX_ACTIONS + 1)
    assert bulk_requests(server) == 3


def test_refresh_makes_passages_searchable_before_add_returns(address: str) -> None:
    with open_index(address, settings=Settings()) as index:
        index.add(passages(2), refresh=True)
        assert len(index.search("passage", mode="lexical").hits) == 2
        index.delete(["p0000"], refresh=True)
        assert [hit.id for hit in index.search("passage", mode="lexical").hits] == ["p0001"]


def raw_action(identity: str, **changes: Any) -> Action:
    return Action(identity, encode_lines({"index": {"_id": identity}}, {"id": identity, "text": "t", **changes}))


@pytest.mark.parametrize(
    ("poison", "reason"),
    [
        ({VECTOR_FIELD: [1.0, 2.0]}, "dimension"),
        ({VECTOR_FIELD: ["a"] * 8}, "failed to parse"),
        ({"stray": 1}, "strict"),
        ({"meta": {"published": "the day before yesterday"}}, "failed to parse"),
        ({"meta": {"year": "in the year of the circuit breaker"}}, "failed to parse"),
        ({"number": 2**40}, "out of range"),
        ({"meta": "not an object"}, "object"),
    ],
    ids=["dimension", "words for numbers", "stray field", "bad date", "bad year", "number too large", "meta"],
)
def test_poison_is_returned_with_its_reason_and_the_rest_is_written(
    poison: dict[str, Any], reason: str, address: str, client: Client, raw: Any
) -> None:
    good = [raw_action(f"p{number}") for number in range(4)]
    batch = [*good[:2], raw_action("bad", **poison), *good[2:]]
    report = client.run(write_batch(name_of(address), batch, alias=True))
    (failure,) = report.failures
    assert (failure.id, failure.status) == ("bad", 400)
    assert reason in failure.reason
    assert failure.reason.splitlines() == [failure.reason]
    assert (report.created, report.total) == (4, 5)
    assert count(raw, address) == 4


@pytest.mark.parametrize(
    "poison",
    [
        Passage(id="x" * 513, text="an id that is too long"),
        Passage(id="", text="no id"),
        Passage(id="surrogate", text="half an emoji: \ud83d"),
        Passage(id="large", text="t", meta={"n": 2**70}),
        Passage(id="date", text="t", meta={"published": "no date"}),
        Passage(id="vector", text="t", vector=np.zeros(8, np.float32), meta={"year": "x"}),
    ],
    ids=["long id", "empty id", "surrogate", "large number", "bad date", "with a vector"],
)
def test_passage_that_cannot_be_stored_is_returned_and_the_rest_is_written(
    poison: Passage, address: str, raw: Any
) -> None:
    good = passages(4)
    with open_index(address, settings=Settings()) as index:
        report = index.add([*good[:2], poison, *good[2:]])
    assert [failure.id for failure in report.failures] == [poison.id]
    assert report.failures[0].reason
    assert (report.created, report.total) == (4, 5)
    assert count(raw, address) == 4


@pytest.mark.parametrize("bad", ["", "x" * 513, "half an emoji: \ud83d"], ids=["empty", "long", "surrogate"])
def test_id_that_nothing_can_have_does_not_keep_others_from_being_deleted(bad: str, address: str, raw: Any) -> None:
    with open_index(address, settings=Settings()) as index:
        index.add(passages(2))
        report = index.delete(["p0000", bad, "p0001"])
    assert (report.deleted, report.total) == (2, 3)
    assert report.missing + len(report.failures) == 1
    assert count(raw, address) == 0


def lifting(honest: Answer, lift: Callable[[], None], *, after: int) -> Answer:
    """Answer honestly, and lift what stands in the way once so many requests have met it."""
    met, lock = itertools.count(), threading.Lock()

    def answer(request: Request) -> Reply | Fault:
        with lock:
            if next(met) == after:
                lift()
        return honest(request)

    return answer


def test_block_of_a_full_disk_is_waited_out(address: str, raw: Any) -> None:
    set_block(raw, address, True)
    with index_behind(address, lambda honest: lifting(honest, lambda: set_block(raw, address, None), after=3)) as (
        index,
        server,
    ):
        report = index.add(passages(20))
    assert report == BulkReport(created=20, retried=60)
    assert bulk_requests(server) == 4
    assert count(raw, address) == 20


def set_breaker(raw: Any, value: bool | None) -> None:
    raw.cluster.put_settings(body={"transient": {"knn.circuit_breaker.triggered": value}})


def test_memory_limit_of_the_vector_engine_is_waited_out(address: str, raw: Any) -> None:
    """It refuses items as malformed, and only those with a vector."""
    given = [*passages(3, vector=np.ones(8) / 3), *passages(2, start=3)]
    set_breaker(raw, True)
    try:
        with index_behind(address, lambda real: lifting(real, lambda: set_breaker(raw, None), after=2)) as (
            index,
            server,
        ):
            report = index.add(given)
    finally:
        set_breaker(raw, None)
    assert report == BulkReport(created=5, retried=6)
    assert bulk_requests(server) == 3
    assert count(raw, address) == 5


def test_block_that_stays_is_one_error_and_the_same_call_works_later(
    address: str, raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "ATTEMPTS", 3)
    with open_index(address, settings=Settings()) as index:
        index.add(passages(5))
        set_block(raw, address, True)
        with pytest.raises(BusyError, match="20 of 20 items were still refused") as raised:
            index.add(passages(20))
        assert_one_clear_line(raised.value)
        set_block(raw, address, None)
        assert index.add(passages(20)) == BulkReport(created=15, updated=5)
    assert count(raw, address) == 20


@pytest.fixture
def doomed(opensearch: Service, raw: Any) -> Iterator[tuple[str, str]]:
    """Give the address and the concrete name of an index that the test will drop."""
    address = f"{opensearch.url}/test-{secrets.token_hex(6)}"
    yield address, create_index(address, small_profile(), IndexSpec(replicas=0), settings=Settings())
    raw.indices.delete(index=f"{name_of(address)}*", expand_wildcards="all")


@pytest.mark.parametrize("action", ["add", "delete"])
@pytest.mark.parametrize("opened_by", ["alias", "own name"])
def test_dropped_index_is_not_made_anew_by_writes(
    opened_by: str, action: str, doomed: tuple[str, str], raw: Any
) -> None:
    address, concrete = doomed
    name = name_of(address) if opened_by == "alias" else concrete
    with open_index(f"{address.rpartition('/')[0]}/{name}", settings=Settings()) as index:
        raw.indices.delete(index=concrete)
        with pytest.raises(IndexMissingError, match="no such index") as raised:
            index.add(passages(1)) if action == "add" else index.delete(["p0000"])
    assert_one_clear_line(raised.value)
    assert list(raw.indices.get(index=f"{name_of(address)}*", expand_wildcards="all")) == []


@pytest.mark.parametrize("opened_by", ["alias", "own name"])
def test_dropped_index_is_not_made_anew_by_vectors_that_come_late(
    opened_by: str, doomed: tuple[str, str], raw: Any
) -> None:
    address, concrete = doomed
    name = name_of(address) if opened_by == "alias" else concrete

    def encode(pairs: Sequence[tuple[str, str]]) -> list[Vector]:
        raw.indices.delete(index=concrete)
        return [np.ones(8, dtype=np.float32)] * len(pairs)

    with open_index(f"{address.rpartition('/')[0]}/{name}", settings=Settings()) as index:
        index.add(passages(3), refresh=True)
        with pytest.raises(IndexMissingError, match="no such index"):
            list(index.intake().fill_pending(encode, 10))
    assert list(raw.indices.get(index=f"{name_of(address)}*", expand_wildcards="all")) == []


@pytest.mark.parametrize("trouble", ["closed", "without its alias"])
def test_index_that_takes_nothing_is_an_error_and_not_a_verdict_on_each_passage(
    trouble: str, doomed: tuple[str, str], raw: Any
) -> None:
    address, concrete = doomed
    with open_index(address, settings=Settings()) as index:
        if trouble == "closed":
            raw.indices.close(index=concrete)
        else:
            raw.indices.delete_alias(index=concrete, name=name_of(address))
        said = "closed" if trouble == "closed" else "no such index"
        writes: list[Callable[[], object]] = [lambda: index.add(passages(5)), lambda: index.delete(["p0000"])]
        for write in writes:
            with pytest.raises(HybridError, match=said) as raised:
                write()
            assert_one_clear_line(raised.value)


def test_whoever_may_not_write_gets_an_error_and_no_verdict_on_each_passage(address: str) -> None:
    error = {"type": "security_exception", "reason": "no permissions for [indices:data/write/bulk[s]]"}

    def forbid(request: Request) -> Reply:
        items = [{"index": {"_id": "p", "status": 403, "error": error}}] * (request.body.count(b"\n") // 2)
        return Reply(200, encode_lines({"errors": True, "items": items}))

    answer = when(lambda request: "/_bulk" in request.path, forbid, otherwise=forwarding(upstream_of(address)))
    with (
        recorder(answer) as server,
        open_index(f"{server.url}/{name_of(address)}", settings=Settings()) as index,
        pytest.raises(AccessError, match="the cluster forbids it") as raised,
    ):
        index.add(passages(5))
    assert_one_clear_line(raised.value)
