"""A real reader worker: many askers, long passages, death while answering; an answer or a clear error in time."""

import dataclasses
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hybrid.errors import DeadlineError
from hybrid.messages import ENCODE_QUEUE, READ_QUEUE
from hybrid.queue import signs
from hybrid.queue.broker import Broker
from hybrid.reader import mail
from hybrid.reader.answers import Answer, ReadOptions, ReadPassage, ReadRequest
from hybrid.reader.folders import read_folder
from hybrid.reader.reader import Reader
from tests.faults.processes import PATIENCE, RedisServer, wait_for
from tests.integration.reading import ReadWorker, redis_of_its_own, settings_of, worker_on
from tests.tiny_models import save_kin

ASKERS = 100
TEXTS = ("the moon pulls the ocean", "gravity and the tides", "who wrote the passage", "what a query; the tide")


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_of_its_own() as server:
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_kin(tmp_path_factory.mktemp("models") / "dpr", "DPRReader", max_position_embeddings=128)


@pytest.fixture(scope="module")
def worker(redis: RedisServer, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReadWorker]:
    with worker_on(redis, folder, tmp_path_factory.mktemp("worker")) as worker:
        yield worker


@pytest.fixture
def broker(redis: RedisServer) -> Iterator[Broker]:
    with Broker(settings_of(redis)) as broker:
        yield broker


def request(number: int, repeat: int = 1) -> ReadRequest:
    texts = (f"{TEXTS[(number + place) % len(TEXTS)]} " * repeat for place in range(3))
    passages = tuple(ReadPassage(str(place), "title", text) for place, text in enumerate(texts))
    return ReadRequest(f"what pulls {number}", passages, ReadOptions(answers=3))


def assert_alike(found: Sequence[Answer], wanted: Sequence[Answer]) -> None:
    assert [dataclasses.replace(one, score=0.0) for one in found] == [
        dataclasses.replace(one, score=0.0) for one in wanted
    ]
    assert [one.score for one in found] == pytest.approx([one.score for one in wanted], abs=1e-4)


@pytest.mark.usefixtures("worker")
def test_it_is_known_that_somebody_listens(broker: Broker) -> None:
    wait_for(lambda: signs.is_heard(broker, READ_QUEUE), "a sign of life", lambda: "")
    assert not signs.is_heard(broker, ENCODE_QUEUE)


@pytest.mark.usefixtures("worker")
def test_a_hundred_askers_get_their_own_answers(broker: Broker, folder: Path) -> None:
    requests = [request(number) for number in range(ASKERS)]
    with ThreadPoolExecutor(ASKERS) as pool:
        replies = list(pool.map(lambda one: mail.ask_workers(broker, one, PATIENCE), requests))
    wanted = Reader(read_folder(folder)).read(requests)
    for reply, own in zip(replies, wanted, strict=True):
        assert reply.reader == str(folder)
        assert_alike(reply.answers, own)


@pytest.mark.usefixtures("worker")
def test_passage_of_a_hundred_thousand_characters_is_answered(broker: Broker) -> None:
    long = request(0, repeat=100_000 // len(TEXTS[0]) + 1)
    assert len(long.passages[0].text) > 100_000
    reply = mail.ask_workers(broker, long, PATIENCE)
    assert reply.answers
    texts = {one.id: one.text for one in long.passages}
    assert all(texts[one.passage_id][one.start : one.end] == one.text for one in reply.answers)


def test_question_of_a_reader_that_is_killed_is_answered_by_the_next_one(
    worker: ReadWorker, broker: Broker, redis: RedisServer
) -> None:
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(mail.ask_workers, broker, request(number, repeat=400), PATIENCE) for number in range(8)]
        wait_for(lambda: bool(redis.library.keys("hybrid:reading:taken:*")), "taking a question")
        worker.strike()
        assert all(one.result().answers for one in asked)


def test_nobody_there_is_told_in_time(broker: Broker, worker: ReadWorker) -> None:
    """The last test of this worker: it ends here."""
    worker.kill()
    with pytest.raises(DeadlineError):
        mail.ask_workers(broker, request(0), 2.0)
