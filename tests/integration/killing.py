"""Processes that are killed or interrupted when the cluster has got so many of their requests."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from tests.integration.faults import name_of, upstream_of
from tests.services.http_server import Reply, Request
from tests.services.recorder import Answer, Fault, forwarding, recorder

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Moment:
    """The request at which a process gets a signal, before the cluster has it or after it has done it."""

    request: int
    done: bool
    kind: signal.Signals = signal.SIGKILL


def run_feeder(address: str, arguments: Sequence[str], moment: Moment) -> tuple[int, str, int]:
    """Run the feeder until it ends or its moment comes; gives its exit code, what it said, and its requests."""
    return run_watched(address, lambda seen: ["-m", "tests.integration.feeder", seen, *arguments], moment)


def run_watched(
    address: str, arguments: Callable[[str], list[str]], moment: Moment, environ: Mapping[str, str] | None = None
) -> tuple[int, str, int]:
    """Run Python on arguments made of the address under which the index is seen through the watching server."""
    victim: Future[int] = Future()
    honest = forwarding(upstream_of(address))
    with recorder(strike(honest, victim, moment)) as server:
        command = [sys.executable, *arguments(f"{server.url}/{name_of(address)}")]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        victim.set_result(process.pid)
        said, _ = process.communicate(timeout=PATIENCE)
        return process.returncode, said, len(server.requests)


def strike(honest: Answer, victim: "Future[int]", moment: Moment) -> Answer:
    """Answer honestly, and send the victim a signal when its moment comes."""
    numbers = itertools.count(1)

    def answer(request: Request) -> Reply | Fault:
        if next(numbers) != moment.request:
            return honest(request)
        reply = honest(request) if moment.done else Fault.RESET
        os.kill(victim.result(PATIENCE), moment.kind)
        return reply

    return answer
