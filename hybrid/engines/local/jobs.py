"""Records of ingestion jobs, beside the passages that they wrote."""

import dataclasses
import json
import sqlite3
import time
from typing import Any

from ...errors import LockHeldError
from ...records import Job

_VERSIONED = ("id", "seq_no", "primary_term")


def load_job(connection: sqlite3.Connection, job_id: str) -> Job | None:
    """Read a job's record, or None if there is none."""
    found = connection.execute("SELECT id, version, record FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return None if found is None else _to_job(*found)


def list_jobs(connection: sqlite3.Connection) -> list[Job]:
    """Read the records of all jobs, the last saved first."""
    found = connection.execute("SELECT id, version, record FROM jobs ORDER BY saved DESC, id")
    return [_to_job(*row) for row in found]


def save_job(connection: sqlite3.Connection, job: Job) -> Job:
    """Write a job's record and give it with its new version; one that another process saved since is refused."""
    stored = load_job(connection, job.id)
    if (None if stored is None else stored.seq_no) != job.seq_no:
        raise LockHeldError(f"Job {job.id} is carried on by another process; let it finish, or stop it.")
    version = 1 if job.seq_no is None else job.seq_no + 1
    record = {name: value for name, value in dataclasses.asdict(job).items() if name not in _VERSIONED}
    values = (job.id, version, json.dumps(record), time.time())
    connection.execute("INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?)", values)
    return dataclasses.replace(job, seq_no=version)


def _to_job(job_id: str, version: int, record: str) -> Job:
    values: dict[str, Any] = json.loads(record)
    return Job(id=job_id, seq_no=version, **values)
