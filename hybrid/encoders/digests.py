"""The sha256 of a file; that of a large one is remembered between processes, so that no question waits for it twice.

Hashing a model takes 0.06 s (all-MiniLM-L6-v2) to 2 s (DPR where the processor has no instruction for it). A file
counts as the one that was hashed while its device, inode, size, and times of writing and of change stay the same:
whatever writes to a file, the system sets its time of change, which no program can set back. A file that changed a
moment ago is not remembered, for it may change again within one tick of the clock.
"""

import hashlib
import json
import logging
import os
import tempfile
import time
from functools import lru_cache
from pathlib import Path

from ..settings import read_settings

log = logging.getLogger(__name__)

#: Bytes below which a file is hashed as fast as it is looked up.
_LARGE = 2**24
_SETTLED_NS = 3 * 10**9

#: What tells one state of a file from any other.
_State = tuple[int, int, int, int, int]


def hash_file(path: Path) -> str:
    """Give the sha256 of a file, as ``sha256sum`` prints it."""
    return _hash_state(path, _look(path))


@lru_cache(maxsize=64)
def _hash_state(path: Path, state: _State) -> str:
    note = _note_of(path) if state[2] >= _LARGE else None
    known = _recall(note, state) if note else None
    if known:
        return known
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if note and _look(path) == state and time.time_ns() - state[4] > _SETTLED_NS:
        _remember(note, state, digest)
    return digest


def _look(path: Path) -> _State:
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _note_of(path: Path) -> Path:
    name = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:32]
    return read_settings().cache_folder / "hashes" / f"{name}.json"


def _recall(note: Path, state: _State) -> str | None:
    """Give the hash that was noted for this state; a note that is missing or garbled is none."""
    try:
        content = json.loads(note.read_text("utf-8"))
        return str(content["sha256"]) if tuple(content["state"]) == state else None
    except (KeyError, OSError, TypeError, ValueError):
        return None


def _remember(note: Path, state: _State, digest: str) -> None:
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=note.parent, delete=False, encoding="utf-8") as file:
            json.dump({"state": state, "sha256": digest}, file)
        os.replace(file.name, note)
    except OSError as error:
        log.debug("%s is hashed again next time, for %s cannot be written: %s", digest, note, error)
