"""What a long job leaves behind so that another process can go on with it: one document per source.

A job is named after what it reads, so the same source finds its own record again. The record tells which index the
job wrote into, for one that is made anew under the same name has nothing of it. It is saved with the version that was
read; a save on top of somebody else's is refused.
"""

import dataclasses
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import LockHeldError
from ...records import Job
from .calls import Call, Conversation, ask, check, encode
from .locks import ensure_jobs_index
from .names import build_jobs_name

_STORED = ("source", "source_fingerprint", "position", "state", "counts", "saved_settings", "rejects_file")


@dataclass(frozen=True, slots=True)
class Owner:
    """The concrete index that jobs write into."""

    index: str
    uuid: str


def read_owner(index: str) -> Conversation[Owner]:
    """Give an index as the owner of its jobs."""
    call = Call("GET", f"/{index}", params={"filter_path": "*.settings.index.uuid"})
    found = yield from ask(call, what=f"read the jobs of {index}")
    return Owner(index, found[index]["settings"]["index"]["uuid"])


def load_job(owner: Owner, job_id: str) -> Conversation[Job | None]:
    """Read a job's record, or None if there is none.

    Of one that wrote into another index nothing is done yet, and it is of no source.
    """
    found = yield from _read(owner, job_id)
    if found is None:
        return None
    job, wrote_into = _to_job(found), found["_source"].get("owner")
    if wrote_into == owner.uuid:
        return job
    # A record of an earlier version names no index. It may be this one, whose settings are to be put back.
    kept = {} if wrote_into else job.saved_settings
    return dataclasses.replace(job, source_fingerprint="", position=0, counts={}, saved_settings=kept)


def save_job(owner: Owner, job: Job) -> Conversation[Job]:
    """Write a job's record and give it with its new version."""
    index = build_jobs_name(owner.index)
    yield from ensure_jobs_index(index)
    document = {"owner": owner.uuid} | {name: getattr(job, name) for name in _STORED}
    body = encode({"kind": "job", "updated": int(time.time() * 1000), **document})
    answer = yield Call("PUT", f"/{index}/_doc/job-{job.id}", body, _guard(job))
    if answer.status == 409:
        # A save whose answer got lost meets itself when it is sent again.
        found = yield from _read(owner, job.id)
        if found is None or not document.items() <= found["_source"].items():
            raise LockHeldError(
                f"Job {job.id} of {owner.index} is carried on by another process; let it finish, or stop it."
            )
        return _to_job(found)
    saved = check(answer, f"save job {job.id}")
    return dataclasses.replace(job, seq_no=saved["_seq_no"], primary_term=saved["_primary_term"])


def list_jobs(indexes: Iterable[str]) -> Conversation[list[Job]]:
    """Read the records of all jobs of some indexes, the last saved first."""
    body = encode({"query": {"term": {"kind": "job"}}, "sort": [{"updated": "desc"}], "size": 1000,
                   "seq_no_primary_term": True})  # fmt: skip
    names, lenient = ",".join(sorted(set(map(build_jobs_name, indexes)))), {"ignore_unavailable": "true"}
    # Whoever asks right after a job wants to see it.
    yield from ask(Call("POST", f"/{names}/_refresh", params=lenient), what=f"refresh {names}")
    found = yield from ask(Call("POST", f"/{names}/_search", body, lenient), what=f"list the jobs in {names}")
    return [_to_job(hit) for hit in found["hits"]["hits"]]


def _read(owner: Owner, job_id: str) -> Conversation[Mapping[str, Any] | None]:
    answer = yield Call("GET", f"/{build_jobs_name(owner.index)}/_doc/job-{job_id}")
    return None if answer.status == 404 else check(answer, f"read job {job_id}")


def _to_job(found: Mapping[str, Any]) -> Job:
    source = {name: found["_source"][name] for name in _STORED}
    job_id = found["_id"].removeprefix("job-")
    return Job(id=job_id, seq_no=found["_seq_no"], primary_term=found["_primary_term"], **source)


def _guard(job: Job) -> dict[str, str]:
    if job.seq_no is None:
        return {"op_type": "create"}
    return {"if_seq_no": str(job.seq_no), "if_primary_term": str(job.primary_term)}
