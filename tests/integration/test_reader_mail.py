"""Questions to workers and back, on a real Redis: read together, late ones dropped, lost ones found again."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from hybrid.errors import BrokerError, DeadlineError, HybridError
from hybrid.messages import READ_QUEUE, READ_TASK
from hybrid.queue.broker import Broker
from hybrid.queue.envelope import name_task
from hybrid.reader import mail
from hybrid.reader.answers import Answer, ReadPassage, ReadRequest
from hybrid.settings import Settings
from tests.faults.processes import RedisServer, wait_for
from tests.integration.reading import redis_of_its_own, settings_of, take_one
from tests.messages import assert_one_clear_line
from workers import read as worker

QUEUE = f"hybrid:{READ_QUEUE}"
ANSWER = Answer("moon", 1.5, "p", 4, 8, 0.25)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_of_its_own() as server:
        yield server


@pytest.fixture
def broker(redis: RedisServer) -> Iterator[Broker]:
    redis.library.flushall()
    with Broker(settings_of(redis)) as broker:
        yield broker


@pytest.fixture
def askers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(64) as pool:
        yield pool


def request(number: int = 0) -> ReadRequest:
    return ReadRequest(f"question {number}", (ReadPassage("p", "", "the moon pulls", 1.0),))


def ask(askers: ThreadPoolExecutor, broker: Broker, numbers: range, seconds: float = 60) -> list[Future[mail.Reply]]:
    return [askers.submit(mail.ask_workers, broker, request(number), seconds) for number in numbers]


def wait_until(done: Callable[[], bool]) -> None:
    wait_for(done, "waiting")


def test_answer_comes_back_to_who_asked(broker: Broker, askers: ThreadPoolExecutor, redis: RedisServer) -> None:
    asked = ask(askers, broker, range(5))
    wait_until(lambda: redis.library.llen("hybrid:reading:waiting") == 5)
    letters = mail.take(broker, 8)
    assert {letter.request for letter in letters} == {request(number) for number in range(5)}
    for letter in letters:
        mail.reply(broker, letter, letter.request.question, [ANSWER])
    for number, one in enumerate(asked):
        assert one.result(60) == mail.Reply(f"question {number}", (ANSWER,))
    # Nothing is left but the bells.
    assert redis.library.keys("hybrid:reading:*") == []


def test_no_more_are_taken_than_are_read_together(
    broker: Broker, askers: ThreadPoolExecutor, redis: RedisServer
) -> None:
    asked = ask(askers, broker, range(5))
    wait_until(lambda: redis.library.llen("hybrid:reading:waiting") == 5)
    sizes = []
    while letters := mail.take(broker, 2):
        sizes.append(len(letters))
        for letter in letters:
            mail.reply(broker, letter, "", [])
    assert sizes == [2, 2, 1]
    assert [one.result(60).answers for one in asked] == [()] * 5


def test_late_question_is_told_in_time_and_read_by_nobody(broker: Broker, redis: RedisServer) -> None:
    started = time.monotonic()
    with pytest.raises(DeadlineError, match=r"No reader worker answered within 0\.3 s") as caught:
        mail.ask_workers(broker, request(), 0.3)
    assert_one_clear_line(caught.value)
    assert 0.3 <= time.monotonic() - started < 30
    assert redis.library.llen("hybrid:reading:waiting") == 1
    assert mail.take(broker, 8) == []
    assert redis.library.keys("hybrid:reading:*") == []


def test_question_that_cannot_be_answered_is_told(broker: Broker, askers: ThreadPoolExecutor) -> None:
    (asked,) = ask(askers, broker, range(1))
    mail.refuse(broker, take_one(broker), "it is too hard")
    with pytest.raises(HybridError, match="cannot answer: it is too hard"):
        asked.result(60)


def test_question_of_a_worker_that_died_is_offered_again(
    broker: Broker, askers: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "LEASE", 0.2)
    monkeypatch.setattr(mail, "LOOK", 0.05)
    (asked,) = ask(askers, broker, range(1))
    # The first worker says nothing any more.
    first, second = take_one(broker), take_one(broker)
    assert second.id == first.id
    mail.reply(broker, second, "second", [])
    assert asked.result(60).reader == "second"


def test_bells_are_few_and_a_lost_one_is_rung_again(
    broker: Broker, askers: ThreadPoolExecutor, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "LOOK", 0.05)
    asked = ask(askers, broker, range(40))
    wait_until(lambda: redis.library.llen("hybrid:reading:waiting") == 40)
    bells = redis.library.lrange(QUEUE, 0, -1)
    assert 0 < len(bells) <= 16
    assert {name_task(bell) for bell in bells} == {READ_TASK}
    redis.library.delete(QUEUE)
    wait_until(lambda: redis.library.llen(QUEUE) > 0)
    while letters := mail.take(broker, 8):
        for letter in letters:
            mail.reply(broker, letter, "", [])
    assert len([one.result(60) for one in asked]) == 40


def test_broker_that_is_away_is_told_at_once() -> None:
    with Broker(Settings(redis_url="redis://127.0.0.1:1/0")) as broker, pytest.raises(BrokerError) as caught:
        mail.ask_workers(broker, request(), 5)
    assert_one_clear_line(caught.value)


def test_one_bad_question_spoils_no_other(
    broker: Broker, askers: ThreadPoolExecutor, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker's task, with a reader that fails on one question."""

    class Fragile:
        name = "fragile"

        def read(self, requests: list[ReadRequest]) -> list[list[Answer]]:
            if any(one.question == "question 3" for one in requests):
                raise ZeroDivisionError("by a secret")
            return [[ANSWER] for _ in requests]

    monkeypatch.setattr(worker, "open_broker", lambda: broker)
    monkeypatch.setattr(worker, "open_reader", lambda *_, **__: Fragile())
    asked = ask(askers, broker, range(6))
    wait_until(lambda: redis.library.llen("hybrid:reading:waiting") == 6)
    answering = threading.Thread(target=worker.read_questions)
    answering.start()
    for number, one in enumerate(asked):
        if number == 3:
            with pytest.raises(HybridError, match="ZeroDivisionError, see the worker's log"):
                one.result(60)
        else:
            assert one.result(60).answers == (ANSWER,)
    answering.join()
