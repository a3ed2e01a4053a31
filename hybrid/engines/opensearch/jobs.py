"""What a long job leaves behind so that another process can go on with it: one document per source.

A job is named after what it reads, so the same source finds its own record again. It is saved with the version that
was read; a save on top of somebody else's is refused.
"""

import dataclasses
import time

from ...errors import LockHeldError
from ...records import Job
from .calls import Call, Conversation, ask, check, encode
from .locks import ensure_jobs_index
from .names import build_jobs_name


def load_job(alias: str, job_id: str) -> Conversation[Job | None]:
    """Read a job's record, or None if there is none."""
    answer = yield Call("GET", f"/{build_jobs_name(alias)}/_doc/job-{job_id}")
    if answer.status == 404:
        return None
    body = check(answer, f"read job {job_id}")
    source = {name: body["_source"][name] for name in _STORED}
    return Job(id=job_id, seq_no=body["_seq_no"], primary_term=body["_primary_term"], **source)


def save_job(alias: str, job: Job) -> Conversation[Job]:
    """Write a job's record and give it with its new version."""
    index = build_jobs_name(alias)
    yield from ensure_jobs_index(index)
    document = {name: getattr(job, name) for name in _STORED}
    body = encode({"kind": "job", "updated": int(time.time() * 1000), **document})
    answer = yield Call("PUT", f"/{index}/_doc/job-{job.id}", body, _guard(job))
    if answer.status == 409:
        # A save whose answer got lost meets itself when it is sent again.
        stored = yield from load_job(alias, job.id)
        if stored is None or {name: getattr(stored, name) for name in _STORED} != document:
            raise LockHeldError(
                f"Job {job.id} of {alias} is carried on by another process; let it finish, or stop it."
            )
        return stored
    saved = check(answer, f"save job {job.id}")
    return dataclasses.replace(job, seq_no=saved["_seq_no"], primary_term=saved["_primary_term"])


def list_jobs(alias: str) -> Conversation[list[Job]]:
    """Read the records of all jobs of an index, the last saved first."""
    body = encode({"query": {"term": {"kind": "job"}}, "sort": [{"updated": "desc"}], "size": 1000,
                   "seq_no_primary_term": True})  # fmt: skip
    index, lenient = build_jobs_name(alias), {"ignore_unavailable": "true"}
    # Whoever asks right after a job wants to see it.
    yield from ask(Call("POST", f"/{index}/_refresh", params=lenient), what=f"refresh the jobs of {alias}")
    call = Call("POST", f"/{index}/_search", body, lenient)
    found = yield from ask(call, what=f"list the jobs of {alias}")
    return [
        Job(
            id=hit["_id"].removeprefix("job-"),
            seq_no=hit["_seq_no"],
            primary_term=hit["_primary_term"],
            **{name: hit["_source"][name] for name in _STORED},
        )
        for hit in found["hits"]["hits"]
    ]


_STORED = ("source", "source_fingerprint", "position", "state", "counts", "saved_settings", "rejects_file")


def _guard(job: Job) -> dict[str, str]:
    if job.seq_no is None:
        return {"op_type": "create"}
    return {"if_seq_no": str(job.seq_no), "if_primary_term": str(job.primary_term)}
