"""A large file's hash is remembered between processes, and is never that of another state of the file."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hybrid.encoders import digests
from hybrid.encoders.digests import hash_file

ROOT = Path(__file__).parents[2]
CONTENT = b"weights" * 1000
OTHER = b"WEIGHTS" * 1000


@pytest.fixture(autouse=True)
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder of notes; every file counts as large, and as settled."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(digests, "_LARGE", 1)
    monkeypatch.setattr(digests, "_SETTLED_NS", -1)
    forget()
    return tmp_path / "cache" / "hybrid" / "hashes"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    path.write_bytes(CONTENT)
    return path


def forget() -> None:
    """Do as a new process does."""
    digests._hash_state.cache_clear()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def poison(notes: Path) -> str:
    """Write another hash into the one note, so that whoever uses it gives itself away."""
    (note,) = notes.iterdir()
    content = json.loads(note.read_text())
    note.write_text(json.dumps({**content, "sha256": "f" * 64}))
    forget()
    return "f" * 64


def test_next_process_need_not_read_the_file(file: Path, notes: Path) -> None:
    assert hash_file(file) == sha256(CONTENT)
    noted = poison(notes)
    assert hash_file(file) == noted


@pytest.mark.parametrize("keeps_time", [True, False])
def test_file_written_anew_is_hashed_anew(keeps_time: bool, file: Path, notes: Path) -> None:
    """Also where length and time of writing are made to look as before."""
    hash_file(file)
    poison(notes)
    before = file.stat()
    # The clock of files ticks slowly; what changes within one tick is not remembered in the first place.
    while file.stat().st_ctime_ns == before.st_ctime_ns:
        file.write_bytes(OTHER)
    if keeps_time:
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert hash_file(file) == sha256(OTHER)
    forget()
    assert hash_file(file) == sha256(OTHER)


def test_other_file_in_its_place_is_hashed_anew(file: Path, notes: Path, tmp_path: Path) -> None:
    hash_file(file)
    poison(notes)
    (tmp_path / "new").write_bytes(OTHER)
    shutil.copystat(file, tmp_path / "new")
    (tmp_path / "new").replace(file)
    assert hash_file(file) == sha256(OTHER)


def test_link_to_another_file_is_hashed_anew(file: Path, notes: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(file)
    hash_file(link)
    poison(notes)
    (tmp_path / "other").write_bytes(OTHER)
    link.unlink()
    link.symlink_to(tmp_path / "other")
    assert hash_file(link) == sha256(OTHER)


def test_file_that_has_just_changed_is_not_remembered(
    file: Path, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "_SETTLED_NS", 3600 * 10**9)
    assert hash_file(file) == sha256(CONTENT)
    assert not notes.exists()


def test_file_of_the_future_is_not_remembered(file: Path, notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "_SETTLED_NS", 3 * 10**9)
    monkeypatch.setattr(time, "time_ns", lambda: file.stat().st_ctime_ns - 10**9)
    assert hash_file(file) == sha256(CONTENT)
    assert not notes.exists()


def test_small_file_is_not_remembered(file: Path, notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "_LARGE", len(CONTENT) + 1)
    assert hash_file(file) == sha256(CONTENT)
    assert not notes.exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"sha256": 1}', '{"state": 5, "sha256": "x"}'])
def test_garbled_note_is_no_note(content: str, file: Path, notes: Path) -> None:
    hash_file(file)
    (note,) = notes.iterdir()
    note.write_text(content)
    forget()
    assert hash_file(file) == sha256(CONTENT)
    assert json.loads(note.read_text())["sha256"] == sha256(CONTENT)


def test_nothing_is_lost_where_notes_cannot_be_written(file: Path, notes: Path) -> None:
    notes.parent.parent.mkdir()
    notes.parent.write_text("a file stands where the folder should be")
    assert hash_file(file) == sha256(CONTENT)


def test_two_processes_that_note_the_same_leave_one_whole_note(file: Path, notes: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from hybrid.encoders import digests; digests._LARGE = 1; "
        "digests._SETTLED_NS = -1; print(digests.hash_file(Path(sys.argv[1])))"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, file], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert {process.communicate()[0].strip() for process in started} == {sha256(CONTENT)}
    (note,) = notes.iterdir()
    assert json.loads(note.read_text())["sha256"] == sha256(CONTENT)
