"""Is this folder whole? A list of checks, each with what to do where it fails."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np

from ...errors import HybridError, StorageError
from ...records import Check
from .arrays import check_group
from .database import NAME
from .reader import Reader
from .segments import FOLDER, POSTINGS, read_segments
from .status import read_status


def examine(folder: Path) -> list[Check]:
    """Look at everything in the folder: files against their checksums, arrays against the database."""
    try:
        reader = Reader(folder)
    except HybridError as error:
        return [Check("database", False, str(error))]
    with closing(reader):
        return [_run(name, check, reader) for name, check in _CHECKS.items()]


def _run(name: str, check: Callable[[Reader], str], reader: Reader) -> Check:
    try:
        return Check(name, True, check(reader))
    except HybridError as error:
        return Check(name, False, str(error))


def _check_database(reader: Reader) -> str:
    (verdict,) = reader.ask(lambda connection: connection.execute("PRAGMA quick_check(1)").fetchone())
    if verdict != "ok":
        raise StorageError(f"{NAME} is damaged ({verdict}); bring the folder back from a copy.")
    return f"{NAME} is whole"


def _check_arrays(reader: Reader) -> str:
    found = reader.ask(read_segments)
    for segment in found:
        try:
            check_group(reader.folder / FOLDER, segment.name, segment.checksum)
        except StorageError:
            # What a writer has merged meanwhile counts no more.
            if segment.name in {one.name for one in reader.ask(read_segments)}:
                raise
    return f"{len(found)} files are as they were written"


def _check_rows(reader: Reader) -> str:
    """Compare the living rows of the arrays with the passages of the database."""
    with reader.hold() as state:
        view = state.view
        stored = reader.ask(lambda connection: [slot for (slot,) in connection.execute("SELECT slot FROM passages")])
    if not np.array_equal(np.sort(np.array(stored, dtype=np.int64)), view.slots[view.alive]):
        raise StorageError(f"{POSTINGS} and passages differ; bring the folder back from a copy, or make it anew.")
    return f"{len(stored)} passages are in the arrays"


def _check_coverage(reader: Reader) -> str:
    status = read_status(reader)
    if status.pending:
        raise StorageError(
            f"{status.pending} of {status.passages} passages have no vector yet; run the same hybrid ingest again."
        )
    return f"{status.encoded} of {status.passages} passages have a vector"


_CHECKS = {
    "database": _check_database,
    "arrays": _check_arrays,
    "rows": _check_rows,
    "coverage": _check_coverage,
}
