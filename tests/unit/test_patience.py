"""How long a job waits for a cluster that is away, and for what."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.engines.opensearch import patience
from hybrid.engines.opensearch.calls import NO_TIME, Answer, Call, Conversation, Pause, ask, passes, refusal
from hybrid.engines.opensearch.patience import ATTEMPTS, FIRST_PAUSE, LONGEST_PAUSE, jitter, persist
from hybrid.errors import AccessError, BusyError, HybridError, RefusedError, UnreachableError
from tests.messages import assert_one_clear_line

BUSY = Answer(429, {"error": {"type": "rejected_execution_exception", "reason": "queue is full"}})
BLOCKED = Answer(403, {"error": {"type": "cluster_block_exception", "reason": "index is read-only"}})
FORBIDDEN = Answer(403, {"error": {"type": "security_exception", "reason": "no permissions"}})
STARTING = Answer(500, {"error": {"type": "illegal_index_shard_state_exception", "reason": "RECOVERING"}})
GONE = UnreachableError("gone")


def work() -> Conversation[str]:
    first = yield from ask(Call("GET", "/first"), what="work")
    second = yield from ask(Call("GET", "/second"), what="work")
    return f"{first} {second}"


def carry_out(script: list[Any]) -> tuple[Any, list[str], list[float]]:
    """Run ``work`` with patience on scripted answers; give its result, the calls and the waits."""
    conversation = persist(work)
    called: list[str] = []
    waited: list[float] = []
    step: Call | Pause = next(conversation)
    while True:
        try:
            if isinstance(step, Pause):
                waited.append(step.seconds)
                step = conversation.send(Answer(200, None))
                continue
            called.append(step.path)
            said = script.pop(0)
            step = conversation.throw(said) if isinstance(said, Exception) else conversation.send(said)
        except StopIteration as stop:
            return stop.value, called, waited
        except HybridError as error:
            return error, called, waited


@pytest.mark.parametrize("trouble", [BUSY, BLOCKED, STARTING, GONE], ids=str)
def test_work_begins_anew_when_the_cluster_was_away(trouble: Any) -> None:
    result, called, waited = carry_out([Answer(200, "a"), trouble, Answer(200, "b"), Answer(200, "c")])
    assert result == "b c"
    assert called == ["/first", "/second"] * 2
    assert len(waited) == 1


@pytest.mark.parametrize("trouble", [BUSY, BLOCKED, GONE], ids=str)
def test_patience_ends_after_so_many_attempts_with_one_clear_line(trouble: Any) -> None:
    result, called, waited = carry_out([trouble] * (ATTEMPTS + 1))
    assert isinstance(result, BusyError | UnreachableError)
    assert_one_clear_line(result)
    assert (called, len(waited)) == (["/first"] * ATTEMPTS, ATTEMPTS - 1)


def test_nobody_tries_again_when_there_is_no_time_to_wait() -> None:
    conversation = persist(work)
    next(conversation)
    assert isinstance(conversation.throw(GONE), Pause)
    with pytest.raises(UnreachableError, match="gone"):
        conversation.send(NO_TIME)


def test_refusal_that_stays_is_not_tried_again() -> None:
    result, called, waited = carry_out([FORBIDDEN])
    assert isinstance(result, AccessError)
    assert (called, waited) == (["/first"], [])


def test_block_is_no_lack_of_permission() -> None:
    assert isinstance(refusal(BLOCKED.status, BLOCKED.body, "write"), BusyError)
    assert isinstance(refusal(FORBIDDEN.status, FORBIDDEN.body, "write"), AccessError)
    malformed = {"error": {"type": "mapper_parsing_exception", "reason": "cluster_block_exception"}}
    assert isinstance(refusal(400, malformed, "write"), RefusedError)


@given(st.integers(200, 299))
def test_success_is_never_tried_again(status: int) -> None:
    assert not passes(status, {"error": {"type": "cluster_block_exception"}})


@given(st.integers(1, 1000))
def test_waits_are_random_and_bounded(attempt: int) -> None:
    assert 0 <= jitter(attempt) <= LONGEST_PAUSE


@pytest.mark.parametrize(("bound", "least", "most"), [(0, 50, 100), (1, 100, 200)], ids=["shortest", "longest"])
def test_waits_grow_from_try_to_try_until_a_node_can_be_back(
    bound: int, least: float, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda *bounds: bounds[bound])
    waits = [patience.jitter(attempt) for attempt in range(1, ATTEMPTS)]
    assert waits == sorted(waits)
    assert waits[0] == (1 + bound) * FIRST_PAUSE
    assert least <= sum(waits) <= most
