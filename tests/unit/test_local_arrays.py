"""A group of arrays is what was written, or one clear error: never a traceback, never something else."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import load_file

from hybrid.engines.local.arrays import SUFFIX, Array, check_group, map_group, remove_groups, write_group
from hybrid.errors import StorageError
from tests.messages import assert_one_clear_line

ARRAYS: dict[str, Array] = {
    "slots": np.arange(5, dtype=np.int64),
    "vectors": np.linspace(-1, 1, 15, dtype=np.float32).reshape(5, 3),
    "norms": np.array([1, 2, 3], dtype=np.uint8),
    "freqs": np.array([7, 70_000], dtype=np.uint32),
    "rows": np.array([1, -1], dtype=np.int32),
    "counts": np.array([513], dtype=np.uint16),
    "nothing": np.zeros(0, dtype=np.int64),
}
TYPES = st.sampled_from([np.uint8, np.uint16, np.uint32, np.uint64, np.int32, np.int64, np.float32])
SHAPES = hnp.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=7)
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def checksum(tmp_path: Path) -> int:
    return write_group(tmp_path, "group", ARRAYS)


def path_of(folder: Path) -> Path:
    return folder / f"group{SUFFIX}"


def assert_same(found: dict[str, Array], written: dict[str, Array]) -> None:
    assert found.keys() == written.keys()
    for name, array in written.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape), name
        assert found[name].tobytes() == array.tobytes(), name


def read_or_refuse(folder: Path) -> dict[str, Array] | None:
    try:
        return map_group(folder, "group")
    except StorageError as error:
        line = assert_one_clear_line(error)
    assert str(path_of(folder)) in line
    return None


def assert_noticed(folder: Path, checksum: int) -> None:
    with pytest.raises(StorageError, match="damaged") as caught:
        check_group(folder, "group", checksum)
    assert_one_clear_line(caught.value)


@in_one_folder
@given(
    given_arrays=st.dictionaries(
        st.text(st.characters(codec="utf-8"), max_size=5), hnp.arrays(TYPES, SHAPES), max_size=4
    )
)
def test_what_was_written_comes_back(given_arrays: dict[str, Array], tmp_path: Path) -> None:
    arrays = {name: array for name, array in given_arrays.items() if name != "__metadata__"}
    checksum = write_group(tmp_path, "group", arrays)
    assert_same(map_group(tmp_path, "group"), arrays)
    check_group(tmp_path, "group", checksum)
    path_of(tmp_path).unlink()


def test_parts_and_turned_arrays_are_written_as_they_read(tmp_path: Path) -> None:
    whole = np.arange(24, dtype=np.int64).reshape(4, 6)
    views = {"every second": whole[::2, 1::2], "turned": whole.T, "backwards": whole[::-1]}
    write_group(tmp_path, "group", views)
    assert {name: array.tolist() for name, array in map_group(tmp_path, "group").items()} == {
        name: array.tolist() for name, array in views.items()
    }


@pytest.mark.usefixtures("checksum")
def test_file_is_a_plain_safetensors_file(tmp_path: Path) -> None:
    assert_same(load_file(path_of(tmp_path)), ARRAYS)


@pytest.mark.usefixtures("checksum")
def test_mapped_arrays_cannot_be_changed(tmp_path: Path) -> None:
    for array in map_group(tmp_path, "group").values():
        assert not array.flags.writeable


@pytest.mark.usefixtures("checksum")
def test_mapped_arrays_outlive_their_file(tmp_path: Path) -> None:
    mapped = map_group(tmp_path, "group")
    path_of(tmp_path).unlink()
    assert_same(mapped, ARRAYS)


@pytest.mark.usefixtures("checksum")
def test_missing_file_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    path_of(tmp_path).unlink()
    with pytest.raises(FileNotFoundError):
        map_group(tmp_path, "group")
    with pytest.raises(StorageError, match="missing") as caught:
        check_group(tmp_path, "group", 0)
    assert_one_clear_line(caught.value)


def test_file_that_was_cut_anywhere_is_refused(tmp_path: Path, checksum: int) -> None:
    whole = path_of(tmp_path).read_bytes()
    for size in range(len(whole)):
        path_of(tmp_path).write_bytes(whole[:size])
        assert read_or_refuse(tmp_path) is None, f"cut at {size} of {len(whole)}"
        assert_noticed(tmp_path, checksum)


@pytest.mark.parametrize("more", [b"\0", b"x" * 4096])
def test_file_that_grew_is_refused(more: bytes, tmp_path: Path, checksum: int) -> None:
    with path_of(tmp_path).open("ab") as file:
        file.write(more)
    assert read_or_refuse(tmp_path) is None
    assert_noticed(tmp_path, checksum)


def test_no_flipped_bit_of_the_header_makes_arrays_something_else(tmp_path: Path, checksum: int) -> None:
    whole = path_of(tmp_path).read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    refused = 0
    for place in range(header):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place * 5 % 8
        path_of(tmp_path).write_bytes(damaged)
        found = read_or_refuse(tmp_path)
        if found is None:
            refused += 1
        else:
            assert_harmless(found)
            assert_noticed(tmp_path, checksum)
    # What is left are spaces, names, which are the callers' to check, and types whose names differ in a bit.
    assert refused > header * 0.8


def assert_harmless(found: dict[str, Array]) -> None:
    """Fail if an array has another name, type or shape than its own, unless everybody who reads it would see that."""
    strange = found.keys() - ARRAYS.keys()
    for name, array in found.items():
        if name not in strange:
            true = ARRAYS[name]
            seen = array.dtype != true.dtype or array.shape != true.shape
            assert seen or array.tobytes() == true.tobytes(), name
    assert len(found) == len(ARRAYS)


@in_one_folder
@given(data=st.data())
def test_any_flipped_byte_changes_the_checksum(data: st.DataObject, tmp_path: Path) -> None:
    checksum = write_group(tmp_path, "group", ARRAYS)
    damaged = bytearray(path_of(tmp_path).read_bytes())
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    path_of(tmp_path).write_bytes(damaged)
    assert_noticed(tmp_path, checksum)


OWN = {"__metadata__": {"group": "group"}}


def with_header(header: Any, data: bytes = b"\0" * 16, size: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if size is None else size).to_bytes(8, "little") + text + data


def entry(**changes: Any) -> dict[str, Any]:
    return {**OWN, "a": {"dtype": "I64", "shape": [2], "data_offsets": [0, 16], **changes}}


WRONG_FILES = {
    "empty": b"",
    "zeros": b"\0" * 100,
    "text": b"This is no safetensors file at all, whoever wrote it.",
    "no JSON": with_header(b"{]", b""),
    "no UTF-8": with_header(b'{"\xff": 1}', b""),
    "a list": with_header([]),
    "a word": with_header("word"),
    "a number": with_header(7),
    "null": with_header(None),
    "a list of entries": with_header([entry()]),
    "entry is a list": with_header({**OWN, "a": []}),
    "entry is empty": with_header({**OWN, "a": {}}),
    "header larger than the file": with_header(entry(), size=2**40),
    "header of a negative size": with_header(entry(), size=2**64 - 1),
    "unknown type": with_header(entry(dtype="BF16")),
    "type is a list": with_header(entry(dtype=["I64"])),
    "type is missing": with_header({**OWN, "a": {"shape": [2], "data_offsets": [0, 16]}}),
    "shape too large": with_header(entry(shape=[3])),
    "shape too small": with_header(entry(shape=[1])),
    "shape is negative": with_header(entry(shape=[-1])),
    "shape is a number": with_header(entry(shape=2)),
    "shape of fractions": with_header(entry(shape=[2.0])),
    "shape is a word": with_header(entry(shape="2")),
    "offsets backwards": with_header(entry(data_offsets=[16, 0])),
    "offsets beyond the file": with_header(entry(data_offsets=[0, 24], shape=[3])),
    "offsets below 0": with_header(entry(data_offsets=[-16, 0])),
    "offsets of fractions": with_header(entry(data_offsets=[0.0, 16.0])),
    "offsets are words": with_header(entry(data_offsets=["0", "16"])),
    "three offsets": with_header(entry(data_offsets=[0, 8, 16])),
    "one offset": with_header(entry(data_offsets=[0])),
    "no multiple of the size": with_header(entry(data_offsets=[0, 15], shape=[2]), b"\0" * 15),
    "a hole": with_header(entry(data_offsets=[8, 24]), b"\0" * 24),
    "data that belongs to nobody": with_header(entry(), b"\0" * 24),
    "of another name": with_header({**entry(), "__metadata__": {"group": "other"}}),
    "of no name": with_header({"a": entry()["a"]}),
    "name is a list": with_header({**entry(), "__metadata__": ["group"]}),
    "overlapping": with_header({**entry(), "b": entry()["a"]}),
}


@pytest.mark.parametrize("name", WRONG_FILES)
def test_file_that_is_no_group_is_refused(name: str, tmp_path: Path) -> None:
    path_of(tmp_path).write_bytes(WRONG_FILES[name])
    assert read_or_refuse(tmp_path) is None


@pytest.mark.usefixtures("checksum")
def test_file_of_another_group_is_refused(tmp_path: Path) -> None:
    write_group(tmp_path, "other", ARRAYS)
    (tmp_path / f"other{SUFFIX}").replace(path_of(tmp_path))
    with pytest.raises(StorageError, match="belongs to another index") as caught:
        map_group(tmp_path, "group")
    assert_one_clear_line(caught.value)


def test_right_file_by_hand_is_read(tmp_path: Path) -> None:
    path_of(tmp_path).write_bytes(with_header(entry()))
    assert map_group(tmp_path, "group")["a"].tolist() == [0, 0]


def test_folder_where_a_file_should_be_is_one_line(tmp_path: Path) -> None:
    path_of(tmp_path).mkdir()
    for look in (
        lambda: map_group(tmp_path, "group"),
        lambda: check_group(tmp_path, "group", 0),
        lambda: write_group(tmp_path, "group", ARRAYS),
    ):
        with pytest.raises(StorageError) as caught:
            look()
        assert_one_clear_line(caught.value)


def test_leftovers_go_and_what_counts_stays(tmp_path: Path) -> None:
    for name in ("kept", "old", "older"):
        write_group(tmp_path, name, ARRAYS)
    (tmp_path / f"half{SUFFIX}").write_bytes(b"half")
    remove_groups(tmp_path, frozenset({"kept", "never there"}))
    assert [path.name for path in tmp_path.iterdir()] == [f"kept{SUFFIX}"]
    remove_groups(tmp_path / "no folder", frozenset())


Call = Callable[..., Any]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.ENOSPC, "There is no room left in"),
        (errno.EDQUOT, "There is no room left in"),
        (errno.EFBIG, "File too large"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_what_the_disk_refuses_is_one_line_and_leaves_nothing(
    code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_handle: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageError, match=said) as caught:
        write_group(tmp_path, "group", ARRAYS)
    assert str(tmp_path) in assert_one_clear_line(caught.value)
    assert list(tmp_path.iterdir()) == []
