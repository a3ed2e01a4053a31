"""Ctrl-C in any phase of an ingestion is one line and exit code 130, and the same command goes on."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from hybrid.cli.output import INTERRUPTED
from tests.commands import Say
from tests.conftest import MakeIndex
from tests.integration.faults import name_of, upstream_of
from tests.integration.feeding import document, stored, write_jsonl
from tests.integration.killing import ROOT, Moment, run_watched
from tests.services.http_server import Reply, Request
from tests.services.recorder import Fault, forwarding, recorder

NEXT = "the same command goes on where it was"
DOCUMENTS = [document(f"d{number}", number % 9 + 1) for number in range(60)]
#: A run of small steps, so that Ctrl-C can fall between any two of them.
SMALL_STEPS = """
from hybrid import isolate
from ingest import batches, job
batches.MAX_PASSAGES, isolate.FILL_SIZE, job.SAVE_INTERVAL = 8, 8, 0.0
job.SLOW_ENCODER = {slowest}
from hybrid.cli.main import main
main()
"""
#: Waits that no test would see the end of.
LONG_WAITS = """from hybrid.engines.opensearch import patience
patience.FIRST_PAUSE = patience.LONGEST_PAUSE = 1000.0
from hybrid.cli"""
PHASES = {"vectors with the text": 0.0, "vectors after the text": 'float("inf")'}
#: More than a run has requests: the last one ends by itself.
QUICK, SLOW = range(4, 100, 20), range(1, 100)


@pytest.fixture
def address(make_index: MakeIndex, raw: Any) -> Iterator[str]:
    address = f"{make_index()}-new"
    yield address
    raw.indices.delete(index=f"{name_of(address)}-*", ignore_unavailable=True)


def interrupt(
    number: int,
    phase: str,
    address: str,
    model: Path,
    folder: Path,
    raw: Any,
    hybrid: Say,
    monkeypatch: pytest.MonkeyPatch,
) -> bool:
    """Press Ctrl-C at a request of the cluster; tells whether the run lasted so long."""
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    source = write_jsonl(folder / "source.jsonl", DOCUMENTS)
    options = ["--encoder", str(model), "--scale", "20", "--words", "3"]
    code, said, requests = run_watched(
        address,
        lambda seen: ["-c", SMALL_STEPS.format(slowest=PHASES[phase]), "ingest", seen, str(source), *options],
        Moment(number, done=bool(number % 2), kind=signal.SIGINT),
        dict(os.environ),
    )
    if requests >= number:
        assert_one_line(code, said)
    report = hybrid("ingest", address, source, *options, "--json")
    assert (report.code, report.json["rows"], report.json["adds_up"]) == (0, len(DOCUMENTS), True)
    found = stored(raw, address)
    assert {hit["_source"]["document_id"] for hit in found.values()} == {one.id for one in DOCUMENTS}
    assert not any(hit["_source"]["pending"] for hit in found.values())
    raw.indices.delete(index=f"{name_of(address)}-*")
    return requests >= number


def assert_one_line(code: int, said: str) -> None:
    """Fail unless a process says that it was interrupted, and before that at most how far it was."""
    *progress, blank, last = said.splitlines()
    assert (code, blank, last) == (INTERRUPTED, "", f"hybrid: interrupted; {NEXT}"), said
    assert all(line.startswith(("passages: ", "vectors: ")) for line in progress), said


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("number", QUICK)
def test_ctrl_c_is_one_line_and_the_same_command_goes_on(
    number: int, phase: str, address: str, model: Path, tmp_path: Path, raw: Any, hybrid: Say, monkeypatch: Any
) -> None:
    interrupt(number, phase, address, model, tmp_path, raw, hybrid, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("phase", PHASES)
def test_ctrl_c_at_every_request(
    phase: str, address: str, model: Path, tmp_path: Path, raw: Any, hybrid: Say, monkeypatch: Any
) -> None:
    struck = sum(interrupt(number, phase, address, model, tmp_path, raw, hybrid, monkeypatch) for number in SLOW)
    assert struck > 30


@pytest.mark.parametrize("gone_at", [6, 20])
def test_ctrl_c_does_not_wait_for_a_cluster_that_is_away(gone_at: int, make_index: MakeIndex, tmp_path: Path) -> None:
    """The cluster goes, and Ctrl-C is pressed when the job begins to wait for it."""
    index = make_index()
    source = write_jsonl(tmp_path / "source.jsonl", DOCUMENTS)
    command = SMALL_STEPS.format(slowest=0.0).replace("from hybrid.cli", LONG_WAITS)
    honest = forwarding(upstream_of(index))
    numbers, victim = itertools.count(1), Future[int]()

    def answer(request: Request) -> Reply | Fault:
        number = next(numbers)
        if number < gone_at:
            return honest(request)
        if number == gone_at + 2:  # A request is tried three times before anybody waits.
            os.kill(victim.result(60), signal.SIGINT)
        return Fault.RESET

    with recorder(answer) as server:
        seen = f"{server.url}/{name_of(index)}"
        process = subprocess.Popen(
            [sys.executable, "-c", command, "ingest", seen, str(source), "--no-vectors", "--words", "3"],
            cwd=ROOT,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
            stderr=subprocess.PIPE,
            text=True,
        )
        victim.set_result(process.pid)
        _, said = process.communicate(timeout=60)
    assert_one_line(process.returncode, said)
