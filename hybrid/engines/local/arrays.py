"""Groups of arrays on disk, a safetensors file each: written once under a name of their own, mapped, never changed.

A file that was not written to its end does no harm: which groups count is said by the database's last commit alone.
"""

import errno
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import StorageError

Array = NDArray[Any]
Arrays = Mapping[str, Array]

SUFFIX = ".safetensors"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_CHUNK = 2**22
#: The file begins with the length of its header, which is JSON.
_LENGTH = 8
_METADATA = "__metadata__"
_MOST_HEADER = 2**20
_TYPES = {"U8": "|u1", "U16": "<u2", "U32": "<u4", "U64": "<u8", "I32": "<i4", "I64": "<i8", "F32": "<f4"}
_NAMES = {kind: name for name, kind in _TYPES.items()}


def write_group(folder: Path, name: str, arrays: Arrays) -> int:
    """Write a group to the disk and give its checksum; nothing is left of one that fails."""
    path = folder / (name + SUFFIX)
    with explained(folder):
        folder.mkdir(exist_ok=True)
        try:
            checksum = _write(path, name, arrays)
            sync(folder)
            return checksum
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def map_group(folder: Path, name: str) -> dict[str, Array]:
    """Map a group's arrays into memory; FileNotFoundError where it is gone, StorageError where it is damaged."""
    path = folder / (name + SUFFIX)
    with explained(folder):
        whole = np.memmap(path, dtype=np.uint8, mode="r") if path.stat().st_size else np.zeros(0, dtype=np.uint8)
    try:
        start, header = _read_header(whole)
        if header.pop(_METADATA) != {"group": name}:
            raise StorageError(_damaged(path, "it belongs to another index"))
        _check_tiles(header, len(whole) - start)
        return {key: _cut(whole, start, entry) for key, entry in header.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise StorageError(_damaged(path, "its header cannot be read")) from error


def check_group(folder: Path, name: str, checksum: int) -> None:
    """Read a whole group and compare it with the checksum that was taken when it was written."""
    path = folder / (name + SUFFIX)
    try:
        with explained(folder):
            found = _checksum(path)
    except FileNotFoundError as error:
        raise StorageError(_damaged(path, "it is missing")) from error
    if found != checksum:
        raise StorageError(_damaged(path, "its checksum is not the one it was written with"))


def remove_groups(folder: Path, keep: frozenset[str]) -> None:
    """Remove every group that is not to be kept: leftovers of merges and of writers that were killed."""
    for path in folder.glob("*"):
        if path.name.removesuffix(SUFFIX) not in keep:
            path.unlink(missing_ok=True)


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn what the operating system refuses into one line; a missing file is left to who knows what it means."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StorageError(no_room(folder)) from error
        raise StorageError(f"Cannot use {folder}: {error.strerror or error}.") from error


def no_room(folder: Path) -> str:
    """Say that the disk is full, and what to do."""
    return f"There is no room left in {folder}; what was begun was undone: free some, and run the same command again."


def _write(path: Path, name: str, arrays: Arrays) -> int:
    entries: dict[str, Any] = {_METADATA: {"group": name}}
    stop = 0
    # The widest numbers come first, so that every array lies where the processor likes to read it.
    ordered = sorted(arrays.items(), key=lambda pair: -pair[1].itemsize)
    for key, array in ordered:
        start, stop = stop, stop + array.nbytes
        entries[key] = {"dtype": _NAMES[array.dtype.str], "shape": array.shape, "data_offsets": [start, stop]}
    header = json.dumps(entries).encode()
    header += b" " * (-len(header) % _LENGTH)
    pieces: list[bytes | memoryview] = [len(header).to_bytes(_LENGTH, "little"), header]
    pieces += [np.ascontiguousarray(array).reshape(-1).view(np.uint8).data for _, array in ordered]
    checksum = 0
    with path.open("wb") as file:
        for piece in pieces:
            checksum = zlib.crc32(piece, checksum)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return checksum


def _read_header(whole: Array) -> tuple[int, dict[str, Any]]:
    """Give where the arrays begin, and what there is."""
    size = int.from_bytes(whole[:_LENGTH].tobytes(), "little")
    if not 0 < size <= min(_MOST_HEADER, len(whole) - _LENGTH):
        raise ValueError("no header")
    header = json.loads(whole[_LENGTH : _LENGTH + size].tobytes())
    if not isinstance(header, dict):
        raise TypeError("no object")
    return _LENGTH + size, header


def _check_tiles(header: Mapping[str, Any], size: int) -> None:
    """Raise ``ValueError`` unless the arrays fill the rest of the file, one after the other."""
    spans = sorted((first, last) for first, last in (entry["data_offsets"] for entry in header.values()))
    if [0, *(last for _, last in spans)] != [*(first for first, _ in spans), size]:
        raise ValueError("the arrays are not laid end to end")


def _cut(whole: Array, start: int, entry: Mapping[str, Any]) -> Array:
    first, last = entry["data_offsets"]
    shape = tuple(entry["shape"])
    if min(shape, default=0) < 0:
        raise ValueError("a side is shorter than nothing")
    part: Array = np.frombuffer(whole, dtype=np.uint8)[start + first : start + last]
    return part.view(_TYPES[entry["dtype"]]).reshape(shape)


def _damaged(path: Path, why: str) -> str:
    return f"{path} is damaged ({why}); bring the folder back from a copy, or make the index anew from its sources."


def _checksum(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            value = zlib.crc32(chunk, value)
    return value


def sync(path: Path) -> None:
    """Wait until the disk has all of a folder's entries."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
