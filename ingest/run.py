"""From names of sources to a filled index: opens or makes the index, finds the job, and runs it."""

import dataclasses
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from hybrid.encoders import Encoder, load_encoder, load_for_profile
from hybrid.engines.opensearch.lifecycle import IndexSpec
from hybrid.errors import EncoderMismatchError, IndexMissingError, UsageError
from hybrid.fusion import PAPER_B, PAPER_K1
from hybrid.index import create_index, open_index
from hybrid.passages import Passage
from hybrid.profile import Profile
from hybrid.records import Job
from hybrid.settings import Settings

from .job import Ingestion, OnProgress, Summary
from .rejects import RejectsFile
from .sources import Meter, read_sources, source_fingerprint
from .splitter import split

DEFAULT_ENCODER = "minilm"
#: Words of a passage (§4.1).
PAPER_WORDS = 100
_TSV = re.compile(r"\.tsv(\.[a-z0-9]+)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to read and how; the second half counts only where the index has to be made."""

    sources: Sequence[str]
    format: str | None = None
    #: None takes rows of DPR's .tsv as the passages that they are, and cuts everything else into blocks of words.
    by: Literal["words", "document"] | None = None
    words: int = PAPER_WORDS
    #: False leaves passages pending: searchable by their text, encoded by a later run.
    vectors: bool = True
    load_mode: bool = False
    rejects: Path | None = None

    encoder: str | None = None
    scale: float | None = None
    analyzer: str = "english"
    k1: float = PAPER_K1
    b: float = PAPER_B
    spec: IndexSpec = dataclasses.field(default_factory=IndexSpec)


def run(address: str, plan: Plan, on_progress: OnProgress, meter: Meter, settings: Settings) -> Summary:
    """Carry a plan out, from the beginning or from where an earlier run of it stopped."""
    if not plan.sources:
        raise UsageError("There is nothing to read; name files, folders, patterns or - for standard input.")
    fingerprint = source_fingerprint(plan.sources, format=plan.format) or ""
    # Whatever is wrong with the sources shows before an index is made for them.
    rows = read_sources(plan.sources, format=plan.format, meter=meter)
    encoder = open_encoder(address, plan, settings)
    with open_index(address, settings=settings) as index:
        intake = index.intake()
        job = resume_job(plan, fingerprint, intake.load_job(name_job(plan)))
        path = plan.rejects or settings.state_folder / "rejects" / f"{_file_name(address)}-{job.id}.jsonl"
        ingestion = Ingestion(
            intake=intake,
            job=dataclasses.replace(job, rejects_file=str(path.absolute())),
            rejects=RejectsFile(path, resume=job.position),
            on_progress=on_progress,
            encode=encoder.encode_passages if encoder else None,
            load_mode=plan.load_mode,
        )
        return ingestion.run(rows, choose_split(plan))


def open_encoder(address: str, plan: Plan, settings: Settings) -> Encoder | None:
    """Give the encoder of the index at ``address``, which is made if it is not there."""
    try:
        with open_index(address, settings=settings) as index:
            profile = index.profile
    except IndexMissingError:
        encoder = load_encoder(plan.encoder or DEFAULT_ENCODER, scale=plan.scale)
        made = encoder.make_profile(analyzer=plan.analyzer, k1=plan.k1, b=plan.b)
        create_index(address, made, plan.spec, settings=settings)
        return encoder if plan.vectors else None
    return _encoder_of(profile, plan) if plan.vectors else None


def choose_split(plan: Plan) -> "partial[list[Passage]]":
    """Give the function that cuts a document into passages."""
    rows_are_passages = plan.format == "dpr" or any(_TSV.search(name) for name in plan.sources)
    return partial(split, words=plan.words, by=plan.by or ("document" if rows_are_passages else "words"))


def name_job(plan: Plan) -> str:
    """Name a job after what it reads and how it cuts it, so that the same command finds its own record again."""
    sources = [name if name == "-" else str(Path(name).absolute()) for name in plan.sources]
    text = "\0".join([*sources, plan.format or "", plan.by or "", str(plan.words)])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def resume_job(plan: Plan, fingerprint: str, stored: Job | None) -> Job:
    """Give the record to start from: where an unfinished run of the same source stopped, or the beginning."""
    job = Job(id=name_job(plan), source=" ".join(plan.sources), source_fingerprint=fingerprint)
    if stored is None:
        return job
    if stored.state == "running" and fingerprint and stored.source_fingerprint == fingerprint:
        return stored
    again = dataclasses.replace(job, seq_no=stored.seq_no, primary_term=stored.primary_term)
    return dataclasses.replace(again, saved_settings=stored.saved_settings)


def _encoder_of(profile: Profile, plan: Plan) -> Encoder:
    if profile.passage_tower is None:
        raise EncoderMismatchError(
            f"The index holds vectors of {profile.pair_id}, which were given from outside; say --no-vectors, and add "
            "the vectors from there."
        )
    encoder = load_for_profile(profile)
    if plan.encoder is not None:
        wanted = load_encoder(plan.encoder, scale=plan.scale)
        if wanted.pair_id != profile.pair_id:
            raise EncoderMismatchError(
                f"The index holds vectors of {profile.pair_id}, --encoder names {wanted.pair_id}; leave it out."
            )
    return encoder


def _file_name(address: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in address.rpartition("/")[2] or address)
