"""The gateway reads with what it was given, and says so if that fails."""

import asyncio

import pytest

from hybrid.errors import GatewayError
from hybrid.gateway.reading import Reading
from hybrid.reader.answers import ReadPassage, ReadRequest
from hybrid.settings import Settings
from tests.services.processes import free_ports

REQUEST = ReadRequest("what causes tides?", (ReadPassage("p1", "Tides", "The Moon causes tides. Wind does not."),))


def test_sentences_are_the_answers_where_they_are_wanted() -> None:
    reading = Reading(Settings(reader="sentences"))
    _, answers = asyncio.run(reading.read(REQUEST))
    assert answers[0].text == "The Moon causes tides."
    assert reading.has_reader


def test_pages_show_answers_only_where_somebody_chose_a_reader() -> None:
    assert not Reading(Settings()).has_reader


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
