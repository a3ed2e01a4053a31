"""Ingestion through a network and a cluster that fail: it waits, or stops and goes on, and nothing is lost."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hybrid.engines.opensearch import patience
from hybrid.errors import BusyError, HybridError, UnreachableError
from hybrid.settings import Settings
from ingest.documents import Document
from ingest.splitter import By
from tests.conftest import MakeIndex, small_profile
from tests.integration.faults import PATIENCE, is_bulk, name_of, rewriting, upstream_of
from tests.integration.feeding import accepted_of, assert_holds, document, ingest, stored
from tests.messages import assert_one_clear_line
from tests.services.http_server import Reply, Request
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

pytestmark = pytest.mark.usefixtures("small_steps")

SOURCE = [document(f"d{number}", number % 8 + 1) for number in range(24)]
PASSAGES = accepted_of(SOURCE)
Faulty = Callable[[Answer, str], Answer]


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.0)


@pytest.fixture
def address(make_index: MakeIndex) -> str:
    return make_index(small_profile(max_norm=100.0))


def refuse_items(status: int, kind: str) -> Faulty:
    """Let the node write, but say of every third item of the first bulks that it was refused."""

    def change(body: Any) -> None:
        for item in body["items"][::3]:
            (verdict,) = item.values()
            verdict |= {"status": status, "error": {"type": kind, "reason": "too much to do"}}

    return lambda honest, _: in_turn(*[rewriting(honest, change)] * 3, honest)


def applied_and_reset(honest: Answer, _: str) -> Answer:
    def answer(request: Request) -> Reply | Fault:
        honest(request)
        return Fault.RESET

    return in_turn(answer, answer, honest)


FAULTS: dict[str, Faulty] = {
    "429": lambda honest, _: busy(3, then=honest),
    "503": lambda honest, _: busy(3, then=honest, status=503),
    "items 429": refuse_items(429, "rejected_execution_exception"),
    "items 503": refuse_items(503, "unavailable_shards_exception"),
    "413": lambda honest, _: limited(3_000, then=honest),
    "reset": lambda honest, _: in_turn(always(Fault.RESET), always(Fault.RESET), honest),
    "written and reset": applied_and_reset,
    "written and timed out": lambda honest, upstream: in_turn(applied_unanswered(upstream), honest),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_bulk_that_fails_is_sent_again_and_all_is_counted_once(
    fault: str, address: str, rejects: Path, raw: Any
) -> None:
    honest = forwarding(upstream_of(address))
    faulty = FAULTS[fault](honest, upstream_of(address))
    with recorder(when(is_bulk, faulty, otherwise=honest)) as server:
        tally = ingest(
            f"{server.url}/{name_of(address)}", SOURCE, rejects, settings=Settings(opensearch_timeout=PATIENCE)
        ).tally
    assert (tally.created, tally.rejected, tally.adds_up) == (len(PASSAGES), 0, True)
    assert_holds(raw, address, PASSAGES)


def test_two_writers_may_both_meet_a_longer_vector(make_index: MakeIndex, rejects: Path, raw: Any) -> None:
    address = make_index(small_profile(max_norm=0.01))
    ingest(address, SOURCE, rejects)
    assert_holds(raw, address, PASSAGES)


def is_save(request: Request) -> bool:
    return request.method == "PUT" and "-jobs/_doc/job-" in request.path


def test_saved_record_whose_answer_got_lost_is_no_other_process(address: str, rejects: Path, raw: Any) -> None:
    honest = forwarding(upstream_of(address))
    with recorder(when(is_save, applied_and_reset(honest, ""), otherwise=honest)) as server:
        summary = ingest(f"{server.url}/{name_of(address)}", SOURCE, rejects)
    assert summary.job.state == "done"
    assert_holds(raw, address, PASSAGES)


BLOCKS = ("write", "read_only", "read_only_allow_delete")


def block(raw: Any, address: str, kind: str, *, on: bool) -> None:
    value = True if on else None
    raw.indices.put_settings(index=name_of(address), body={f"index.blocks.{kind}": value})


@pytest.mark.parametrize("max_norm", [100.0, 0.01], ids=["max_norm stays", "max_norm must grow"])
@pytest.mark.parametrize("kind", BLOCKS)
def test_ingestion_waits_until_a_block_is_lifted(
    kind: str, max_norm: float, make_index: MakeIndex, rejects: Path, raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The block falls in the middle, and is lifted when it was met a few times."""
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.05)
    address = make_index(small_profile(max_norm=max_norm))
    # The first write of all is the profile's, where that must grow.
    writes = itertools.chain([False] * (0 if max_norm < 1 else 2), [True], itertools.repeat(False))
    third_refusal = itertools.chain([False] * 2, [True], itertools.repeat(False))
    refused: list[Request] = []
    honest = forwarding(upstream_of(address))

    def answer(request: Request) -> Reply | Fault:
        if (is_bulk(request) or request.path.endswith("/_mapping")) and next(writes):
            block(raw, address, kind, on=True)
        reply = honest(request)
        if isinstance(reply, Reply) and b"cluster_block_exception" in reply.body:
            refused.append(request)
            if next(third_refusal):
                block(raw, address, kind, on=False)
        return reply

    with recorder(answer) as server:
        tally = ingest(f"{server.url}/{name_of(address)}", SOURCE, rejects).tally
    assert len(refused) >= 3
    grows = kind != "write" and max_norm < 1
    assert any(request.path.endswith("/_mapping") for request in refused) is grows
    assert (tally.created, tally.adds_up) == (len(PASSAGES), True)
    assert_holds(raw, address, PASSAGES)


def test_block_that_stays_ends_with_one_line_and_the_next_run_goes_on(
    address: str, rejects: Path, raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "ATTEMPTS", 3)
    block(raw, address, "read_only_allow_delete", on=True)
    with pytest.raises(BusyError, match="write them again when the cluster has recovered") as raised:
        ingest(address, SOURCE, rejects)
    assert_one_clear_line(raised.value)
    block(raw, address, "read_only_allow_delete", on=False)
    summary = ingest(address, SOURCE, rejects, resume=True)
    assert (summary.tally.rows, summary.tally.adds_up) == (len(SOURCE), True)
    assert_holds(raw, address, PASSAGES)


def writes_document(name: str) -> Callable[[Request], bool]:
    return lambda request: is_bulk(request) and json.dumps(f"{name}#0").encode() in request.body


def test_record_does_not_pass_a_batch_that_failed_although_later_ones_were_written(
    address: str, rejects: Path, raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "ATTEMPTS", 1)
    honest = forwarding(upstream_of(address))
    faulty = when(writes_document("d9"), always(Fault.RESET), otherwise=honest)
    with recorder(faulty) as server, pytest.raises(UnreachableError):
        ingest(f"{server.url}/{name_of(address)}", SOURCE, rejects)
    found = set(stored(raw, address))
    assert "d9#0" not in found
    assert {"d0#0", "d14#0"} <= found
    summary = ingest(address, SOURCE, rejects, resume=True)
    assert (summary.tally.rows, summary.tally.adds_up) == (len(SOURCE), True)
    assert_holds(raw, address, PASSAGES)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("words", "words"),
        pytest.param("words", "document", marks=pytest.mark.slow),
        pytest.param("document", "words", marks=pytest.mark.slow),
    ],
)
def test_cluster_that_goes_away_at_any_request_loses_nothing(
    first: By, second: By, address: str, rejects: Path, raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "ATTEMPTS", 1)
    before = [document("long", 30), document("same", 4), document("short", 2)]
    after = [document("long", 5), document("same", 4), document("short", 20)]
    honest = forwarding(upstream_of(address))
    for request in range(1, 100):
        ingest(address, before, rejects, by=first)
        if ends(address, after, rejects, second, in_turn(*[honest] * request, always(Fault.RESET))):
            break
        ingest(address, after, rejects, by=second, resume=True)
        assert_holds(raw, address, accepted_of(after, second))
    assert request > 10


def ends(address: str, source: list[Document], rejects: Path, by: By, answer: Answer) -> bool:
    """Tell whether a run through a server came to its end; if not, with one clear line."""
    with recorder(answer) as server:
        try:
            ingest(f"{server.url}/{name_of(address)}", source, rejects, by=by)
        except HybridError as error:
            assert_one_clear_line(error)
            return False
    return True
