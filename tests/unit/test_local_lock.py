"""One writer at a time, and none that died stands in the way."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hybrid.engines.local import lock
from hybrid.engines.local.lock import NAME, hold_lock
from hybrid.errors import IndexMissingError, LockHeldError, StorageError
from tests.messages import assert_one_clear_line

ROOT = Path(__file__).parents[2]
HOLD = """
import sys
from pathlib import Path
from hybrid.engines.local.lock import hold_lock
with hold_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
#: Holds the lock, forks a child that lives on, and lets the lock go.
FORK = """
import os, sys
from pathlib import Path
from hybrid.engines.local.lock import hold_lock
done, ended = os.pipe(), os.pipe()
with hold_lock(Path(sys.argv[1])):
    if os.fork() == 0:
        os.read(done[0], 1)
        os._exit(0)
print("let go", flush=True)
sys.stdin.read()
os.write(done[1], b"x")
os.wait()
"""
#: Holds the lock while a child of it leaves the block.
CHILD_LEAVES = """
import os, sys
from pathlib import Path
from hybrid.engines.local.lock import hold_lock
with hold_lock(Path(sys.argv[1])):
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        print("held", flush=True)
        sys.stdin.read()
if not child:
    os._exit(0)
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "PATIENCE", 0.0)


@contextmanager
def running(program: str, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run a program until it has said its first word."""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.communicate()


def assert_held(folder: Path) -> None:
    with pytest.raises(LockHeldError) as caught, hold_lock(folder):
        pytest.fail("held twice")
    assert str(folder) in assert_one_clear_line(caught.value)


def assert_free(folder: Path) -> None:
    with hold_lock(folder):
        assert (folder / NAME).exists()


def test_second_holder_is_refused_and_the_next_one_is_not(tmp_path: Path) -> None:
    with hold_lock(tmp_path):
        assert_held(tmp_path)
        assert_held(tmp_path)
    assert_free(tmp_path)
    assert_free(tmp_path)


def test_error_inside_lets_go(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), hold_lock(tmp_path):
        raise ZeroDivisionError
    assert_free(tmp_path)


def test_other_folders_are_not_locked(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with hold_lock(tmp_path / "a"), hold_lock(tmp_path / "b"):
        assert_held(tmp_path / "a")


def test_another_process_is_kept_out_until_it_is_killed(tmp_path: Path) -> None:
    with running(HOLD, tmp_path) as process:
        assert_held(tmp_path)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert_free(tmp_path)


def test_who_waits_gets_the_lock_when_it_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "PATIENCE", 60.0)
    waited = threading.Event()
    monkeypatch.setattr(time, "sleep", lambda _: waited.set())
    got = threading.Thread(target=assert_free, args=(tmp_path,))
    with hold_lock(tmp_path):
        got.start()
        assert waited.wait(60)
    got.join(60)
    assert not got.is_alive()


def test_child_that_lives_on_does_not_keep_what_its_parent_let_go(tmp_path: Path) -> None:
    with running(FORK, tmp_path):
        assert_free(tmp_path)


def test_child_that_leaves_does_not_let_go_what_its_parent_holds(tmp_path: Path) -> None:
    with running(CHILD_LEAVES, tmp_path):
        assert_held(tmp_path)
    assert_free(tmp_path)


def test_folder_that_is_gone_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(IndexMissingError) as caught, hold_lock(tmp_path / "gone"):
        pytest.fail("held nothing")
    assert_one_clear_line(caught.value)


def test_lock_of_a_folder_that_was_dropped_meanwhile_is_not_the_lock_of_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "PATIENCE", 60.0)
    old = hold_lock(tmp_path)
    old.__enter__()

    def drop_and_make_anew(_seconds: float) -> None:
        (tmp_path / NAME).unlink()
        old.__exit__(None, None, None)

    monkeypatch.setattr(time, "sleep", drop_and_make_anew)
    with hold_lock(tmp_path):
        monkeypatch.setattr(lock, "PATIENCE", 0.0)
        assert_held(tmp_path)


def test_lock_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    with pytest.raises(StorageError) as caught, hold_lock(tmp_path):
        pytest.fail("held a folder")
    assert_one_clear_line(caught.value)
