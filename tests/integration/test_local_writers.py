"""Several processes and threads at one folder: one writes at a time, and each sees what the others did."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from hybrid.engines.local import lock, segments
from hybrid.engines.local.database import NAME
from hybrid.engines.local.index import LocalIndex
from hybrid.errors import LockHeldError
from hybrid.index import create_index, open_async_index, open_index
from hybrid.passages import Passage
from tests.conftest import small_profile
from tests.local_generations import EVERYTHING, FILTER, PASSAGES, VECTOR, assert_one_generation, generation
from tests.local_story import ROOT
from tests.messages import assert_one_clear_line


@pytest.fixture
def address(tmp_path: Path) -> str:
    address = str(tmp_path / "index")
    create_index(address, small_profile())
    with open_index(address) as index:
        index.add(generation(0))
    return address


@pytest.fixture
def index(address: str) -> Iterator[LocalIndex]:
    with open_index(address) as opened:
        assert isinstance(opened, LocalIndex)
        yield opened


HELD = """
import sys
from hybrid.index import open_index
from hybrid.passages import Passage
with open_index(sys.argv[1]) as index:
    index.intake().write([Passage("x", "y")])
    print("held", flush=True)
    sys.stdin.read()
"""


def test_second_writing_process_is_refused_within_seconds(
    address: str, index: LocalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lock.PATIENCE <= 5
    monkeypatch.setattr(lock, "PATIENCE", 0.1)
    command = [sys.executable, "-c", HELD, address]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        for act in (lambda: index.add(generation(1)), lambda: index.delete(["p1"]), index.settle):
            with pytest.raises(LockHeldError) as caught:
                act()
            assert address in assert_one_clear_line(caught.value)
        assert_one_generation(index.search("common", **EVERYTHING))
        process.communicate()
    assert index.add(generation(1)).updated == PASSAGES


def test_threads_of_one_index_write_in_turn(index: LocalIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "PATIENCE", 0.0)
    monkeypatch.setattr(segments, "MERGE_FACTOR", 2)

    def write(number: int) -> int:
        return index.add([Passage(f"t{number}-{place}", "thread", vector=VECTOR) for place in range(5)]).created

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(write, range(40))) == [5] * 40
    assert index.status().passages == PASSAGES + 200


def test_index_and_its_intakes_write_in_turn(index: LocalIndex) -> None:
    first, second = index.intake(), index.intake()
    assert first.write(generation(1)).updated == PASSAGES
    assert second.delete(["p1"]).deleted == 1
    assert index.add(generation(2)[:3]).created == 1
    assert first.write(generation(3)).updated == PASSAGES
    assert index.settle().passages == PASSAGES
    assert_one_generation(index.search("common", **EVERYTHING))


def test_closed_intake_lets_others_write(address: str) -> None:
    with open_index(address) as index:
        index.intake().write(generation(1))
    with open_index(address) as other:
        assert other.add(generation(2)).updated == PASSAGES


FORKED = """
import os, sys
from hybrid.index import open_index
from tests.local_generations import EVERYTHING, assert_one_generation, generation
index = open_index(sys.argv[1])
assert assert_one_generation(index.search("common", **EVERYTHING)) == 0
child = os.fork()
if child == 0:
    for number in range(1, 6):
        index.add(generation(number))
        assert assert_one_generation(index.search("common", **EVERYTHING)) == number
    index.close()
    os._exit(0)
_, status = os.waitpid(child, 0)
assert status == 0, status
assert assert_one_generation(index.search("common", **EVERYTHING)) == 5
index.add(generation(6))
children = []
for _ in range(3):
    child = os.fork()
    if child == 0:
        for _ in range(50):
            assert assert_one_generation(index.search("common", **EVERYTHING)) >= 6
        os._exit(0)
    children.append(child)
for number in range(7, 20):
    index.add(generation(number))
for child in children:
    assert os.waitpid(child, 0)[1] == 0
assert assert_one_generation(index.search("common", **EVERYTHING)) == 19
print("well")
"""


def test_forked_processes_search_and_write_on_their_own(address: str) -> None:
    command = [sys.executable, "-c", FORKED, address]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("well\n", "")


DAEMON = """
import os, sys
from hybrid.index import open_index
from tests.local_generations import EVERYTHING, assert_one_generation
index = open_index(sys.argv[1])
assert assert_one_generation(index.search("common", **EVERYTHING)) == 0
if os.fork():
    os._exit(0)
for line in sys.stdin:
    print(assert_one_generation(index.search("common", **EVERYTHING)), flush=True)
"""


def test_process_whose_parent_is_gone_sees_every_commit(address: str) -> None:
    command = [sys.executable, "-c", DAEMON, address]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.wait() == 0
        for number in range(1, 4):
            with open_index(address) as writer:
                writer.add(generation(number))
            # Whoever leaves last clears SQLite's log away.
            with closing(sqlite3.connect(Path(address) / NAME)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            process.stdin.write("ask\n")
            process.stdin.flush()
            assert process.stdout.readline() == f"{number}\n"


def test_one_handle_may_be_shared_by_many_threads(index: LocalIndex) -> None:
    started = threading.Barrier(8)

    def ask(number: int) -> int:
        if number < 8:
            started.wait(60)
        return assert_one_generation(index.search("common", filter=[None, FILTER][number % 2], **EVERYTHING))

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(400))) == {0}


def test_tasks_of_one_loop_search_and_write(address: str) -> None:
    async def run() -> None:
        async with await open_async_index(address) as index:

            async def ask(number: int) -> int:
                return assert_one_generation(
                    await index.search("common", filter=[None, FILTER][number % 2], **EVERYTHING)
                )

            reports = asyncio.gather(*(index.add(generation(1)) for _ in range(5)))
            seen = await asyncio.gather(*map(ask, range(40)))
            assert set(seen) <= {0, 1}
            assert {report.updated for report in await reports} == {PASSAGES}
            assert (await index.delete(["p1"])).deleted == 1
            assert (await index.delete_documents(["p2"])).deleted == 1
            assert (await index.settle()).passages == (await index.status()).passages == PASSAGES - 2

    asyncio.run(run())
