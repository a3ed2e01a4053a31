"""Writing through a network and a cluster that fail: nothing is lost, nothing twice, everything accounted for."""

import asyncio
import time
from typing import Any

import pytest

from hybrid import open_async_index
from hybrid.engines.opensearch import patience
from hybrid.engines.opensearch.client import Client
from hybrid.errors import BusyError, UnreachableError
from hybrid.records import BulkReport
from hybrid.settings import Settings
from tests.conftest import MakeIndex
from tests.integration.faults import (
    PATIENCE,
    bulk_requests,
    count,
    index_behind,
    is_bulk,
    name_of,
    passages,
    scripted_items,
    upstream_of,
)
from tests.messages import assert_one_clear_line
from tests.services.http_server import Reply, Request, error_reply
from tests.services.recorder import (
    Answer,
    Fault,
    always,
    applied_unanswered,
    busy,
    forwarding,
    in_turn,
    limited,
    recorder,
    when,
)

OVERLOADED = {"status": 429, "error": {"type": "rejected_execution_exception", "reason": "queue is full"}}


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.0)


@pytest.fixture
def address(make_index: MakeIndex) -> str:
    return make_index()


def applied_and_reset(honest: Answer) -> Answer:
    """Do what is asked, then break the connection off."""

    def answer(request: Request) -> Reply | Fault:
        honest(request)
        return Fault.RESET

    return answer


def test_write_that_was_applied_without_an_answer_stands_there_once(address: str, raw: Any) -> None:
    lost = applied_unanswered(upstream_of(address))
    with index_behind(address, lambda honest: in_turn(lost, honest)) as (index, server):
        report = index.add(passages(20))
    assert report == BulkReport(updated=20, retried=20)
    assert bulk_requests(server) == 2
    assert count(raw, address) == 20


def test_async_write_that_was_applied_without_an_answer_stands_there_once(address: str, raw: Any) -> None:
    honest = forwarding(upstream_of(address))
    fault = when(is_bulk, in_turn(applied_unanswered(upstream_of(address)), honest), otherwise=honest)

    async def write(url: str) -> BulkReport:
        settings = Settings(opensearch_timeout=PATIENCE)
        async with await open_async_index(f"{url}/{name_of(address)}", settings=settings) as index:
            return await index.add(passages(20))

    with recorder(fault) as server:
        assert asyncio.run(write(server.url)) == BulkReport(updated=20, retried=20)
    assert count(raw, address) == 20


def test_reset_connection_is_tried_again(address: str, raw: Any) -> None:
    with index_behind(address, lambda honest: in_turn(always(Fault.RESET), honest)) as (index, _):
        report = index.add(passages(20))
    assert (report.created, report.total) == (20, 20)
    assert count(raw, address) == 20


def test_write_that_was_applied_before_the_reset_stands_there_once(address: str, raw: Any) -> None:
    with index_behind(address, lambda honest: in_turn(applied_and_reset(honest), honest)) as (index, _):
        report = index.add(passages(20))
    assert (report.updated, report.total) == (20, 20)
    assert count(raw, address) == 20


BUSY = {
    "queue is full": error_reply(429, "rejected_execution_exception", "queue is full"),
    "no manager": error_reply(503, "cluster_block_exception", "no cluster manager"),
    "gateway has no cluster": Reply(502, b"<html>Bad Gateway</html>", (("Content-Type", "text/html"),)),
    "gateway is busy": Reply(503, b"busy", (("Content-Type", "text/plain"),)),
    "gateway gave up": Reply(504, b""),
}


@pytest.mark.parametrize("refusal", BUSY.values(), ids=BUSY)
def test_busy_cluster_is_asked_again_until_it_takes_the_batch(refusal: Reply, address: str, raw: Any) -> None:
    with index_behind(address, lambda honest: in_turn(*[always(refusal)] * 3, honest)) as (index, server):
        report = index.add(passages(20))
    assert report == BulkReport(created=20, retried=60)
    assert bulk_requests(server) == 4
    assert count(raw, address) == 20


def test_only_refused_items_are_sent_again(address: str, raw: Any) -> None:
    refusals = {"p0003": [OVERLOADED, OVERLOADED], "p0007": [OVERLOADED]}
    with index_behind(address, lambda honest: scripted_items(honest, refusals)) as (index, server):
        report = index.add(passages(20))
    assert report == BulkReport(created=20, retried=3)
    sent = [request.body.count(b'{"index"') for request in server.requests if is_bulk(request)]
    assert sent == [20, 2, 1]
    assert count(raw, address) == 20


def test_cluster_that_stays_busy_is_one_error_with_the_count(
    address: str, raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "ATTEMPTS", 3)
    refusals = {"p0001": [OVERLOADED] * 9, "p0004": [OVERLOADED] * 9}
    with (
        index_behind(address, lambda honest: scripted_items(honest, refusals)) as (index, server),
        pytest.raises(BusyError, match=r"2 of 5 items .* after 3 attempts: queue is full") as raised,
    ):
        index.add(passages(5))
    assert_one_clear_line(raised.value)
    assert bulk_requests(server) == 3
    assert count(raw, address) == 3


def test_busy_cluster_gets_time_to_recover(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    def wait(_self: Client, seconds: float) -> bool:
        waits.append(seconds)
        return True

    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.25)
    monkeypatch.setattr(Client, "_wait", wait)
    with index_behind(address, lambda honest: busy(4, then=honest)) as (index, _):
        index.add(passages(2))
    assert len(waits) == 4
    assert all(0 <= wait <= 0.25 * 2**attempt for attempt, wait in enumerate(waits, start=1))


def test_body_that_is_too_large_is_halved_until_the_one_that_is_too_large_stands_alone(
    address: str, raw: Any
) -> None:
    given = passages(32)
    given[9] = passages(1, start=9, title="long " * 2000)[0]
    with index_behind(address, lambda honest: limited(4000, then=honest)) as (index, server):
        report = index.add(given)
    (failure,) = report.failures
    assert (failure.id, failure.status) == ("p0009", 413)
    assert "more than the cluster takes" in failure.reason
    assert (report.created, report.total) == (31, 32)
    assert max(len(request.body) for request in server.requests if is_bulk(request)) > 4000
    assert count(raw, address) == 31


def test_half_open_connection_ends_in_one_clear_error_in_bounded_time(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "ATTEMPTS", 2)
    started = time.monotonic()
    with (
        index_behind(address, lambda _: always(Fault.HANG), timeout=1.0) as (index, server),
        pytest.raises(UnreachableError, match="no answer in time") as raised,
    ):
        index.add(passages(2))
    assert_one_clear_line(raised.value)
    assert bulk_requests(server) == 2
    assert 2.0 <= time.monotonic() - started < 20


def test_writers_at_once_through_a_bad_network_lose_nothing(address: str, raw: Any) -> None:
    """One writer on asyncio for each of four shares, behind a server that fails every other request."""
    honest = forwarding(upstream_of(address))
    resets, busies = always(Fault.RESET), busy(10**6, then=honest)
    fault = when(is_bulk, in_turn(*[resets, honest, busies, honest] * 4), otherwise=honest)

    async def write(url: str) -> list[BulkReport]:
        async with await open_async_index(f"{url}/{name_of(address)}", settings=Settings()) as index:
            return await asyncio.gather(*(index.add(passages(25, start=25 * part)) for part in range(4)))

    with recorder(fault) as server:
        reports = asyncio.run(write(server.url))
    assert [report.total for report in reports] == [25] * 4
    assert count(raw, address) == 100
