"""One writer at a time: a lock on a file, which the system lets go when its process ends, however it ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...errors import IndexMissingError, LockHeldError
from .arrays import explained

NAME = "writer.lock"
#: Seconds to wait for a writer that is about to finish.
PATIENCE = 2.0
_PAUSE = 0.02


@contextmanager
def hold_lock(folder: Path) -> Iterator[None]:
    """Be the only writer of an index; LockHeldError if another is at it and stays at it."""
    handle, owner = _wait(folder), os.getpid()
    try:
        yield
    finally:
        # A process that was forked meanwhile shares the lock: it may neither keep it nor let it go.
        if os.getpid() == owner:
            fcntl.flock(handle, fcntl.LOCK_UN)
        os.close(handle)


def _wait(folder: Path) -> int:
    give_up = time.monotonic() + PATIENCE
    while (handle := _take(folder)) is None:
        if time.monotonic() > give_up:
            raise LockHeldError(
                f"Another process is writing to {folder}; let it finish, or stop it, and run this again."
            )
        time.sleep(_PAUSE)
    return handle


def _take(folder: Path) -> int | None:
    """Give a handle on the locked file, or None if somebody else has it."""
    path = folder / NAME
    with explained(folder):
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except FileNotFoundError:
            raise IndexMissingError(f"There is no index in {folder} any more; make it anew.") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # An index that was deleted and made anew has another file, which others may hold.
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(handle)
    return None
