"""The lock file: one line per file of the home, `coordinates folder sha256`, and the check against it.

Coordinates are written as Maven's own command line takes them: group:artifact:version[:type[:classifier]].
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import ServiceBroken

HEADER = "# Written by `python -m tests.services relock`: coordinates, folder in the home, sha256.\n"


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One file of the home."""

    folder: str
    coordinates: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """One file that Maven brought, and where it is to lie."""

    folder: str
    coordinates: str
    path: Path

    def entry(self) -> Entry:
        """Return the line of the lock that this file, as it is, asks for."""
        return Entry(self.folder, self.coordinates, sha256(self.path))


def sha256(path: Path) -> str:
    """Return the file's sha256 in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def render(entries: Iterable[Entry]) -> str:
    """Return the lock file's text, sorted; the twin of `parse`."""
    return HEADER + "".join(f"{e.coordinates} {e.folder} {e.sha256}\n" for e in sorted(entries))


def parse(text: str) -> tuple[Entry, ...]:
    """Return the entries of a lock file's text; the twin of `render`."""
    entries = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split()
        if len(fields) != 3 or len(fields[2]) != 64 or fields[0].count(":") not in {2, 3, 4}:
            raise ServiceBroken(f"node.lock line {number}: not `coordinates folder sha256`: {line!r}")
        entries.append(Entry(folder=fields[1], coordinates=fields[0], sha256=fields[2]))
    return tuple(entries)


def verify(files: Iterable[Fetched], entries: Iterable[Entry]) -> None:
    """Raise where a file differs from its entry, has none, or an entry has no file."""
    locked = {(entry.folder, entry.coordinates): entry.sha256 for entry in entries}
    for file in files:
        expected = locked.pop((file.folder, file.coordinates), None)
        if expected is None:
            raise ServiceBroken(f"{file.coordinates} for {file.folder} is not in node.lock")
        found = sha256(file.path)
        if found != expected:
            raise ServiceBroken(f"{file.coordinates}: sha256 {found}, but node.lock says {expected}")
    for folder, coordinates in locked:
        raise ServiceBroken(f"{coordinates} for {folder} is in node.lock, but Maven did not bring it")
