"""Small ingestions with a made-up encoder, and the question whether all of a source arrived."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.testing import assert_array_equal

from hybrid import open_index
from hybrid.passages import Passage, Vector
from hybrid.records import Filled, Job
from hybrid.settings import Settings
from ingest.batches import Split
from ingest.documents import Document, Reject, Row
from ingest.job import EncodePassages, Ingestion, Summary
from ingest.rejects import RejectsFile, read_rejects
from ingest.splitter import By, split
from ingest.tally import Tally
from tests.integration.faults import name_of

JOB = "0123456789abcdef"
FIELD = "vec_01234567"
#: Words of a passage: few, so that a document of a line has several passages.
WORDS = 3
Pairs = Sequence[tuple[str, str]]


def vector_of(title: str, text: str) -> Vector:
    """Give the vector that the made-up encoder makes of a passage."""
    seed = int.from_bytes(hashlib.blake2b(f"{title}\0{text}".encode(), digest_size=8).digest())
    values: Vector = np.random.default_rng(seed).normal(size=8).astype(np.float32)
    return values


def encode(pairs: Pairs) -> list[Vector]:
    return [vector_of(*pair) for pair in pairs]


def cut(by: By = "words", words: int = WORDS) -> Split:
    return partial(split, words=words, by=by)


def to_rows(contents: Iterable[Document | Reject]) -> list[Row]:
    return [Row(position, content, "made", position + 1) for position, content in enumerate(contents)]


def document(name: str, words: int, salt: str = "", **meta: Any) -> Document:
    """Make a document of so many words; another salt makes other words."""
    return Document(name, f"Title {name}", " ".join(f"{name}{salt}w{number}" for number in range(words)), meta)


def ingest(address: str, contents: Iterable[Document | Reject], rejects: Path, **options: Any) -> Summary:
    """Run a job over made-up rows; the options are those of ``feed``."""
    return feed(address, to_rows(contents), rejects, **options)


def feed(
    address: str,
    rows: Iterable[Row],
    rejects: Path,
    *,
    encode: EncodePassages | None = encode,
    by: By = "words",
    resume: bool = False,
    job_id: str = JOB,
    settings: Settings | None = None,
    **options: Any,
) -> Summary:
    """Run a job, from the beginning or from where its record says."""
    with open_index(address, settings=settings or Settings()) as index:
        intake = index.intake()
        stored = intake.load_job(job_id)
        unfinished = resume and stored is not None and stored.state == "running"
        job = stored if stored is not None and unfinished else restart(job_id, stored)
        given = {"on_progress": ignore, **options}
        ingestion = Ingestion(
            intake=intake, job=job, rejects=RejectsFile(rejects, resume=job.position), encode=encode, **given
        )
        return ingestion.run(rows, cut(by))


def restart(job_id: str, stored: Job | None) -> Job:
    """Give the record of a new run, which takes over what an older one left."""
    if stored is None:
        return Job(job_id, "made", "")
    kept = {"seq_no": stored.seq_no, "primary_term": stored.primary_term, "saved_settings": stored.saved_settings}
    return Job(job_id, "made", "", **kept)  # type: ignore[arg-type]


def ignore(tally: Tally, filled: Filled) -> None:
    """Take progress and say nothing."""


def stored(raw: Any, address: str) -> dict[str, dict[str, Any]]:
    """Read every hit of an index by its id, with source and version."""
    name = name_of(address)
    raw.indices.refresh(index=name)
    body = {"size": 10_000, "seq_no_primary_term": True, "version": True}
    return {hit["_id"]: hit for hit in raw.search(index=name, body=body)["hits"]["hits"]}


def versions(raw: Any, address: str) -> dict[str, tuple[int, int]]:
    return {one: (hit["_seq_no"], hit["_version"]) for one, hit in stored(raw, address).items()}


def accepted_of(contents: Iterable[Document | Reject], by: By = "words") -> dict[str, Passage]:
    """Give the passages that an index must hold of a source: of each id the first row, and no rejects."""
    first: dict[str, Document] = {}
    for content in contents:
        if isinstance(content, Document):
            first.setdefault(content.id, content)
    return {passage.id: passage for one in first.values() for passage in cut(by)(one)}


def assert_holds(raw: Any, address: str, wanted: Mapping[str, Passage], *, encoded: bool = True) -> None:
    """Fail unless the index holds exactly these passages, each with the vector of its own text."""
    found = stored(raw, address)
    assert set(found) == set(wanted)
    for passage_id, passage in wanted.items():
        source = found[passage_id]["_source"]
        assert (source["title"], source["text"]) == (passage.title, passage.text)
        assert (source["document_id"], source["number"]) == (passage.document_id, passage.number)
        assert source["passages_total"] == passage.passages_total
        assert source["pending"] is not encoded
        if encoded:
            assert source["encoded_hash"] == source["text_hash"]
            assert_array_equal(np.float32(source[FIELD]), vector_of(passage.title, passage.text))


def rejected_positions(path: Path) -> list[int]:
    return [position for position, _ in read_rejects(path)]


def write_jsonl(path: Path, contents: Iterable[Document | str]) -> Path:
    """Write documents as JSON lines, and texts as lines that are no JSON."""
    lines = (
        one if isinstance(one, str) else json.dumps({"_id": one.id, "title": one.title, "text": one.text, **one.meta})
        for one in contents
    )
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
