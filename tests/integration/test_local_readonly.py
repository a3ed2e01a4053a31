"""A folder that may not be written can be searched; who tries to write to it is told so in one line."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from hybrid.engines.local.database import NAME
from hybrid.engines.local.doctor import examine
from hybrid.errors import StorageError
from hybrid.index import create_index, delete_index, open_index
from tests.conftest import small_profile
from tests.local_generations import EVERYTHING, FILTER, assert_one_generation, generation
from tests.local_story import ROOT
from tests.messages import assert_one_clear_line

NOBODY = 65_534
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not write")


def with_log(folder: Path) -> None:
    """Leave the index as a writer does while others read: part of it is in SQLite's log."""
    assert (folder / f"{NAME}-wal").stat().st_size > 0


def without_log(folder: Path) -> None:
    """Leave the index as the last who could write to it."""
    checkpoint(folder)
    assert not (folder / f"{NAME}-wal").exists()


def checkpoint(folder: Path) -> None:
    """Move the log into the database; SQLite removes it then, unless others are there."""
    with closing(sqlite3.connect(folder / NAME)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


left = pytest.mark.parametrize("leave", [with_log, without_log])


def make(folder: Path, leave: Callable[[Path], None]) -> None:
    create_index(str(folder), small_profile())
    with open_index(str(folder)) as index:
        index.add(generation(0))
        index.add(generation(1))
    leave(folder)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let a folder be one on a medium that cannot be written."""
    for options in (["--bind", str(folder), str(folder)], ["-o", "remount,ro,bind", str(folder)]):
        done = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"a medium cannot be made read-only: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def refused(act: Callable[[], object], folder: Path) -> None:
    with pytest.raises(StorageError) as caught:
        act()
    assert str(folder) in assert_one_clear_line(caught.value)


@left
def test_medium_that_cannot_be_written_can_be_searched(leave: Callable[[Path], None], tmp_path: Path) -> None:
    folder = tmp_path / "index"
    make(folder, leave)
    before = sorted((path.name, path.stat().st_size) for path in folder.rglob("*"))
    with read_only(folder):
        with open_index(str(folder)) as index:
            assert assert_one_generation(index.search("common", **EVERYTHING)) == 1
            assert assert_one_generation(index.search("common", filter=FILTER, **EVERYTHING)) == 1
            assert {one.meta["gen"] for page in index.scan() for one in page} == {1}
            assert index.status().passages == len(generation(1))
            for act in (
                lambda: index.add(generation(2)),
                lambda: index.delete(["p1"]),
                index.settle,
                lambda: index.intake().write(generation(2)),
            ):
                refused(act, folder)
            assert assert_one_generation(index.search("common", **EVERYTHING)) == 1
        assert all(check.passed for check in examine(folder))
        refused(lambda: delete_index(str(folder)), folder)
        refused(lambda: create_index(str(folder / "new"), small_profile()), folder)
    assert sorted((path.name, path.stat().st_size) for path in folder.rglob("*")) == before
    with open_index(str(folder)) as index:
        assert index.add(generation(2)).updated == len(generation(2))
        assert assert_one_generation(index.search("common", **EVERYTHING)) == 2


READ = """
import os, sys
import hybrid.engines.local.index
from hybrid.errors import StorageError
from hybrid.index import open_index
from tests.local_generations import EVERYTHING, FILTER, assert_one_generation, generation
folder, nobody = sys.argv[1], int(sys.argv[2])
os.setresuid(nobody, nobody, nobody)
with open_index(folder) as index:
    for line in sys.stdin:
        for clause in (None, FILTER):
            print(assert_one_generation(index.search("common", filter=clause, **EVERYTHING)), flush=True)
    try:
        index.add(generation(7))
    except StorageError as error:
        print(error)
"""


@only_root
@pytest.mark.parametrize("leave", [with_log, without_log])
def test_who_may_not_write_sees_what_others_write(leave: Callable[[Path], None]) -> None:
    with TemporaryDirectory() as parent:
        folder = Path(parent) / "index"
        make(folder, leave)
        Path(parent).chmod(0o755)
        command = [sys.executable, "-c", READ, str(folder), str(NOBODY)]
        with subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None

            def ask() -> set[str]:
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write("ask\n")
                process.stdin.flush()
                return {process.stdout.readline().strip() for _ in range(2)}

            assert ask() == {"1"}
            for number in range(2, 5):
                with open_index(str(folder)) as index:
                    index.add(generation(number))
                    assert ask() == {str(number)}
                checkpoint(folder)
                assert ask() == {str(number)}
            said, complaint = process.communicate()
        assert complaint == ""
        assert str(folder) in said
        assert len(said.splitlines()) == 1
        assert open_index(str(folder)).search("common", **EVERYTHING).hits[0].meta["gen"] == 4


@only_root
def test_folder_that_may_not_even_be_read_is_one_line() -> None:
    with TemporaryDirectory() as parent:
        folder = Path(parent) / "index"
        make(folder, without_log)
        program = (
            "import os, sys; import hybrid.engines.local.index; from hybrid.errors import StorageError\n"
            "from hybrid.index import open_index\n"
            f"os.setresuid({NOBODY}, {NOBODY}, {NOBODY})\n"
            "try:\n    open_index(sys.argv[1])\nexcept StorageError as error:\n    print(error)\n"
        )
        Path(parent).chmod(0o755)
        for path in (Path(parent), folder, folder / NAME, folder / "arrays"):
            path.chmod(0o700)
            command = [sys.executable, "-c", program, str(folder)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.stderr == ""
            (line,) = done.stdout.splitlines()
            assert str(folder) in line
            path.chmod(0o755)


def test_log_that_nobody_can_take_over_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    make(folder, with_log)
    (folder / f"{NAME}-shm").unlink()
    with read_only(folder):
        refused(lambda: open_index(str(folder)), folder)
        assert [check.passed for check in examine(folder)] == [False]
    with open_index(str(folder)) as index:
        assert assert_one_generation(index.search("common", **EVERYTHING)) == 1


@left
def test_copy_of_a_folder_is_an_index(leave: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "index", leave)
    shutil.copytree(tmp_path / "index", tmp_path / "copy")
    with open_index(str(tmp_path / "copy")) as copy:
        assert assert_one_generation(copy.search("common", **EVERYTHING)) == 1
        assert copy.add(generation(2)).updated == len(generation(2))
    with open_index(str(tmp_path / "index")) as index:
        assert assert_one_generation(index.search("common", **EVERYTHING)) == 1
