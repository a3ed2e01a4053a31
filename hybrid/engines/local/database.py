"""The SQLite file of a local index: opened, made, and its complaints turned into one line.

Its last commit says what the index holds: passages, which groups of arrays count, and which of their rows live.
"""

import shlex
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ...errors import IndexMissingError, StorageError, UsageError
from . import arrays

C = TypeVar("C", bound=sqlite3.Connection)

NAME = "index.sqlite"
UNFINISHED = f"{NAME}.unfinished"
#: What SQLite puts beside a database.
FILES = [name + ending for name in (NAME, UNFINISHED) for ending in ("", "-journal", "-wal", "-shm")]
#: Raised with every change that an older release could not read.
FORMAT = 1
#: "hybr", by which a file is known to be ours.
_APPLICATION_ID = 0x68796272
#: Seconds to wait for another process's commit.
_PATIENCE = 30.0
#: SQLite takes at least this many parameters in one statement.
_AT_ONCE = 10_000

_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE passages (
    slot INTEGER PRIMARY KEY AUTOINCREMENT,  -- a passage that is written again takes a new one
    id TEXT NOT NULL UNIQUE,
    document_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    passages_total INTEGER NOT NULL,
    "start" INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    meta TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    text_hash TEXT NOT NULL,
    encode_error TEXT
);
CREATE INDEX passages_by_document ON passages (document_id);
CREATE TABLE fields (name TEXT PRIMARY KEY, kind TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE meta (  -- values of dead slots stay until the next merge; whoever reads masks them
    field TEXT NOT NULL, value NOT NULL, slot INTEGER NOT NULL, PRIMARY KEY (field, value, slot)
) WITHOUT ROWID;
CREATE TABLE segments (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL,  -- 'postings', or the vector field
    first INTEGER NOT NULL,
    size INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    alive BLOB
) WITHOUT ROWID;
CREATE TABLE jobs (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, record TEXT NOT NULL, saved REAL NOT NULL
) WITHOUT ROWID;
"""


class Frozen(sqlite3.Connection):
    """A connection that takes its file for one that never changes."""

    #: How the files looked when it was opened.
    seen: object = None


def make(folder: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Make a database in a folder, filled by ``fill``; one that has its name is whole."""
    aside = folder / UNFINISHED
    # A log of somebody else would be taken for the new file's own.
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    with explained(folder), closing(_connect(f"file:{_quote(aside)}?mode=rwc")) as connection:
        marks = f"PRAGMA application_id={_APPLICATION_ID}; PRAGMA user_version={FORMAT};"
        connection.executescript(f"BEGIN; {marks} {_SCHEMA} COMMIT;")
        with transaction(connection, folder):
            fill(connection)
        connection.execute("PRAGMA journal_mode=WAL")
    aside.rename(folder / NAME)
    arrays.sync(folder)


def open_to_read(folder: Path) -> sqlite3.Connection:
    """Open the database of an index; also one on a medium that cannot be written."""
    path = folder / NAME
    with arrays.explained(folder):
        found = path.is_file()
    if not found:
        if folder.is_file():
            raise IndexMissingError(f"{folder} is a file; an index in a folder is named by the folder.")
        named = shlex.quote(str(folder))
        raise IndexMissingError(f"There is no index in {folder}; make one with: hybrid ingest {named} SOURCE...")
    with explained(folder):
        try:
            return _checked(_connect(f"file:{_quote(path)}?mode=ro"), folder)
        except sqlite3.OperationalError:
            if path.with_name(f"{NAME}-wal").exists():
                raise
            # Beside a read-only file there is no room for the log that readers share; without a log, nothing changes.
            seen = _look(folder)
            frozen = _connect_as(Frozen, f"file:{_quote(path)}?immutable=1")
            frozen.seen = seen
            return _checked(frozen, folder)


def identify(folder: Path) -> tuple[int, int] | None:
    """Tell the database in a folder from one that takes its place; None where there is none.

    No other is given the same numbers as long as a connection keeps the file open.
    """
    with arrays.explained(folder):
        try:
            found = (folder / NAME).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
    return found.st_dev, found.st_ino


def is_outdated(connection: sqlite3.Connection, folder: Path) -> bool:
    """Tell whether somebody changed a file that was opened as one that never changes."""
    return isinstance(connection, Frozen) and connection.seen != _look(folder)


def open_to_write(folder: Path) -> sqlite3.Connection:
    """Open the database of an index for a writer that holds its lock."""
    with explained(folder):
        connection = _checked(_connect(f"file:{_quote(folder / NAME)}?mode=rw"), folder)
        connection.execute("PRAGMA synchronous=FULL")
        return connection


@contextmanager
def transaction(connection: sqlite3.Connection, folder: Path) -> Iterator[None]:
    """Commit all of what happens inside, or nothing."""
    with explained(folder):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def select_in(
    connection: sqlite3.Connection, columns: str, key: str, values: Sequence[str] | Sequence[int]
) -> Iterator[tuple[Any, ...]]:
    """Read columns of the passages whose ``key`` is one of many values."""
    for start in range(0, len(values), _AT_ONCE):
        some = [value for value in values[start : start + _AT_ONCE] if _can_be_stored(value)]
        marks = ",".join("?" * len(some))
        yield from connection.execute(f"SELECT {columns} FROM passages WHERE {key} IN ({marks})", some)  # noqa: S608


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn what SQLite complains of into one line."""
    try:
        yield
    except sqlite3.ProgrammingError as error:
        raise UsageError(f"The index in {folder} was closed; open it again.") from error
    except sqlite3.DatabaseError as error:
        raise StorageError(_describe(error, folder)) from error


def _describe(error: sqlite3.DatabaseError, folder: Path) -> str:
    """Say what is wrong; the kinds are SQLite's, where it gives one."""
    kind = getattr(error, "sqlite_errorname", "")
    if kind == "SQLITE_FULL":
        return arrays.no_room(folder)
    if kind.startswith("SQLITE_IOERR"):
        return f"The disk refuses to read or write {folder / NAME} ({error}); see to it, then run the command again."
    if kind.startswith("SQLITE_CANTOPEN"):
        return f"Cannot open {folder / NAME} ({error}); see who may read it, and who may write to the folder."
    if kind.startswith(("SQLITE_READONLY", "SQLITE_BUSY")):
        return f"Cannot write to {folder}: {error}."
    return f"{folder / NAME} cannot be read ({error}); bring the folder back from a copy, or make the index anew."


def _connect(uri: str) -> sqlite3.Connection:
    return _connect_as(sqlite3.Connection, uri)


def _connect_as(kind: type[C], uri: str) -> C:
    # Each connection is guarded by a lock of its owner, so threads may share it.
    return sqlite3.connect(
        uri, uri=True, timeout=_PATIENCE, isolation_level=None, check_same_thread=False, factory=kind
    )


def _look(folder: Path) -> list[tuple[int, int, int] | None]:
    return [_stamp(folder / name) for name in (NAME, f"{NAME}-wal")]


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _checked(connection: sqlite3.Connection, folder: Path) -> sqlite3.Connection:
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application != _APPLICATION_ID:
            raise StorageError(f"{folder / NAME} is not an index of hybrid; name another folder.")
        if version != FORMAT:
            raise StorageError(
                f"The index in {folder} has the format {version}, this release reads {FORMAT}; make the index anew."
            )
    except BaseException:
        connection.close()
        raise
    return connection


def _can_be_stored(value: str | int) -> bool:
    """Tell text from what holds half of a character, which no passage was ever stored with."""
    return isinstance(value, int) or value.encode(errors="ignore").decode() == value


def _quote(path: Path) -> str:
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
