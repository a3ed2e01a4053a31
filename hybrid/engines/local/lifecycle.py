"""An index in a folder from birth to death."""

import shutil
import sqlite3
from pathlib import Path

from ...errors import IndexExistsError, StorageError, UsageError
from ...profile import Profile
from ..spec import IndexSpec
from . import changes, database
from .analysis import find_analyzer
from .arrays import explained
from .fields import Kind, declare_kinds
from .lock import NAME as LOCK
from .lock import hold_lock
from .segments import FOLDER

#: Everything that a folder of ours holds.
_OURS = frozenset({*database.FILES, FOLDER, LOCK})


def create_index(folder: Path, profile: Profile, spec: IndexSpec) -> str:
    """Make an empty index in a folder that is not there or empty, and give its path."""
    find_analyzer(profile.analyzer)
    kinds = _read_spec(folder, spec)
    with explained(folder):
        if folder.is_file():
            raise IndexExistsError(
                f"Cannot create an index in {folder}: it is a file. The index comes before its sources."
            )
        folder.mkdir(parents=True, exist_ok=True)
        # Before the lock, which leaves a file of ours.
        _check_free(folder)
    with hold_lock(folder), explained(folder):
        _check_free(folder)

        def fill(connection: sqlite3.Connection) -> None:
            changes.save_profile(connection, profile)
            connection.executemany("INSERT INTO fields VALUES (?, ?)", list(kinds.items()))

        (folder / FOLDER).mkdir(exist_ok=True)
        database.make(folder, fill)
    return str(folder)


def drop_index(folder: Path) -> None:
    """Delete an index with all that is in its folder; a folder that holds anything else is not touched."""
    database.open_to_read(folder).close()
    if foreign := _list_foreign(folder):
        raise StorageError(f"{folder} holds more than an index ({foreign}); move that away first.")
    with hold_lock(folder), explained(folder):
        # What is left of an index without its database is no index.
        (folder / database.NAME).unlink()
        shutil.rmtree(folder)


def _read_spec(folder: Path, spec: IndexSpec) -> dict[str, Kind]:
    """Give the kinds of metadata that a layout declares; refuse what only a cluster can have."""
    if spec.cluster_only:
        raise UsageError(f"{folder} is a folder: {', '.join(spec.cluster_only)} can be chosen on a cluster only.")
    try:
        return declare_kinds(spec.meta_types)
    except ValueError as error:
        raise UsageError(f"{error}.") from error


def _check_free(folder: Path) -> None:
    if (folder / database.NAME).exists():
        raise IndexExistsError(f"Cannot create an index in {folder}: there is one.")
    if foreign := _list_foreign(folder):
        raise IndexExistsError(
            f"Cannot create an index in {folder}: the folder holds other things ({foreign}); name a new one."
        )


def _list_foreign(folder: Path) -> str:
    """Name a few things in a folder that are not an index's."""
    return ", ".join(sorted({path.name for path in folder.iterdir()} - _OURS)[:3])
