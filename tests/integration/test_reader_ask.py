"""``index.ask`` and ``hybrid ask``: on a folder and on a cluster, sync and async, here and on a worker."""

import asyncio
import dataclasses
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybrid import Passage, create_index, open_async_index, open_index
from hybrid.errors import BrokerError, DeadlineError, ModelError, UsageError
from hybrid.messages import READ_QUEUE
from hybrid.queue import signs
from hybrid.queue.broker import Broker
from hybrid.reader import mail
from hybrid.reader.answers import Answer, AskResult, to_json
from hybrid.reader.cards import Calibration, read_card, write_card
from hybrid.reader.reader import open_reader
from hybrid.settings import Settings, read_settings
from tests.commands import Say, one_line
from tests.conftest import MakeIndex, small_profile
from tests.faults.processes import RedisServer
from tests.integration.reading import redis_of_its_own, settings_of, take_one
from tests.services.processes import free_ports
from tests.tiny_models import save_kin

QUESTION = "what pulls the ocean?"
PASSAGES = [
    Passage("moon#0", "The moon pulls the ocean. Who wrote it?\nNobody.", title="Moon", vector=[1.0] * 8),
    Passage("tide#0", "Tides: the gravity of the moon.", title="Tides", vector=[0.5] * 8),
    Passage("cafe#0", "A cafe\u0301 by the ocean 😀 pulls tides.", vector=[0.1] * 8),
]
TEXTS = {one.id: one.text for one in PASSAGES}
VECTOR = [1.0] * 8


#: What most tests ask: it needs no model.
PLAIN = Settings(reader="sentences")


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read here unless a test says otherwise: the tests' own Redis is in the environment."""
    for name in ("HYBRID_REDIS_URL", "HYBRID_REDIS_URL_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HYBRID_READER", "sentences")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_kin(tmp_path_factory.mktemp("models") / "dpr", "DPRReader", max_position_embeddings=128)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the address of an index in a folder."""
    address = str(tmp_path_factory.mktemp("index") / "ours")
    create_index(address, small_profile(), settings=Settings())
    with open_index(address, settings=Settings()) as index:
        index.add(PASSAGES)
    return address


@pytest.fixture(scope="module")
def cluster(make_index: MakeIndex) -> str:
    """Give the address of the same index on a cluster."""
    address = make_index()
    with open_index(address, settings=Settings()) as index:
        index.add(PASSAGES, refresh=True)
    return address


def assert_sound(result: AskResult) -> None:
    assert result.question == QUESTION
    assert {one.id for one in result.hits} <= set(TEXTS)
    for one in result.answers:
        assert TEXTS[one.passage_id][one.start : one.end] == one.text


def strip(answers: object) -> object:
    """Leave scores out, whose last digits two engines may see differently."""
    assert isinstance(answers, list | tuple)
    return [dataclasses.replace(one, score=0.0) for one in answers]


@pytest.mark.parametrize("with_reader", [True, False])
def test_both_engines_answer_alike_sync_and_async(with_reader: bool, folder: str, cluster: str, reader: Path) -> None:
    settings = Settings(reader=str(reader)) if with_reader else PLAIN

    async def ask_async(address: str) -> AskResult:
        async with await open_async_index(address, settings=settings) as index:
            return await index.ask(QUESTION, vector=VECTOR)

    results = []
    for address in (folder, cluster):
        with open_index(address, settings=settings) as index:
            results += [index.ask(QUESTION, vector=VECTOR), asyncio.run(ask_async(address))]
    for result in results:
        assert_sound(result)
        assert result.answers
        assert strip(result.answers) == strip(results[0].answers)
        assert result.reader == (str(reader) if with_reader else "sentences")


def test_twenty_passages_are_read_unless_told_otherwise(folder: str) -> None:
    with open_index(folder, settings=PLAIN) as index:
        assert len(index.ask(QUESTION, vector=VECTOR).hits) == 3
        found = index.ask(QUESTION, vector=VECTOR, k=1, answers=4, mode="lexical")
    assert [one.id for one in found.hits] == ["cafe#0"]
    assert [one.text for one in found.answers] == [TEXTS["cafe#0"]]
    assert found.found.mode == "lexical"


def test_result_is_printed_as_a_search_with_answers(folder: str) -> None:
    with open_index(folder, settings=PLAIN) as index:
        result = index.ask(QUESTION, vector=VECTOR)
    printed = json.loads(json.dumps(to_json(result)))
    assert [one["id"] for one in printed["hits"]] == [one.id for one in result.hits]
    assert printed["answers"][0] == dataclasses.asdict(result.answers[0])
    assert (printed["question"], printed["mode"], printed["reader"]) == (QUESTION, "hybrid", "sentences")


@pytest.mark.parametrize(
    "options", [{"text": False}, {"deadline": 0}, {"answers": 0}, {"reader": "x", "here": False}], ids=str
)
def test_what_cannot_be_is_refused_before_anything_is_searched(options: dict[str, object], folder: str) -> None:
    with open_index(folder, settings=Settings()) as index, pytest.raises(UsageError):
        index.ask(QUESTION, **options)  # type: ignore[arg-type]


def test_reader_that_is_missing_is_told(folder: str) -> None:
    with open_index(folder, settings=Settings()) as index, pytest.raises(ModelError, match="no folder"):
        index.ask(QUESTION, vector=VECTOR, reader="nowhere")


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_of_its_own() as server:
        yield server


@pytest.mark.parametrize("forced", [False, True], ids=["cluster", "folder, if told to"])
def test_worker_is_asked_where_a_broker_is_set_up(
    forced: bool, folder: str, cluster: str, redis: RedisServer
) -> None:
    answer = Answer("moon", 1.0, "moon#0", 4, 8)
    taken: list[mail.Letter] = []

    def work() -> None:
        with Broker(settings_of(redis)) as broker:
            taken.append(take_one(broker))
            mail.reply(broker, taken[0], "far away", [answer])

    with Broker(settings_of(redis)) as broker:
        signs.show_life(broker, "far@away", [READ_QUEUE])
    worker = threading.Thread(target=work)
    worker.start()
    settings = dataclasses.replace(settings_of(redis), opensearch_url=read_settings().opensearch_url)
    with open_index(folder if forced else cluster, settings=settings) as index:
        result = index.ask(QUESTION, vector=VECTOR, deadline=60, here=False if forced else None)
    worker.join()
    assert (result.reader, result.answers) == ("far away", (answer,))
    assert [one.id for one in taken[0].request.passages] == [one.id for one in result.hits]
    assert [one.score for one in taken[0].request.passages] == [one.score for one in result.hits]


def test_without_a_worker_that_is_said_at_once_and_here_needs_none(folder: str) -> None:
    with redis_of_its_own() as redis, open_index(folder, settings=settings_of(redis)) as index:
        with pytest.raises(DeadlineError, match="No reader worker is running"):
            index.ask(QUESTION, vector=VECTOR, deadline=60, here=False)
        assert index.ask(QUESTION, vector=VECTOR, reader="sentences").reader == "sentences"


def test_folder_is_read_here_whatever_broker_there_is_for_clusters(folder: str) -> None:
    """The broker cannot even be reached."""
    (port,) = free_ports(1)
    settings = Settings(reader="sentences", has_broker=True, redis_url=f"redis://127.0.0.1:{port}/0")

    async def ask_async() -> AskResult:
        async with await open_async_index(folder, settings=settings) as index:
            return await index.ask(QUESTION, vector=VECTOR)

    with open_index(folder, settings=settings) as index:
        results = [index.ask(QUESTION, vector=VECTOR, here=here) for here in (None, True)]
        results += [index.ask(QUESTION, vector=VECTOR), asyncio.run(ask_async())]
        with pytest.raises(BrokerError):
            index.ask(QUESTION, vector=VECTOR, here=False)
    assert [one.reader for one in results] == ["sentences"] * 4


def test_command_reads_a_folder_here_and_a_cluster_on_a_worker(
    hybrid: Say, folder: str, cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (port,) = free_ports(1)
    monkeypatch.setenv("HYBRID_REDIS_URL", f"redis://127.0.0.1:{port}/0")
    asked = (QUESTION, "--mode", "lexical")
    for given in ((folder,), (folder, "--here"), (cluster, "--here")):
        said = hybrid("ask", *given, *asked)
        assert (said.code, said.err) == (0, "")
        assert said.out.splitlines()[0].endswith("tides.")
    for given in ((folder, "--worker"), (cluster,), (cluster, "--worker")):
        assert "Redis" in one_line(hybrid("ask", *given, *asked))
    assert "name one only to read here" in one_line(
        hybrid("ask", folder, "--worker", *asked, "--reader", "sentences")
    )


def test_command_prints_lines_in_a_pipe_and_json_when_asked(hybrid: Say, folder: str, reader: Path) -> None:
    base = ("ask", folder, QUESTION, "--vector", json.dumps(VECTOR))
    lines = hybrid(*base, "--answers", 2).out.splitlines()
    assert lines[0].split("\t")[2:] == ["moon#0", "0", "25", "The moon pulls the ocean."]
    assert len(lines) == 2
    printed = hybrid(*base, "--json", "--reader", reader).json
    assert printed["reader"] == str(reader)
    for one in printed["answers"]:
        assert TEXTS[one["passage_id"]][one["start"] : one["end"]] == one["text"]
        assert one["confidence"] is None


def test_no_answer_is_no_error(hybrid: Say, folder: str) -> None:
    said = hybrid("ask", folder, QUESTION, "--vector", json.dumps(VECTOR), "--least-score", 1e9)
    assert (said.code, said.out, said.err) == (0, "", "No answer is good enough.\n")
    printed = hybrid("ask", folder, QUESTION, "--vector", json.dumps(VECTOR), "--least-score", 1e9, "--json")
    assert (printed.code, printed.json["answers"]) == (0, [])
    nothing = hybrid("ask", folder, QUESTION, "--mode", "lexical", "--where", "year>=2000")
    assert (nothing.code, nothing.out) == (0, "")


def test_mistakes_are_told_in_one_line(hybrid: Say, folder: str) -> None:
    base = ("ask", folder, QUESTION, "--mode", "lexical")
    assert "not calibrated" in one_line(hybrid(*base, "--threshold", 0.5))
    assert "no folder" in one_line(hybrid(*base, "--reader", "nowhere"))
    assert "empty" in one_line(hybrid("ask", folder, "  "))
    assert "The index comes before the question" in one_line(hybrid("ask", QUESTION, "os:wiki"))


def test_calibrated_reader_shows_how_sure_it_is(hybrid: Say, folder: str, tmp_path: Path) -> None:
    own = save_kin(tmp_path / "dpr", "DPRReader", max_position_embeddings=128)
    card = dataclasses.replace(read_card(own), calibration=Calibration(temperature=1.0, data="made up"))
    write_card(own, card)
    base = ("ask", folder, QUESTION, "--mode", "lexical", "--reader", own)
    sure = [float(line.split("\t")[0]) for line in hybrid(*base, "--threshold", 0).out.splitlines()]
    assert sure
    assert all(0 < one <= 1 for one in sure)
    assert hybrid(*base, "--threshold", 1).out == ""


def test_lists_leave_out_what_is_far_less_likely_than_the_first(hybrid: Say, folder: str, tmp_path: Path) -> None:
    """So low a temperature leaves next to nothing to all answers but one; JSON has them all."""
    own = save_kin(tmp_path / "dpr", "DPRReader", max_position_embeddings=128)
    base = ("ask", folder, QUESTION, "--mode", "lexical", "--reader", own)
    uncalibrated = hybrid(*base).out.splitlines()
    write_card(own, dataclasses.replace(read_card(own), calibration=Calibration(temperature=0.001, data="made up")))
    open_reader.cache_clear()
    every = hybrid(*base, "--threshold", 0)
    listed = hybrid(*base)
    left = len(uncalibrated) - 1
    assert left > 0
    assert len(every.out.splitlines()) == len(uncalibrated) == len(hybrid(*base, "--json").json["answers"])
    assert (listed.out.splitlines(), every.err) == (every.out.splitlines()[:1], "")
    assert listed.err == f"Less likely answers left out: {left}; --threshold 0 lists them.\n"
