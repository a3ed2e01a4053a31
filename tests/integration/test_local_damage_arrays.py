"""Arrays that are missing, cut, flipped or another index's: one line for who reads them, and the doctor sees each."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from hybrid.engines.local import segments
from hybrid.engines.local.arrays import SUFFIX
from hybrid.errors import HybridError, StorageError
from hybrid.index import open_index
from tests.local_damage import VECTOR, assert_doctor_sees, make, refused, search
from tests.messages import assert_one_clear_line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make(tmp_path / "index")


def groups_of(folder: Path) -> list[Path]:
    return sorted((folder / segments.FOLDER).glob(f"*{SUFFIX}"))


def test_missing_group_is_named(folder: Path) -> None:
    for path in groups_of(folder):
        aside = path.rename(folder.parent / "aside")
        line = refused(folder)
        assert path.name in line
        assert "missing" in line
        assert_doctor_sees(folder)
        aside.rename(path)
    assert search(folder).hits


def test_missing_group_is_named_to_a_writer_who_needs_it(folder: Path) -> None:
    for path in groups_of(folder):
        with open_index(str(folder)) as index:
            assert index.search("fox", vector=VECTOR).hits
            aside = path.rename(folder.parent / "aside")
            with pytest.raises(StorageError, match="missing") as caught:
                index.settle()
            assert path.name in assert_one_clear_line(caught.value)
            aside.rename(path)
            assert index.search("fox", vector=VECTOR).hits
    with open_index(str(folder)) as index:
        assert index.settle().segments == 2


def test_group_of_another_index_is_refused(folder: Path, tmp_path: Path) -> None:
    other = make(tmp_path / "other", seed=1)
    for path in groups_of(folder):
        whole = path.read_bytes()
        for foreign in groups_of(other):
            shutil.copyfile(foreign, path)
            assert "belongs to another index" in refused(folder)
            assert_doctor_sees(folder)
        path.write_bytes(whole)


def test_group_that_was_cut_is_refused_wherever_it_was_cut(folder: Path) -> None:
    for path in groups_of(folder):
        whole = path.read_bytes()
        for size in (0, 1, 7, 8, 9, 100, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:size])
            assert path.name in refused(folder)
            assert_doctor_sees(folder)
        path.write_bytes(whole)


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(content)


def test_flipped_bytes_of_arrays_never_crash_a_search_and_the_doctor_sees_each(folder: Path) -> None:
    rng = np.random.default_rng(2)
    for path in groups_of(folder):
        for place in rng.integers(0, path.stat().st_size, size=60):
            flip(path, int(place))
            try:
                search(folder)
            except HybridError as error:
                line = str(error)
                assert line.splitlines() == [line]
            assert_doctor_sees(folder)
            flip(path, int(place))


def test_nobody_merges_what_is_damaged(folder: Path) -> None:
    for path in groups_of(folder):
        flip(path, path.stat().st_size - 1)
        before = [one.name for one in groups_of(folder)]
        with open_index(str(folder)) as index, pytest.raises(StorageError, match="damaged") as caught:
            index.settle()
        assert path.name in assert_one_clear_line(caught.value)
        assert [one.name for one in groups_of(folder)] == before
        flip(path, path.stat().st_size - 1)


def test_open_index_gives_the_same_error_again_and_goes_on_when_the_cause_is_gone(folder: Path) -> None:
    with open_index(str(folder)) as reader, open_index(str(folder)) as writer:
        assert reader.search("fox", vector=VECTOR).hits
        writer.settle()
        (path, *_) = groups_of(folder)
        whole = path.read_bytes()
        path.write_bytes(whole[:100])
        lines = []
        for _ in range(3):
            with pytest.raises(StorageError) as caught:
                reader.search("fox", vector=VECTOR)
            lines.append(str(caught.value))
        assert len(set(lines)) == 1
        path.write_bytes(whole)
        assert reader.search("fox", vector=VECTOR).hits
