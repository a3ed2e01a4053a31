"""The broker on a real Redis: the cap holds whoever pushes, locks end, and what fails is told in one line."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from hybrid.errors import BrokerError, ModelError, SettingsError
from hybrid.messages import ENCODE_QUEUE, ENCODE_TASK, READ_QUEUE, EncodeMessage
from hybrid.queue import signs
from hybrid.queue.begun import LIMIT, Begun
from hybrid.queue.broker import Broker
from hybrid.queue.envelope import pack
from hybrid.records import Filled
from hybrid.settings import Settings
from tests.faults.processes import RedisServer, wait_for
from tests.messages import assert_one_clear_line
from tests.services.processes import free_ports

QUEUE = "hybrid:encode"
SECRET = "hunter2"


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    server = RedisServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def broker(server: RedisServer) -> Iterator[Broker]:
    server.library.flushall()
    with Broker(Settings(redis_url=server.url)) as broker:
        yield broker


def message(number: int) -> EncodeMessage:
    return EncodeMessage("wiki--v1--1a2b3c4d", "vec_01234567", (f"p{number}",))


def test_many_who_push_at_once_never_pass_the_cap(server: RedisServer, broker: Broker) -> None:
    longest, ended = [0], threading.Event()

    def take() -> int:
        """Take messages as a worker does, and confirm each later."""
        taken = 0
        while not ended.is_set():
            longest[0] = max(longest[0], sum(vars_of(broker)))
            if server.library.rpop(QUEUE):
                taken += 1
        return taken

    def push(start: int) -> int:
        return sum(broker.push([message(start + one) for one in range(7)], cap=20) for _ in range(60))

    with ThreadPoolExecutor(5) as pool:
        taking = pool.submit(take)
        pushed = sum(pool.map(push, range(0, 400, 100)))
        ended.set()
        taken = taking.result()
    assert 0 < longest[0] <= 20
    assert pushed == taken + broker.lengths().waiting


def vars_of(broker: Broker) -> tuple[int, int]:
    lengths = broker.lengths()
    return lengths.waiting, lengths.taken


def test_messages_with_workers_count_against_the_cap(server: RedisServer, broker: Broker) -> None:
    for number in range(3):
        server.library.hset("hybrid:unacked", f"tag{number}", b"[]")
    assert broker.push([message(number) for number in range(10)], cap=5) == 2
    assert vars_of(broker) == (2, 3)
    assert broker.push([message(1)], cap=5) == 0
    assert broker.push([], cap=5) == 0
    server.library.lpush("hybrid:read", b"{}")
    assert broker.lengths([READ_QUEUE]).waiting == 1
    assert broker.lengths([ENCODE_QUEUE, READ_QUEUE]).waiting == 3


def test_first_message_that_was_pushed_is_taken_first(server: RedisServer, broker: Broker) -> None:
    broker.push([message(0), message(1)])
    broker.push([message(2)])
    names = [json.loads(server.library.rpop(QUEUE))["headers"]["task"] for _ in range(3)]
    assert names == [ENCODE_TASK] * 3
    assert broker.lengths().waiting == 0


def test_messages_under_way_are_those_that_wait_or_were_taken_lately(server: RedisServer, broker: Broker) -> None:
    broker.push([message(0)])
    now = time.time()
    for tag, taken, content in (
        ("new", now, pack(ENCODE_TASK, ENCODE_QUEUE, message(1).to_json())),
        ("old", now - 3600, pack(ENCODE_TASK, ENCODE_QUEUE, message(2).to_json())),
        ("other", now, pack("read.answer", READ_QUEUE, {"question": "who"})),
    ):
        server.library.hset("hybrid:unacked", tag, json.dumps([json.loads(content), "", "encode"]))
        server.library.zadd("hybrid:unacked_index", {tag: taken})
    server.library.zadd("hybrid:unacked_index", {"confirmed in between": now})
    assert broker.read_under_way() == {message(0), message(1)}


def test_lock_is_held_by_one_until_it_is_given_back_or_ends(broker: Broker) -> None:
    assert broker.hold("feeder", "one", 60)
    assert broker.hold("feeder", "one", 60)
    assert not broker.hold("feeder", "other", 60)
    broker.release("feeder", "other")
    assert not broker.hold("feeder", "other", 60)
    broker.release("feeder", "one")
    assert broker.hold("feeder", "other", 0.05)
    wait_for(lambda: broker.hold("feeder", "one", 60), "the end of a lock")


def test_texts_that_were_begun_and_never_ended_are_remembered(broker: Broker) -> None:
    pairs = [("", "good"), ("", "bad")]
    begun, other = Begun(broker, "f" * 32), Begun(broker, "e" * 32)

    def die(_: object) -> list[str]:
        raise SystemExit

    for _ in range(LIMIT):
        with pytest.raises(SystemExit):
            begun.watch(die)(pairs)
    assert begun.count(pairs) == [LIMIT, LIMIT]
    assert begun.watch(lambda one: ["said"] * len(one))(pairs[:1]) == ["said"]
    assert begun.count(pairs) == [0, LIMIT]
    assert other.count(pairs) == [0, 0]


def test_process_that_lived_on_blames_no_text(broker: Broker) -> None:
    pairs, begun = [("", "one"), ("", "two")], Begun(broker, "f" * 32)

    def lack_memory(_: object) -> list[str]:
        raise ModelError("There is not enough memory.")

    for _ in range(LIMIT):
        with pytest.raises(ModelError):
            begun.watch(lack_memory)(pairs)
    assert begun.count(pairs) == [0, 0]


def test_signs_of_life_and_work_add_up(broker: Broker) -> None:
    assert signs.count_workers(broker) == signs.count_done(broker) == 0
    for node in ("one@here", "two@here", "two@here"):
        signs.show_life(broker, node, ["read"] if node == "one@here" else ["encode"])
        signs.add_done(broker, node, Filled(encoded=3, failed=1))
    assert signs.count_workers(broker) == 2
    assert [signs.is_heard(broker, queue) for queue in ("read", "encode", "other")] == [True, True, False]
    assert signs.count_done(broker) == 3
    assert signs.read_done(broker, "two@here") == {
        "encoded": 6, "failed": 2, "contested": 0, "missing": 0, "messages": 2
    }  # fmt: skip
    assert signs.read_done(broker, "three@here") == {}


def test_redis_that_forgot_everything_is_used_on(server: RedisServer, broker: Broker) -> None:
    broker.push([message(0)])
    server.kill()
    with pytest.raises(BrokerError, match=f"127.0.0.1:{server.port}") as raised:
        broker.lengths()
    assert_one_clear_line(raised.value)
    server.start()
    assert vars_of(broker) == (0, 0)
    assert broker.push([message(0)]) == 1
    server.library.script_flush()
    assert broker.push([message(1)]) == 1


@pytest.mark.parametrize("url", ["redis://:{secret}@127.0.0.1:{port}/0", "rediss://u:{secret}@127.0.0.1:{port}"])
def test_redis_that_is_not_there_is_named_without_its_password(url: str) -> None:
    (port,) = free_ports(1)
    with Broker(Settings(redis_url=url.format(secret=SECRET, port=port))) as broker:
        with pytest.raises(BrokerError, match=rf"127\.0\.0\.1:{port}") as raised:
            broker.push([message(0)])
        assert SECRET not in assert_one_clear_line(raised.value)


@pytest.mark.parametrize("url", [f"http://:{SECRET}@h", f"{SECRET}", f"redis://:{SECRET}@h:port"])
def test_address_that_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match="HYBRID_REDIS_URL") as raised:
        Broker(Settings(redis_url=url))
    assert SECRET not in assert_one_clear_line(raised.value)
