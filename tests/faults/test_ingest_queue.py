"""``hybrid ingest --queue``, as a person runs it: text at once, vectors by workers, whatever becomes of the rest."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hybrid import Passage, messages
from hybrid.cli.output import INTERRUPTED
from hybrid.queue.broker import CAP, Broker
from tests.commands import Say, one_line
from tests.faults.processes import wait_for
from tests.faults.stage import Stage, passages
from tests.faults.troupe import Troupe
from tests.integration.killing import PATIENCE, ROOT, Moment, run_watched

COUNT = 700
OPTIONS = ("--by", "document", "--queue")
COMMAND = "import sys; from hybrid.cli.main import main; main()"
#: The same in small steps, so that it can die between any two of them.
SMALL_STEPS = f"from ingest import batches, job; batches.MAX_PASSAGES, job.SAVE_INTERVAL = 64, 0.0; {COMMAND}"


@pytest.fixture
def hybrid(hybrid: Say, monkeypatch: pytest.MonkeyPatch, troupe: Troupe) -> Say:
    troupe.redis.library.flushall()
    for name, value in troupe.environ.items():
        monkeypatch.setenv(name, value)
    return hybrid


@pytest.fixture(scope="module")
def worker(troupe: Troupe) -> None:
    """Have a worker from the first test on that asks for one; those before it see what waits."""
    troupe.add("one")


def write_source(folder: Path, wanted: dict[str, Passage]) -> Path:
    path = folder / "source.jsonl"
    rows = ({"id": one.id, "title": one.title, "text": one.text} for one in wanted.values())
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return path


def test_text_is_searchable_at_once_and_ids_wait_in_the_queue(stage: Stage, hybrid: Say, tmp_path: Path) -> None:
    wanted = passages(COUNT)
    said = hybrid("ingest", stage.address, write_source(tmp_path, wanted), *OPTIONS, "--json")
    assert (said.code, said.json["created"], said.json["adds_up"]) == (0, COUNT, True)
    assert f"hybrid status {stage.address} --follow" in said.err
    status = stage.status()
    assert (status.passages, status.pending) == (COUNT, COUNT)
    with Broker(stage.settings) as broker:
        sent = [one for message in broker.read_under_way() for one in message.ids]
    assert sorted(sent) == sorted(wanted)
    again = hybrid("ingest", stage.address, write_source(tmp_path, wanted), *OPTIONS, "--json")
    assert (again.json["created"], again.json["updated"], again.json["unchanged"]) == (0, 0, COUNT)


def test_ingestion_never_sends_more_than_the_queue_may_hold(
    stage: Stage, hybrid: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "MESSAGE_SIZE", 1)
    assert hybrid("ingest", stage.address, write_source(tmp_path, passages(COUNT)), *OPTIONS).code == 0
    with Broker(stage.settings) as broker:
        assert broker.lengths().waiting == CAP


def test_ctrl_c_stops_the_waiting_and_not_the_workers(
    stage: Stage, hybrid: Say, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    wanted = passages(COUNT)
    source = write_source(tmp_path, wanted)
    command = ["ingest", stage.address, str(source), *OPTIONS, "--wait"]
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *command],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        env=dict(os.environ),
        text=True,
    )
    wait_for(lambda: stage.status().passages == COUNT, "writing the text")
    wait_for(lambda: _is_done(stage), "the end of the job")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == INTERRUPTED
    assert said.strip().splitlines() == [
        f"workers go on; hybrid status {stage.address} --follow shows how far they are"
    ]
    request.getfixturevalue("worker")
    followed = hybrid("status", stage.address, "--follow", "--json")
    assert (followed.code, followed.json["encoded"]) == (0, COUNT)
    stage.assert_holds(wanted)


def _is_done(stage: Stage) -> bool:
    index = f"{stage.index}-jobs"
    if not stage.raw.indices.exists(index=index):
        return False
    stage.raw.indices.refresh(index=index)
    found = stage.raw.search(index=index, body={"query": {"term": {"kind": "job"}}})["hits"]["hits"]
    return [hit["_source"]["state"] for hit in found] == ["done"]


@pytest.mark.usefixtures("worker")
def test_waiting_ends_when_workers_have_encoded_everything(stage: Stage, hybrid: Say, tmp_path: Path) -> None:
    wanted = passages(COUNT)
    said = hybrid("ingest", stage.address, write_source(tmp_path, wanted), *OPTIONS, "--wait")
    assert said.code == 0
    assert f" = created {COUNT} + " in said.out
    stage.assert_holds(wanted)
    followed = hybrid("status", stage.address, "--follow", "--json")
    assert (followed.code, followed.json["encoded"], followed.json["pending"]) == (0, COUNT, 0)


@pytest.mark.usefixtures("worker")
def test_redis_that_is_away_is_told_once_and_costs_no_text(
    stage: Stage, hybrid: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = passages(1_500)
    monkeypatch.setenv("HYBRID_REDIS_URL", "redis://:hunter2@127.0.0.1:9/0")
    said = hybrid("ingest", stage.address, write_source(tmp_path, wanted), *OPTIONS, "--json")
    assert (said.code, said.json["created"]) == (0, 1_500)
    assert said.err.count("127.0.0.1:9") == 1
    assert "hunter2" not in said.err
    stage.wait_encoded()
    stage.assert_holds(wanted)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["{folder}", "--queue"], "--queue is for an index on a cluster, and .* is a folder"),
        (["{address}", "--wait"], "--wait goes with --queue"),
        (["{address}-new", "--queue", "--no-vectors"], "--no-vectors"),
        (["{address}-new", "--queue", "--scale", "auto"], "The scale is still to be found"),
    ],
)
def test_what_workers_cannot_do_is_refused_before_anything_is_made(
    options: list[str], words: str, stage: Stage, hybrid: Say, tmp_path: Path
) -> None:
    source = write_source(tmp_path, passages(1))
    address, *rest = (one.format(folder=tmp_path / "folder", address=stage.address) for one in options)
    said = hybrid("ingest", address, source, *rest)
    assert said.code == 2
    assert re.search(words, one_line(said))
    assert not (tmp_path / "folder").exists()
    assert not stage.raw.indices.exists(index=f"{stage.index}-new")


def test_following_a_folder_is_refused(hybrid: Say, tmp_path: Path) -> None:
    said = hybrid("status", tmp_path, "--follow")
    assert said.code == 2
    assert "is a folder" in one_line(said)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("request_number", [12, *(pytest.param(one, marks=pytest.mark.slow) for one in range(8, 28))])
def test_ingestion_that_is_killed_goes_on_and_its_vectors_come(
    request_number: int, stage: Stage, hybrid: Say, tmp_path: Path
) -> None:
    wanted = passages(COUNT)
    source = write_source(tmp_path, wanted)
    options = [str(source), *OPTIONS]
    code, _, requests = run_watched(
        stage.address,
        lambda seen: ["-c", SMALL_STEPS, "ingest", seen, *options],
        Moment(request_number, done=bool(request_number % 2)),
        dict(os.environ),
    )
    assert code == (-signal.SIGKILL if requests >= request_number else 0)
    said = hybrid("ingest", stage.address, *options, "--json")
    assert (said.code, said.json["adds_up"]) == (0, True)
    stage.wait_encoded()
    stage.assert_holds(wanted)
