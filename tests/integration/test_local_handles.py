"""What an open folder may no longer be used for: one whose index is gone, and one that is there to be read only."""

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from hybrid import Passage, create_index, delete_index, open_index
from hybrid.engines.contract import Index
from hybrid.errors import HybridError, IndexMissingError, IndexStateError, UsageError
from hybrid.index import examine_index
from hybrid.profile import Profile
from tests.conftest import small_profile
from tests.local_story import ROOT
from tests.messages import assert_one_clear_line

OLD, NEW = np.linspace(-1, 1, 8, dtype=np.float32), np.linspace(1, 2, 8, dtype=np.float32)
ACTS: dict[str, Callable[[Index], object]] = {
    "search": lambda index: index.search("fox", vector=OLD),
    "search_many": lambda index: index.search_many(["fox"], [OLD]),
    "fetch": lambda index: index.fetch(["p0"]),
    "scan": lambda index: list(index.scan()),
    "ids": lambda index: list(index.ids()),
    "status": lambda index: index.status(),
    "moment": lambda index: index.moment(),
    "profile": lambda index: index.profile,
    "hold": lambda index: index.hold(),
    "under": lambda index: index.under(2.0, 0.9),
}
WRITES: dict[str, Callable[[Index], object]] = {
    "add": lambda index: index.add([Passage("p1", "from before", vector=OLD)]),
    "delete": lambda index: index.delete(["p1"]),
    "delete_documents": lambda index: index.delete_documents(["p1"]),
    "settle": lambda index: index.settle(),
    "a job's passages": lambda index: index.intake().write([Passage("p1", "from before", vector=OLD)]),
    "a job's end": lambda index: index.intake().delete(["p1"]),
    "profile": lambda index: index.intake().change_profile(lambda profile: dataclasses.replace(profile, lam=0.5)),
    "late vectors": lambda index: list(index.intake().fill_pending(lambda pairs: [OLD] * len(pairs), 10)),
}


@pytest.fixture
def address(tmp_path: Path) -> str:
    address = str(tmp_path / "index")
    create_index(address, small_profile())
    with open_index(address) as index:
        index.add([Passage(f"p{number}", f"an old fox {number}", vector=OLD) for number in range(3)])
        index.add([Passage("late", "an old fox without a vector")])
    return address


def make_anew(address: str, profile: Profile | None = None) -> None:
    """Delete the index and put another one into its place."""
    delete_index(address)
    create_index(address, profile or small_profile())
    with open_index(address) as index:
        index.add([Passage("p1", "a new fox", vector=NEW), Passage("p2", "another new fox", vector=NEW)])
        index.add([Passage("p3", "a fox")])


def assert_new(address: str) -> None:
    """Fail unless the index is the one that ``make_anew`` made, and whole."""
    with open_index(address) as index:
        assert {hit.id: hit.text for hit in index.search("fox", vector=NEW).hits} == {
            "p1": "a new fox",
            "p2": "another new fox",
            "p3": "a fox",
        }
        assert index.profile.lam == small_profile().lam
    assert [check.name for check in examine_index(address) if not check.passed] == ["coverage"]


@pytest.mark.parametrize("act", [*ACTS.values(), *WRITES.values()], ids=[*ACTS, *(f"write: {one}" for one in WRITES)])
def test_index_that_was_made_anew_has_to_be_opened_again(act: Callable[[Index], object], address: str) -> None:
    with open_index(address) as index:
        index.search("fox", vector=OLD)
        make_anew(address)
        for _ in range(2):
            with pytest.raises(IndexStateError, match="open it again") as raised:
                act(index)
            assert address in assert_one_clear_line(raised.value)
        assert_new(address)


def test_index_that_was_made_anew_for_another_encoder_has_to_be_opened_again(address: str) -> None:
    with open_index(address) as index:
        make_anew(address, small_profile(pair_id="other", analyzer="standard"))
        with pytest.raises(IndexStateError, match="open it again"):
            index.search("fox", vector=OLD)


@pytest.mark.parametrize("write", WRITES.values(), ids=list(WRITES))
def test_deleted_index_is_not_written(write: Callable[[Index], object], address: str) -> None:
    with open_index(address) as index:
        delete_index(address)
        with pytest.raises(IndexMissingError) as raised:
            write(index)
        assert address in assert_one_clear_line(raised.value)
        assert not Path(address).exists()


def test_index_that_was_moved_away_for_another_has_to_be_opened_again(address: str) -> None:
    with open_index(address) as index:
        os.rename(address, f"{address}-old")
        create_index(address, small_profile())
        with pytest.raises(IndexStateError, match="open it again"):
            index.search("fox", vector=OLD)
    with open_index(f"{address}-old") as moved:
        assert moved.add([Passage("p1", "anew", vector=OLD)]).updated == 1


FORKED = """
import os, sys
from hybrid.errors import IndexStateError
from hybrid.index import open_index
index = open_index(sys.argv[1])
index.status()
asked, told = os.pipe(), os.pipe()
if os.fork() == 0:
    os.read(asked[0], 1)
    for act in (index.status, index.status, lambda: index.delete(["p1"])):
        try:
            act()
        except IndexStateError as error:
            print(error, flush=True)
    os._exit(0)
print("ready", flush=True)
sys.stdin.read()
os.write(asked[1], b"x")
os.wait()
"""


def test_forked_process_goes_on_with_no_index_that_was_made_anew(address: str) -> None:
    command = [sys.executable, "-c", FORKED, address]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        make_anew(address)
        said, _ = process.communicate()
    assert [line.endswith("open it again.") for line in said.splitlines()] == [True] * 3
    assert_new(address)


def test_held_index_answers_on_when_the_folder_is_another_index(address: str) -> None:
    with open_index(address) as index, index.hold() as held:
        make_anew(address)
        assert [hit.text for hit in held.search("fox 1", vector=OLD, k=1).hits] == ["an old fox 1"]
        assert len(held.fetch(["p0", "p1", "p2", "p3"])) == 3
        assert_new(address)


@pytest.fixture(params=["held", "under other constants", "held under other constants"])
def read_only(request: pytest.FixtureRequest, address: str) -> Iterator[Index]:
    with open_index(address) as index:
        opened = index.hold() if request.param == "held" else index.under(2.0, 0.9)
        with opened if request.param != "held under other constants" else opened.hold() as reading:
            index.delete(["p0"])
            yield reading


@pytest.mark.parametrize("write", WRITES.values(), ids=list(WRITES))
def test_what_is_opened_to_be_read_is_not_written_through(
    write: Callable[[Index], object], read_only: Index, address: str
) -> None:
    with pytest.raises(UsageError, match="to be read only") as raised:
        write(read_only)
    assert address in assert_one_clear_line(raised.value)
    with open_index(address) as index:
        assert (index.profile.k1, index.profile.b, index.profile.lam) == (0.9, 0.4, small_profile().lam)
        found = {hit.id for hit in index.search("fox", vector=OLD).hits}
        assert found == {"p1", "p2", "late"}
        assert index.delete(["p1"]).deleted == 1
        assert {hit.id for hit in index.search("fox", vector=OLD).hits} == {"p2", "late"}


def test_refused_write_leaves_the_folder_to_other_writers(read_only: Index, address: str) -> None:
    with pytest.raises(HybridError):
        read_only.intake().write([Passage("p1", "text")])
    with open_index(address) as other:
        assert other.add([Passage("p1", "text")]).updated == 1
