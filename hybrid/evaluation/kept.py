"""What a long command has done so far, beside the file that it is to write: a head that says of what, then lines.

Whoever gives the same command again goes on behind the last whole line; a head of something else is refused.
"""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from ..errors import HybridError, LockHeldError, UsageError


@contextmanager
def open_kept(path: Path) -> Iterator[BinaryIO]:
    """Open the kept file for one command at a time."""
    try:
        with path.open("a+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise LockHeldError(f"{path} is being written by another command; wait for it.") from error
            yield file
    except OSError as error:
        raise HybridError(f"{path} cannot be written: {error.strerror}.") from error


def begin_kept(file: BinaryIO, head: bytes, *, holds: str, use: Callable[[int], int] = lambda lines: lines) -> int:
    """Give how many lines there are already, the rest is cut off; ``use`` says how many of so many are of use.

    ``head`` is one line, ``holds`` says what a file with another head holds.
    """
    file.seek(0)
    first = file.readline()
    if not first.endswith(b"\n"):
        file.truncate(0)
        file.write(head)
        return 0
    if first != head:
        raise UsageError(
            f"{file.name} holds {holds} {_tell_other(first, head)}; delete it to begin anew, or name another file."
        )
    ends = [file.tell()]
    for line in file:
        if not line.endswith(b"\n"):
            break
        ends.append(ends[-1] + len(line))
    lines = use(len(ends) - 1)
    file.truncate(ends[lines])
    return lines


def _tell_other(first: bytes, head: bytes) -> str:
    """Say of what a file is that has another head; a head may name the state of the index as its ``moment``."""
    with suppress(orjson.JSONDecodeError):
        before, now = orjson.loads(first), orjson.loads(head)
        other = {name for name in now if before.get(name) != now[name]}
        if "moment" in other and other <= {"moment", "profile"}:
            return "the same questions, but of the index as it was before it was changed"
    return "other questions, or by other options or another profile"


def read_kept(file: BinaryIO) -> Iterator[Any]:
    """Give what the lines hold."""
    file.seek(0)
    file.readline()
    for line in file:
        try:
            yield orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise HybridError(f"{file.name} is damaged; delete it and begin anew.") from error
