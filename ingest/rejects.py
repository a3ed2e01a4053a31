"""The file of rejected rows: one JSON object a line with position, source, line, reason and excerpt.

Rejects are on the disk before the job's record passes them. A job that goes on at an earlier position drops those
behind it, as it will meet them again.
"""

import contextlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from hybrid.errors import HybridError

from .documents import Reject, printable

#: What differs between rows that are rejected for one reason.
_PARTICULAR = re.compile(r"'[^']*'|passage \S+|0x[0-9a-f]+|U\+[0-9A-F]+|\d[\d,]*")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why rows were rejected, in the words and at the place of the first of them."""

    reason: str
    rows: int
    source: str
    line: int


class RejectsFile:
    """Rejected rows of one job; the file comes into being with the first."""

    def __init__(self, path: str | Path, *, resume: int = 0):
        """Open the file for a job that goes on at position ``resume``, 0 for a new one; its folder is made now."""
        self.path = Path(path)
        self.count = _keep_before(self.path, resume)

    def add(self, rejects: Iterable[tuple[int, Reject]]) -> None:
        """Write rejected rows with their positions, through to the disk."""
        lines = [_to_line(position, reject) for position, reject in rejects]
        if not lines:
            return
        with _speaking_plainly(self.path), self.path.open("ab") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        self.count += len(lines)


def read_rejects(path: str | Path) -> Iterator[tuple[int, Reject]]:
    """Give the rejected rows of a file with their positions; none where there is no file."""
    return (entry for _, entry in _read_lines(Path(path)))


def count_reasons(path: str | Path) -> list[Reason]:
    """Count the rejected rows of a file by reason, the most frequent first; numbers and names in it do not count."""
    first: dict[str, Reject] = {}
    counts = Counter[str]()
    for _, reject in read_rejects(path):
        kind = _PARTICULAR.sub("", reject.reason)
        first.setdefault(kind, reject)
        counts[kind] += 1
    named = ((first[kind], rows) for kind, rows in counts.most_common())
    return [Reason(reject.reason, rows, reject.source, reject.line) for reject, rows in named]


def _keep_before(path: Path, position: int) -> int:
    """Drop what was written at a position or behind it, and a line that was cut short; give what is left."""
    aside = path.with_name(f"{path.name}.new")
    with _speaking_plainly(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            return 0
        try:
            kept = _copy_before(path, aside, position)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
    return kept


def _copy_before(path: Path, target: Path, position: int) -> int:
    kept = 0
    with target.open("wb") as file:
        for line, (place, _) in _read_lines(path):
            if place < position:
                file.write(line)
                kept += 1
        file.flush()
        os.fsync(file.fileno())
    return kept


def _read_lines(path: Path) -> Iterator[tuple[bytes, tuple[int, Reject]]]:
    with _speaking_plainly(path):
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return
        with file:
            for line in file:
                if line.endswith(b"\n"):
                    yield line, _from_line(line, path)


def _to_line(position: int, reject: Reject) -> bytes:
    return orjson.dumps(
        {
            "position": position,
            "source": printable(reject.source),
            "line": reject.line,
            "reason": printable(reject.reason),
            "excerpt": printable(reject.excerpt),
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _from_line(line: bytes, path: Path) -> tuple[int, Reject]:
    try:
        entry = orjson.loads(line)
        return entry["position"], Reject(entry["source"], entry["line"], entry["reason"], entry["excerpt"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise HybridError(f"{path} is no file of rejected rows; name another one.") from None


@contextlib.contextmanager
def _speaking_plainly(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HybridError(f"The file of rejected rows {path} cannot be used: {error.strerror}.") from error
