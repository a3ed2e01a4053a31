"""What is damaged, foreign or missing is told in one line: never a traceback, never a wrong answer."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from hybrid.engines.local.database import FORMAT, NAME
from hybrid.engines.local.doctor import examine
from hybrid.errors import HybridError, IndexExistsError, IndexMissingError, ProfileError, StorageError
from hybrid.index import create_index, delete_index, open_index
from hybrid.passages import Passage
from tests.conftest import small_profile
from tests.local_damage import PASSAGES, VECTOR, assert_doctor_sees, make, refused, search
from tests.messages import assert_one_clear_line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make(tmp_path / "index")


def test_doctor_finds_a_sound_folder_sound(folder: Path) -> None:
    found = {check.name: check.passed for check in examine(folder)}
    assert found == {"database": True, "arrays": True, "rows": True, "coverage": False}
    with open_index(str(folder)) as index:
        list(index.intake().fill_pending(lambda pairs: [np.ones(8, np.float32)] * len(pairs), 100))
    assert all(check.passed for check in examine(folder))


@pytest.mark.parametrize("name", ["nothing", "a folder", "a file"])
def test_where_no_index_is_nothing_is_found(name: str, tmp_path: Path) -> None:
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a file").write_text("x")
    for act in (open_index, delete_index):
        with pytest.raises(IndexMissingError) as caught:
            act(str(tmp_path / name))
        assert str(tmp_path / name) in assert_one_clear_line(caught.value)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a file", "a folder"]


@pytest.mark.parametrize("name", ["x" * 300, "x/" * 3000, "nul\0byte"])
def test_path_that_cannot_be_is_one_line(name: str, tmp_path: Path) -> None:
    address = str(tmp_path / name)
    for act in (open_index, delete_index, lambda path: create_index(path, small_profile())):
        with pytest.raises(HybridError) as caught:
            act(address)
        assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["50%", "a?b", "a#b", "a b", " ", "ä 日本 😀", "%41", "a&b=c", "'\"", "a\\b", "file:x", "a\nb"]
)
def test_folder_of_any_name_can_be_an_index(name: str, tmp_path: Path) -> None:
    folder = make(tmp_path / name)
    assert len(search(folder).hits) == 2 * PASSAGES - 2 - sum(1 for n in range(PASSAGES) if n % 3 != 1 and n != 4)
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]
    delete_index(str(folder))
    assert list(tmp_path.iterdir()) == []


def test_index_is_found_again_after_the_working_folder_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    make(Path("index"))
    with open_index("index") as index:
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert index.add([Passage("new", "fox", vector=VECTOR)]).created == 1
        assert index.search("new fox", vector=VECTOR, k=1).hits
        assert index.settle().passages == 2 * PASSAGES - 1
        assert len([one for page in index.scan() for one in page]) == 2 * PASSAGES - 1


@pytest.mark.parametrize(
    "content", [b"", b"\0", b"not a database", b"SQLite format 3\0", b"SQLite format 3\0" + b"\0" * 4080, b"x" * 8192]
)
def test_file_that_is_no_database_is_refused(content: bytes, folder: Path) -> None:
    (folder / f"{NAME}-wal").unlink(missing_ok=True)
    (folder / NAME).write_bytes(content)
    assert str(folder) in refused(folder)
    assert_doctor_sees(folder)
    with pytest.raises(IndexExistsError):
        create_index(str(folder), small_profile())


def test_database_of_somebody_else_is_refused(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()
    with closing(sqlite3.connect(folder / NAME)) as connection:
        connection.execute("CREATE TABLE passages (slot INTEGER PRIMARY KEY)")
    assert "is not an index of hybrid" in refused(folder)


@pytest.mark.parametrize("version", [0, FORMAT + 1, 2**31 - 1])
def test_format_of_another_release_is_refused(version: int, folder: Path) -> None:
    change(folder, f"PRAGMA user_version = {version}")
    line = refused(folder)
    assert f"has the format {version}" in line
    assert f"reads {FORMAT}" in line


def change(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / NAME, isolation_level=None)) as connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("DELETE FROM facts", StorageError),
        ("UPDATE facts SET value = 'no JSON'", ProfileError),
        ("UPDATE facts SET value = '[]'", ProfileError),
        ("UPDATE facts SET value = '{\"version\": 99}'", ProfileError),
        ("DROP TABLE segments", StorageError),
        ("DROP TABLE passages", StorageError),
        ("UPDATE segments SET size = size + 1", StorageError),
        ("UPDATE segments SET alive = x'00' WHERE alive IS NOT NULL", StorageError),
        ("UPDATE segments SET kind = 'postings'", StorageError),
        ("UPDATE segments SET name = '../../etc/passwd' WHERE alive IS NULL AND first = 1", StorageError),
    ],
)
def test_database_that_was_tampered_with_is_refused(statement: str, kind: type[HybridError], folder: Path) -> None:
    change(folder, statement)
    refused(folder, kind)


def test_any_cut_of_the_database_is_noticed(folder: Path) -> None:
    with open_index(str(folder)) as index:
        index.settle()
    settle_log(folder)
    whole = (folder / NAME).read_bytes()
    true = found_by(folder)
    for size in (1, 15, 16, 99, 100, 511, 4095, *range(4096, len(whole), 4096)):
        (folder / NAME).write_bytes(whole[:size])
        assert_right_or_refused(folder, true)
        assert_doctor_sees(folder)


def test_no_overwritten_page_of_the_database_is_a_traceback(folder: Path) -> None:
    with open_index(str(folder)) as index:
        index.settle()
    settle_log(folder)
    whole, rng = (folder / NAME).read_bytes(), np.random.default_rng(1)
    for start in range(0, len(whole), 4096):
        damaged = bytearray(whole)
        damaged[start : start + 200] = rng.bytes(200)
        (folder / NAME).write_bytes(damaged)
        try:
            search(folder)
        except HybridError as error:
            line = str(error)
            assert line.splitlines() == [line]
        examine(folder)


def settle_log(folder: Path) -> None:
    """Move what is in SQLite's log into the database."""
    with closing(sqlite3.connect(folder / NAME)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def found_by(folder: Path) -> list[tuple[str, float]]:
    return [(hit.id, hit.score) for hit in search(folder).hits]


def assert_right_or_refused(folder: Path, true: list[tuple[str, float]]) -> bool:
    """Fail if an answer is given that is not the true one; tells whether one was given."""
    try:
        found = found_by(folder)
    except HybridError as error:
        line = str(error)
        assert line.splitlines() == [line]
        return False
    assert found == true
    return True


def test_folder_that_vanished_is_one_line(folder: Path) -> None:
    with open_index(str(folder)) as index:
        assert index.search("fox", vector=VECTOR).hits
        shutil.rmtree(folder)
        acts: list[Callable[[], object]] = [lambda: index.add([]), lambda: index.delete(["p1"]), index.settle]
        for act in acts:
            with pytest.raises(IndexMissingError) as caught:
                act()
            assert_one_clear_line(caught.value)
        # What is open stays readable.
        assert index.search("fox", vector=VECTOR).hits


def test_folder_that_holds_something_else_is_neither_made_nor_deleted(folder: Path, tmp_path: Path) -> None:
    letters = tmp_path / "letters"
    letters.mkdir()
    (letters / "letter.txt").write_text("dear")
    with pytest.raises(IndexExistsError, match=r"letter\.txt"):
        create_index(str(letters), small_profile())
    assert [path.name for path in letters.iterdir()] == ["letter.txt"]
    (folder / "letter.txt").write_text("dear")
    with pytest.raises(StorageError, match=r"letter\.txt"):
        delete_index(str(folder))
    assert search(folder).hits
