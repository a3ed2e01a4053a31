"""One writer at a time: locks exclude, expire, and are given back whatever happens."""

import asyncio
import dataclasses
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from hybrid import open_index
from hybrid.engines.opensearch import patience
from hybrid.engines.opensearch.calls import Call, Conversation
from hybrid.engines.opensearch.client import AsyncClient, Client
from hybrid.engines.opensearch.lifecycle import change_profile, open_target
from hybrid.engines.opensearch.locks import LOCK_ID, PATIENCE, Lock, acquire_lock, hold_lock, prove_lock, release_lock
from hybrid.engines.opensearch.patience import persist
from hybrid.errors import LockHeldError
from hybrid.settings import Settings
from tests.conftest import MakeIndex, small_profile
from tests.integration.faults import name_of
from tests.integration.feeding import FIELD, stored
from tests.messages import assert_one_clear_line
from tests.services.discover import Service
from tests.services.http_server import Reply, Request
from tests.services.recorder import Answer, Fault, always, forwarding, in_turn, recorder, when

#: A time to live that is over at once.
OVER = -1.0
THREADS, TURNS = 8, 3


@pytest.fixture
def alias(raw: Any) -> Iterator[str]:
    name = f"test-{secrets.token_hex(6)}"
    yield name
    raw.indices.delete(index=f"{name}-jobs", ignore_unavailable=True)


def assert_free(client: Client, alias: str) -> None:
    client.run(release_lock(client.run(acquire_lock(alias, "next", "a test"))))


def assert_held_by(owner: str, client: Client, alias: str) -> None:
    with pytest.raises(LockHeldError, match=f"locked by {owner} "):
        client.run(acquire_lock(alias, "another", "a test"))


def test_held_lock_is_refused_and_names_who_has_it_and_why(client: Client, alias: str) -> None:
    client.run(acquire_lock(alias, "host-a", "reencode"))
    with pytest.raises(LockHeldError, match=rf"{alias} is locked by host-a \(reencode\)") as raised:
        client.run(acquire_lock(alias, "host-b", "ingest"))
    assert_one_clear_line(raised.value)
    assert_held_by("host-a", client, alias)


def test_released_lock_is_free_for_the_next(client: Client, alias: str) -> None:
    client.run(release_lock(client.run(acquire_lock(alias, "a", "a test"))))
    assert_free(client, alias)


def test_locks_of_two_indexes_do_not_meet(client: Client, alias: str, raw: Any) -> None:
    client.run(acquire_lock(alias, "a", "a test"))
    assert_free(client, f"{alias}2")
    raw.indices.delete(index=f"{alias}2-jobs")


def test_expired_lock_is_taken_over(client: Client, alias: str) -> None:
    client.run(acquire_lock(alias, "dead", "a test", OVER))
    client.run(acquire_lock(alias, "alive", "a test"))
    assert_held_by("alive", client, alias)


def test_release_by_the_owner_who_lost_the_lock_does_nothing(client: Client, alias: str) -> None:
    stale = client.run(acquire_lock(alias, "slow", "a test", OVER))
    client.run(acquire_lock(alias, "quick", "a test"))
    client.run(release_lock(stale))
    assert_held_by("quick", client, alias)


def test_released_twice_is_released_once(client: Client, alias: str) -> None:
    lock = client.run(acquire_lock(alias, "a", "a test"))
    client.run(release_lock(lock))
    client.run(acquire_lock(alias, "b", "a test"))
    client.run(release_lock(lock))
    assert_held_by("b", client, alias)


def test_lock_that_is_held_is_proved(client: Client, alias: str) -> None:
    client.run(prove_lock(client.run(acquire_lock(alias, "a", "a test"))))
    assert_held_by("a", client, alias)


@pytest.mark.parametrize("became", ["ended", "taken over", "taken over and released"])
def test_lock_that_is_lost_is_not_proved(became: str, client: Client, alias: str) -> None:
    lost = client.run(acquire_lock(alias, "slow", "a test", OVER))
    if became != "ended":
        quick = client.run(acquire_lock(alias, "quick", "a test"))
        if became != "taken over":
            client.run(release_lock(quick))
    with pytest.raises(LockHeldError, match="ended before the change was made") as raised:
        client.run(prove_lock(lost))
    assert_one_clear_line(raised.value)


def test_process_that_was_stopped_for_long_does_not_undo_what_others_changed(
    opensearch: Service, make_index: MakeIndex, raw: Any
) -> None:
    address = make_index(small_profile())
    name = name_of(address)
    (concrete,) = raw.indices.get(index=name)
    honest = forwarding(opensearch.url)

    def read_and_sleep(request: Request) -> Reply | Fault:
        """Give the profile, and let the lock's time pass and somebody else change it before that is acted on."""
        found = honest(request)
        lock = raw.get(index=f"{name}-jobs", id=LOCK_ID)["_source"]
        raw.index(index=f"{name}-jobs", id=LOCK_ID, body={**lock, "until": 0})
        change_lam(opensearch.url, name, 0.7)
        return found

    # Under the lock an index is read by its own name.
    sleepy = in_turn(read_and_sleep, honest)
    answer = when(lambda request: (request.method, request.path) == ("GET", f"/{concrete}"), sleepy, otherwise=honest)
    with recorder(answer) as server, pytest.raises(LockHeldError, match="give the command again"):
        change_lam(server.url, name, 0.2)
    with open_index(address) as index:
        assert index.profile.lam == 0.7


def change_lam(url: str, name: str, lam: float) -> None:
    client = Client(url, Settings())
    target = client.run(open_target(name))
    client.run(change_profile(target, lambda profile: dataclasses.replace(profile, lam=lam)))
    client.close()


@dataclass
class Room:
    """Counts who is inside at once, and how often somebody was."""

    inside: int = 0
    most: int = 0
    visits: int = 0
    guard: threading.Lock = field(default_factory=threading.Lock)

    def change(self, by: int) -> None:
        with self.guard:
            self.inside += by
            self.most = max(self.most, self.inside)
            self.visits += by > 0

    def stay(self, _lock: Lock) -> Conversation[None]:
        """Be inside for as long as a call to the cluster takes."""
        self.change(+1)
        yield Call("GET", "/")
        self.change(-1)


@pytest.mark.parametrize("ttl_of_a_dead_holder", [None, OVER], ids=["free", "to be taken over"])
def test_of_eight_threads_never_two_hold_the_lock(
    ttl_of_a_dead_holder: float | None, client: Client, alias: str
) -> None:
    if ttl_of_a_dead_holder is not None:
        client.run(acquire_lock(alias, "dead", "a test", ttl_of_a_dead_holder))
    room, start, deadline = Room(), threading.Barrier(THREADS), time.monotonic() + 60

    def work(number: int) -> None:
        start.wait(30)
        left = TURNS
        while left:
            assert time.monotonic() < deadline, "no turn came"
            try:
                client.run(hold_lock(alias, f"thread-{number}", "a test", room.stay))
                left -= 1
            except LockHeldError:
                continue

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    assert (room.most, room.visits, room.inside) == (1, THREADS * TURNS, 0)


def test_lock_is_given_back_when_the_work_is_done(client: Client, alias: str) -> None:
    def work(_lock: Lock) -> Conversation[str]:
        assert (yield Call("GET", "/")).ok
        return "done"

    assert client.run(hold_lock(alias, "a", "a test", work)) == "done"
    assert_free(client, alias)


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyboardInterrupt(), SystemExit(1)], ids=repr)
def test_lock_is_given_back_when_the_work_raises(error: BaseException, client: Client, alias: str) -> None:
    def work(_lock: Lock) -> Conversation[None]:
        yield Call("GET", "/")
        raise error

    with pytest.raises(type(error)) as raised:
        client.run(hold_lock(alias, "a", "a test", work))
    assert raised.value is error
    assert_free(client, alias)


def test_lock_that_is_held_is_waited_for(client: Client, alias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = client.run(acquire_lock(alias, "first", "a test"))
    released: list[float] = []

    def release(_self: Client, seconds: float) -> bool:
        if not released:
            released.append(seconds)
            client.run(release_lock(lock))
        return True

    monkeypatch.setattr(Client, "_wait", release)
    room = Room()
    client.run(hold_lock(alias, "second", "a test", room.stay))
    assert (room.visits, len(released)) == (1, 1)
    assert_free(client, alias)


def test_lock_that_stays_held_is_given_up_after_a_while(
    client: Client, alias: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.run(acquire_lock(alias, "first", "a test"))
    waits: list[float] = []

    def wait(_self: Client, seconds: float) -> bool:
        waits.append(seconds)
        return True

    monkeypatch.setattr(Client, "_wait", wait)
    with pytest.raises(LockHeldError, match=rf"{alias} is locked by first \(a test\)") as raised:
        client.run(hold_lock(alias, "second", "a test", Room().stay))
    assert_one_clear_line(raised.value)
    assert PATIENCE <= sum(waits) <= PATIENCE + 1
    assert all(0 < wait <= 1 for wait in waits)
    assert_held_by("first", client, alias)


def test_lock_whose_answer_got_lost_is_still_ours(
    opensearch: Service, client: Client, alias: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.0)
    honest = forwarding(opensearch.url)

    def unanswered(request: Request) -> Reply | Fault:
        honest(request)
        return Fault.RESET

    room = Room()
    # A connection that breaks is tried anew twice before anybody hears of it.
    faulty = in_turn(*[unanswered] * 3, honest)
    with recorder(when(lambda request: "/_create/" in request.path, faulty, otherwise=honest)) as server:
        unlucky = Client(server.url, Settings())
        unlucky.run(persist(lambda: hold_lock(alias, "unlucky", "a test", room.stay)))
        unlucky.close()
    assert room.visits == 1
    assert_free(client, alias)


def test_what_went_wrong_is_told_although_the_lock_cannot_be_given_back(opensearch: Service, alias: str) -> None:
    honest = forwarding(opensearch.url)

    def work(_lock: Lock) -> Conversation[None]:
        yield Call("GET", "/")
        raise KeyboardInterrupt

    reset = always(Fault.RESET)
    with recorder(when(lambda request: request.method == "DELETE", reset, otherwise=honest)) as server:
        lost = Client(server.url, Settings())
        with pytest.raises(KeyboardInterrupt):
            lost.run(hold_lock(alias, "a", "a test", work))
        lost.close()


GROWERS, TIMES = 2, 8
GROW = f"""
import sys
from hybrid import Passage, open_index
address, first = sys.argv[1], int(sys.argv[2])
with open_index(address) as index:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(first, first + 100, 100 // {TIMES}):
        index.add([Passage(f"p{{number}}", "text", vector=[float(number + 1)] * 8)])
"""


def test_processes_that_meet_longer_vectors_at_once_all_write_them(make_index: MakeIndex, raw: Any) -> None:
    address = make_index(small_profile(max_norm=0.01))
    command = [sys.executable, "-c", GROW, address]
    growers = [
        subprocess.Popen([*command, str(first)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for first in range(GROWERS)
    ]
    for grower in growers:
        assert grower.stdout is not None
        assert grower.stdout.readline() == b"ready\n"
    said = [grower.communicate(b"\n", timeout=120) for grower in growers]
    assert [grower.returncode for grower in growers] == [0] * GROWERS, said
    found = stored(raw, address)
    assert len(found) == GROWERS * len(range(0, 100, 100 // TIMES))
    longest = max(float(np.linalg.norm(hit["_source"][FIELD])) for hit in found.values())
    with open_index(address, settings=Settings()) as index:
        assert index.profile.max_norm >= longest


def hang_on_work(upstream: str, then: Any) -> Answer:
    """Answer honestly, except to the work that the lock is for: there, do something and never answer."""

    def answer(request: Request) -> Reply | Fault:
        if request.path != "/_work":
            return forwarding(upstream)(request)
        then()
        return Fault.HANG

    return answer


def wait_for_the_cluster(_lock: Lock) -> Conversation[None]:
    yield Call("GET", "/_work")


def test_lock_is_given_back_when_ctrl_c_is_pressed_during_a_call(
    opensearch: Service, client: Client, alias: str
) -> None:
    def press() -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    with recorder(hang_on_work(opensearch.url, press)) as server:
        waiting = Client(server.url, Settings())
        with pytest.raises(KeyboardInterrupt):
            waiting.run(hold_lock(alias, "a", "a test", wait_for_the_cluster))
        waiting.close()
    assert_free(client, alias)


def test_lock_is_given_back_when_a_task_is_cancelled_during_a_call(
    opensearch: Service, client: Client, alias: str
) -> None:
    async def work() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        cancel = task.cancel
        with recorder(hang_on_work(opensearch.url, lambda: loop.call_soon_threadsafe(cancel))) as server:
            waiting = AsyncClient(server.url, Settings())
            try:
                await waiting.run(hold_lock(alias, "a", "a test", wait_for_the_cluster))
            finally:
                await waiting.close()

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(work())
    assert_free(client, alias)
