"""Questions that wait together are encoded together, and nobody waits for what others did wrong."""

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid import Profile
from hybrid.errors import ModelError
from hybrid.gateway import encoding
from hybrid.gateway.encoding import MOST_AT_ONCE, Questions

PROFILE = Profile(pair_id="made-up", fingerprint="0123456789abcdef", dimension=2)


class Counting:
    """Encodes a text as its length; waits before each batch until it may go on."""

    def __init__(self, *, held: bool = False) -> None:
        self.batches: list[list[str]] = []
        self.free = threading.Event()
        if not held:
            self.free.set()

    def encode_questions(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.batches.append(list(texts))
        self.free.wait(60)
        if "bad" in texts:
            raise RuntimeError("out of memory")
        return np.array([[len(text), 1.0] for text in texts], dtype=np.float32)


async def opened(encoder: Counting) -> Questions:
    questions = Questions(PROFILE, lambda _: encoder)
    await questions.open()
    return questions


def test_questions_that_wait_are_encoded_in_batches_and_once_each() -> None:
    encoder = Counting(held=True)

    async def run() -> None:
        questions = await opened(encoder)
        texts = [f"{'x' * (number % 50)}" for number in range(200)]
        waiting = [asyncio.create_task(questions.encode(text)) for text in texts]
        await asyncio.sleep(0)
        encoder.free.set()
        vectors = await asyncio.gather(*waiting)
        assert [vector[0] for vector in vectors] == [len(text) for text in texts]
        await questions.encode("x")
        questions.close()

    asyncio.run(run())
    assert sorted(map(len, encoder.batches)) == [50 - MOST_AT_ONCE, MOST_AT_ONCE]
    assert len({text for batch in encoder.batches for text in batch}) == 50


def test_who_leaves_does_not_take_the_vector_away_from_others() -> None:
    encoder = Counting(held=True)

    async def run() -> None:
        questions = await opened(encoder)
        leaving, staying = (asyncio.create_task(questions.encode("same")) for _ in range(2))
        await asyncio.sleep(0)
        leaving.cancel()
        encoder.free.set()
        assert (await staying)[0] == 4
        with pytest.raises(asyncio.CancelledError):
            await leaving
        questions.close()

    asyncio.run(run())
    assert encoder.batches == [["same"]]


def test_a_batch_that_fails_is_an_error_for_its_own_questions_only() -> None:
    encoder = Counting()

    async def run() -> None:
        questions = await opened(encoder)
        with pytest.raises(ModelError, match="out of memory"):
            await questions.encode("bad")
        assert (await questions.encode("good"))[0] == 4
        with pytest.raises(ModelError, match="out of memory"):
            await questions.encode("bad")
        questions.close()

    asyncio.run(run())


def test_no_more_wait_than_can_be_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "MOST_WAITING", 3)
    encoder = Counting(held=True)

    async def run() -> None:
        questions = await opened(encoder)
        waiting = [asyncio.create_task(questions.encode(str(number))) for number in range(5)]
        await asyncio.sleep(0)
        encoder.free.set()
        done = await asyncio.gather(*waiting, return_exceptions=True)
        assert [isinstance(one, ModelError) for one in done] == [False, False, False, True, True]
        questions.close()

    asyncio.run(run())


def test_only_so_many_are_remembered_and_the_last_used_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "MOST_REMEMBERED", 2)
    encoder = Counting()

    async def run() -> None:
        questions = await opened(encoder)
        for text in ("one", "two", "one", "three", "one", "two"):
            await questions.encode(text)
        questions.close()

    asyncio.run(run())
    assert encoder.batches == [["one"], ["two"], ["three"], ["two"]]


def test_an_encoder_that_is_not_loaded_says_so() -> None:
    def fail(_: Profile) -> Counting:
        raise ModelError("no such model")

    async def run() -> None:
        questions = Questions(PROFILE, fail)
        with pytest.raises(ModelError, match="not loaded yet"):
            await questions.encode("text")
        with pytest.raises(ModelError, match="no such model"):
            await questions.open()
        assert not questions.ready
        questions.close()

    asyncio.run(run())
