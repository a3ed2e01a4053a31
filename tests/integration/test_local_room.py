"""A disk that is full: one clear line, nothing changed, and it goes on where there is room again."""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybrid.engines.local import segments
from hybrid.engines.local.doctor import examine
from hybrid.errors import StorageError
from hybrid.index import create_index, open_index
from tests.conftest import small_profile
from tests.integration.test_local_kill import assert_sound, count_leftovers, snapshot, snapshot_of_model
from tests.local_model import DIMENSION, Model
from tests.local_story import ROOT, Step, Teller, apply, make_story
from tests.messages import assert_one_clear_line

#: Kilobytes of a disk that holds a story.
DISK = 8 * 1024
KB = 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a folder that is a small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}k", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(autouse=True)
def merge_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "MERGE_FACTOR", 3)


def fill_disk(ballast: Path, left: int) -> None:
    """Leave so many bytes, in whole pages, on the disk that holds a file."""
    ballast.unlink(missing_ok=True)
    free = os.statvfs(ballast.parent)
    size = max(0, free.f_bavail * free.f_bsize - left)
    try:
        ballast.write_bytes(b"\0" * size)
    except OSError as error:
        assert error.errno == errno.ENOSPC  # noqa: PT017 - the disk is full, as it should be


def assert_no_room(error: StorageError, folder: Path) -> None:
    line = assert_one_clear_line(error)
    assert line.startswith(f"There is no room left in {folder}")


def tell_or_run_out(teller: Teller, step: Step, folder: Path) -> bool:
    try:
        teller.tell(step)
    except StorageError as error:
        refused = error
    else:
        return True
    assert_no_room(refused, folder)
    return False


@pytest.mark.parametrize("seed", range(2))
def test_step_for_which_there_is_no_room_changes_nothing(seed: int, small_disk: Path) -> None:
    folder, ballast, model = small_disk / "index", small_disk / "ballast", Model()
    teller = Teller(folder)
    refused = 0
    with open_index(str(folder)) as reader:
        for step in make_story(seed):
            # Room for more and more, until it is enough: so every write of a step fails once.
            for left in (0, 4, 8, 16, 24, 36, 48, 64, 96, 128, 192, 256, 400):
                fill_disk(ballast, left * KB)
                if tell_or_run_out(teller, step, folder):
                    break
                refused += 1
                assert count_leftovers(folder) == 0
                assert snapshot(folder) in (snapshot_of_model(model), after(model, step))
                assert reader.search("w1", vector=[1.0] * DIMENSION, text=False).hits is not None
            else:
                pytest.fail(f"{step.kind} needs more than there is")
            apply(model, step)
            ballast.unlink()
            assert snapshot(folder) == snapshot_of_model(model)
            assert reader.status() == model.status()
    teller.close()
    assert refused > 20
    assert_sound(folder, model)
    assert count_leftovers(folder) == 0


def after(model: Model, step: Step) -> dict[str, tuple[object, ...]]:
    """Give what an index holds when a step is done: what follows a commit, such as a merge, may lack room as well."""
    changed = Model(dict(model.passages), set(model.failed))
    apply(changed, step)
    return snapshot_of_model(changed)


@pytest.mark.parametrize("left", [0, 4, 8, 12, 16, 20, 32, 40, 64])
def test_index_that_cannot_be_made_for_want_of_room_leaves_no_half_one(left: int, small_disk: Path) -> None:
    folder, ballast = small_disk / "index", small_disk / "ballast"
    profile = small_profile(dimension=DIMENSION, analyzer="standard")
    fill_disk(ballast, left * KB)
    try:
        create_index(str(folder), profile)
    except StorageError as error:
        refused = error
        ballast.unlink()
        assert_no_room(refused, folder)
        create_index(str(folder), profile)
    ballast.unlink(missing_ok=True)
    assert_sound(folder, Model())


def test_full_disk_can_be_read(small_disk: Path) -> None:
    folder, model = small_disk / "index", Model()
    teller = Teller(folder)
    for step in make_story(5)[:8]:
        teller.tell(step)
        apply(model, step)
    teller.close()
    fill_disk(small_disk / "ballast", 0)
    assert_sound(folder, model)


LIMITED = """
import resource, sys
from hybrid.errors import StorageError
from hybrid.index import create_index, open_index
from hybrid.passages import Passage
from tests.conftest import small_profile
folder, limit = sys.argv[1:]
create_index(folder, small_profile())
with open_index(folder) as index:
    index.add([Passage("before", "w1", vector=[1.0] * 8)])
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
    many = [Passage(f"p{n}", f"w1 w{n} " * 20, vector=[float(n)] * 8) for n in range(2000)]
    try:
        index.add(many)
    except StorageError as error:
        print(error)
    hits = index.search("w1", vector=[1.0] * 8, k=5000, text=False).hits
    print([hit.id for hit in hits])
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(index.add(many).created)
"""


@pytest.mark.parametrize("limit", [0, 10_000, 100_000, 150_000, 400_000])
def test_file_that_may_not_grow_is_one_line_and_changes_nothing(limit: int, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    command = [sys.executable, "-c", LIMITED, str(folder), str(limit)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    said, found, created, _ = done.stdout.split("\n")
    assert str(folder) in said
    assert "copy" not in said, "nothing is damaged"
    assert (found, created) == ("['before']", "2000")
    assert all(check.passed for check in examine(folder))
    assert count_leftovers(folder) == 0
