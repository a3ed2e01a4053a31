"""Readers see one commit or the next, never something in between, whoever writes meanwhile."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hybrid.engines.local import graph, ranking, reader, search
from hybrid.engines.local.index import LocalIndex
from hybrid.index import create_index, open_index
from tests.conftest import small_profile
from tests.local_generations import EVERYTHING, FILTER, PASSAGES, assert_one_generation, generation
from tests.local_story import ROOT

SEARCHES = 3000
WRITER = """
import sys, threading
from hybrid.engines.local import segments
from hybrid.index import open_index
from tests.local_generations import generation
segments.MERGE_FACTOR = 3
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
number = 0
with open_index(sys.argv[1]) as index:
    while not ended.is_set():
        number += 1
        index.add(generation(number))
        if number % 3 == 0:
            index.add([*generation(number, "short-lived"), *generation(number)])
            index.delete([one.id for one in generation(number, "short-lived")])
        if number % 7 == 0:
            index.settle()
        if number == 10:
            print("ready", flush=True)
print(number, flush=True)
"""


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


@contextmanager
def writing(address: str) -> Iterator[None]:
    """Let another process write generation after generation."""
    command = [sys.executable, "-c", WRITER, address]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            said, complaint = process.communicate()
        assert complaint == ""
        assert int(said) > 10


def test_thousands_of_searches_see_whole_commits_while_another_process_writes(
    address: str, index: LocalIndex
) -> None:
    def ask(number: int) -> int:
        options = {**EVERYTHING, "filter": [None, FILTER][number % 2], "mode": ["hybrid", "lexical"][number // 2 % 2]}
        return assert_one_generation([index, other][number % 3 % 2].search("common", **options))

    with writing(address), open_index(address) as other, ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(ask, range(SEARCHES)))
    assert len(seen) == SEARCHES
    assert len(set(seen)) > 3
    with open_index(address) as opened:
        assert assert_one_generation(opened.search("common", **EVERYTHING)) >= max(seen)


def test_scans_see_one_commit_while_another_process_writes(
    address: str, index: LocalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_PAGE", 7)
    with writing(address):
        for _ in range(100):
            found = [one for page in index.scan() for one in page]
            lasting = [one for one in found if one.id.startswith("p")]
            assert len(lasting) == PASSAGES
            assert len({one.meta["gen"] for one in lasting}) == 1
            assert all(one.vector is not None for one in found)
            assert len(found) in (PASSAGES, 2 * PASSAGES)


def test_who_was_open_before_sees_every_commit_at_once(address: str, index: LocalIndex) -> None:
    with open_index(address) as writer:
        for number in range(1, 20):
            writer.add(generation(number))
            if number % 4 == 0:
                writer.settle()
            assert assert_one_generation(index.search("common", filter=FILTER, **EVERYTHING)) == number
            assert index.status().passages == PASSAGES


@contextmanager
def meddling(address: str, module: Any, name: str, times: int, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Rewrite and settle everything each time before a function of the engine runs."""
    original, numbers = getattr(module, name), iter(range(1, times + 1))
    with open_index(address) as writer:

        def first_write(*given: Any, **options: Any) -> Any:
            for number in numbers:
                writer.add(generation(number))
                writer.settle()
                break
            return original(*given, **options)

        patch.setattr(module, name, first_write)
        yield
        patch.setattr(module, name, original)


@pytest.mark.parametrize("times", [1, 2, 100])
@pytest.mark.parametrize("step", ["_open_dense", "_hits"])
@pytest.mark.parametrize("clause", [None, FILTER])
def test_commit_in_the_middle_of_a_search_does_not_tear_it(
    clause: dict[str, Any] | None,
    step: str,
    times: int,
    address: str,
    index: LocalIndex,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert_one_generation(index.search("common", filter=clause, **EVERYTHING))
    with meddling(address, search, step, times, monkeypatch):
        for _ in range(3):
            assert_one_generation(index.search("common", filter=clause, **EVERYTHING))
        for result in index.search_many(["common"] * 3, mode="lexical", filter=clause, k=1000):
            assert_one_generation(result)


@pytest.mark.parametrize("times", [1, 3])
def test_commit_between_filter_and_reading_does_not_tear_a_search(
    times: int, address: str, index: LocalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    with meddling(address, ranking, "rank", times, monkeypatch):
        for _ in range(3):
            assert_one_generation(index.search("common", filter=FILTER, **EVERYTHING))


def test_reader_keeps_what_it_sees_while_its_files_are_merged_away(address: str) -> None:
    with open_index(address) as index, open_index(address) as writer:
        scan = index.scan()
        first = next(scan)
        writer.add(generation(1))
        writer.settle()
        writer.delete([f"p{place}" for place in range(PASSAGES)])
        writer.settle()
        rest = [one for page in scan for one in page]
        assert {one.meta["gen"] for one in (*first, *rest)} == {0}
        assert len(first) + len(rest) == PASSAGES
        assert index.search("common", **EVERYTHING).hits == ()


def test_readers_do_not_keep_files_that_were_merged_away(address: str, index: LocalIndex) -> None:
    with open_index(address) as writer:
        for number in range(1, 5):
            writer.add(generation(number))
            writer.settle()
            index.search("common", **EVERYTHING)
    with Path(f"/proc/{os.getpid()}/maps").open() as file:
        mapped = {line.split()[-1] for line in file if ".safetensors" in line and address in line}
    assert len(mapped) == 2


def test_graph_that_is_merged_away_in_the_middle_of_a_search_does_not_tear_it(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph, "WORTH", 1)
    with open_index(address) as index:
        index.settle()
        with meddling(address, search, "_open_dense", 2, monkeypatch):
            for _ in range(3):
                assert_one_generation(index.search("common", dense="ann", **EVERYTHING))
