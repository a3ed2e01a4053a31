"""Whichever request of a job meets a cluster that is away for a moment, the job goes on by itself."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hybrid import IndexSpec, isolate
from hybrid.engines.opensearch import patience
from hybrid.errors import IndexStateError
from hybrid.settings import Settings
from ingest import batches, job
from tests.conftest import MakeIndex, small_profile
from tests.integration.faults import name_of, rewriting, upstream_of
from tests.integration.feeding import accepted_of, assert_holds, document, ingest
from tests.messages import assert_one_clear_line
from tests.services.http_server import Reply, Request, error_reply
from tests.services.recorder import Answer, Fault, always, forwarding, in_turn, recorder, when

#: Opening the index is a question of a person, who wants to know at once that nobody answers.
OPENING = 2
#: How often a request is sent whose connection breaks, before our own patience begins.
REPEATS = 3


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(batches, "MAX_PASSAGES", 4)
    monkeypatch.setattr(job, "SAVE_INTERVAL", 0.0)
    monkeypatch.setattr(isolate, "FILL_SIZE", 4)


def done_and_reset(honest: Answer) -> Answer:
    def answer(request: Request) -> Reply | Fault:
        honest(request)
        return Fault.RESET

    return answer


FAULTS: dict[str, Callable[[Answer], list[Answer]]] = {
    "429": lambda _: [always(error_reply(429, "rejected_execution_exception", "queue is full"))],
    "503": lambda _: [always(error_reply(503, "cluster_block_exception", "state not recovered"))],
    "read-only": lambda _: [always(error_reply(403, "cluster_block_exception", "index read-only"))],
    "reset": lambda _: [always(Fault.RESET)] * REPEATS,
    "done and reset": lambda honest: [done_and_reset(honest)] * REPEATS,
}
#: Every kind of request: growing, shrinking and refused documents, vectors with the text and after it.
BEFORE = [document("a", 9), document("b", 2, "old")]
SOURCE = [document("a", 4), document("b", 2), document("c", 5, day="no day"), document("d", 3), document("e", 7)]
WANTED = accepted_of(one for one in SOURCE if one.id != "c")


def goes_on(number: int, fault: str, make_index: MakeIndex, tmp_path: Path, raw: Any, *, slow: bool) -> int:
    """Let one request of a run fail; gives how many requests there were."""
    spec = IndexSpec(replicas=0, meta_types={"day": "date"})
    address = make_index(small_profile(max_norm=0.01), spec)
    ingest(address, BEFORE, tmp_path / "before.jsonl", job_id="before", encode=None)
    honest = forwarding(upstream_of(address))
    with recorder(in_turn(*[honest] * number, *FAULTS[fault](honest), honest)) as server:
        seen = f"{server.url}/{name_of(address)}"
        summary = ingest(
            seen, SOURCE, tmp_path / "r.jsonl", load_mode=slow, settings=Settings(opensearch_timeout=10.0)
        )
    assert (summary.tally.rows, summary.tally.accepted, summary.tally.rejected) == (5, 4, 1)
    assert summary.tally.adds_up
    assert summary.job.state == "done"
    assert_holds(raw, address, WANTED)
    return len(server.requests)


@pytest.mark.parametrize("slow", [False, True], ids=["vectors with the text", "vectors after the text"])
@pytest.mark.parametrize("fault", FAULTS)
def test_job_survives_one_fault_wherever_it_happens(
    fault: str, slow: bool, make_index: MakeIndex, tmp_path: Path, raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every eleventh request here; every one of them in the slow run below."""
    survive(fault, slow, 11, make_index, tmp_path, raw, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("slow", [False, True], ids=["vectors with the text", "vectors after the text"])
@pytest.mark.parametrize("fault", FAULTS)
def test_job_survives_one_fault_at_every_request(
    fault: str, slow: bool, make_index: MakeIndex, tmp_path: Path, raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    survive(fault, slow, 1, make_index, tmp_path, raw, monkeypatch)


def survive(
    fault: str,
    slow: bool,
    step: int,
    make_index: MakeIndex,
    tmp_path: Path,
    raw: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if slow:
        monkeypatch.setattr(job, "SLOW_ENCODER", float("inf"))
    for number in itertools.count(OPENING, step):
        if goes_on(number, fault, make_index, tmp_path, raw, slow=slow) <= number:
            break
    assert number > 20


def is_read(request: Request) -> bool:
    return request.path.endswith("/_mget")


def unreadable(kind: str) -> Callable[[Any], None]:
    """Say of the first passage that was asked for that it cannot be read."""

    def change(body: Any) -> None:
        first = body["docs"][0]
        body["docs"][0] = {"_id": first["_id"], "error": {"type": kind, "reason": "CurrentState[RECOVERING]"}}

    return change


@pytest.mark.parametrize("kind", ["illegal_index_shard_state_exception", "no_shard_available_action_exception"])
def test_passage_whose_shard_is_away_is_asked_for_again(
    kind: str, make_index: MakeIndex, tmp_path: Path, raw: Any
) -> None:
    address = make_index(small_profile(max_norm=100.0))
    honest = forwarding(upstream_of(address))
    away = rewriting(honest, unreadable(kind))
    with recorder(when(is_read, in_turn(away, away, honest), otherwise=honest)) as server:
        ingest(f"{server.url}/{name_of(address)}", SOURCE[:2], tmp_path / "r.jsonl")
    assert sum(map(is_read, server.requests)) > 2
    assert_holds(raw, address, accepted_of(SOURCE[:2]))


def test_passage_that_can_never_be_read_is_one_clear_line(make_index: MakeIndex, tmp_path: Path) -> None:
    address = make_index(small_profile(max_norm=100.0))
    honest = forwarding(upstream_of(address))
    broken = rewriting(honest, unreadable("already_closed_exception"))
    with (
        recorder(when(is_read, broken, otherwise=honest)) as server,
        pytest.raises(IndexStateError, match=r"Passage \S+ of \S+ cannot be read: CurrentState") as raised,
    ):
        ingest(f"{server.url}/{name_of(address)}", SOURCE[:2], tmp_path / "r.jsonl")
    assert_one_clear_line(raised.value)


def test_snapshot_that_dies_under_a_job_is_replaced(
    make_index: MakeIndex, tmp_path: Path, raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "SLOW_ENCODER", float("inf"))
    address = make_index(small_profile(max_norm=100.0))
    honest = forwarding(upstream_of(address))
    snapshots: list[str] = []
    pages = itertools.count(1)

    def answer(request: Request) -> Reply | Fault:
        if request.path.startswith("/_search?") and next(pages) in (2, 4):
            raw.transport.perform_request("DELETE", "/_search/point_in_time", body={"pit_id": snapshots[-1:]})
        reply = honest(request)
        if request.path.partition("?")[0].endswith("/_search/point_in_time") and request.method == "POST":
            assert isinstance(reply, Reply)
            snapshots.append(json.loads(reply.body)["pit_id"])
        return reply

    source = [document(f"d{number}", 6) for number in range(12)]
    with recorder(answer) as server:
        summary = ingest(f"{server.url}/{name_of(address)}", source, tmp_path / "r.jsonl")
    assert len(snapshots) == 3
    assert (summary.filled.failed, summary.filled.contested) == (0, 0)
    assert_holds(raw, address, accepted_of(source))
