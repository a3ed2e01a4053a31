"""From names of sources to a filled index: opens or makes the index, finds the job, and runs it."""

import dataclasses
import hashlib
import re
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal, TypedDict

from hybrid.address import parse_cluster_address
from hybrid.encoders import Encoder, WantedBackend, load_encoder, load_for_profile
from hybrid.engines.contract import Index, Intake
from hybrid.engines.spec import IndexSpec
from hybrid.errors import EncoderMismatchError, IndexExistsError, IndexMissingError, UsageError
from hybrid.index import create_index, open_index
from hybrid.passages import Passage
from hybrid.profile import PROVISIONAL, Profile
from hybrid.records import Filled, Job
from hybrid.settings import Settings

from .documents import printable
from .job import Ingestion, OnProgress, Summary
from .queue import open_sender
from .rejects import RejectsFile
from .scale import give_scale, settle_scale
from .sources import Meter, read_sources, source_fingerprint
from .splitter import split
from .tally import Tally

DEFAULT_ENCODER = "minilm"
#: Words of a passage (§4.1).
PAPER_WORDS = 100
_NO_SCALE = (
    "The scale is still to be found, which takes an encoder here: say --scale NUMBER, or leave --queue out this time."
)
_TSV = re.compile(r"\.tsv(\.[a-z0-9]+)?$")


class _Given(TypedDict):
    format: str | None
    encoding: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to read and how; the second half counts only where the index has to be made."""

    sources: Sequence[str]
    format: str | None = None
    #: Of text without a byte order mark; None is UTF-8.
    encoding: str | None = None
    #: None takes rows of DPR's .tsv as the passages that they are, and cuts everything else into blocks of words.
    by: Literal["words", "document"] | None = None
    words: int = PAPER_WORDS
    #: False leaves passages pending: searchable by their text, encoded by a later run.
    vectors: bool = True
    #: True leaves vectors to workers.
    queue: bool = False
    load_mode: bool = False
    rejects: Path | None = None

    encoder: str | None = None
    #: "auto" takes torch where it is there; "numpy" spares a small job the seconds of loading it.
    backend: WantedBackend = "auto"
    #: "auto" finds it out from the text, with questions of a file or made of passages.
    scale: float | Literal["auto"] | None = None
    questions: Path | None = None
    analyzer: str | None = None
    k1: float | None = None
    b: float | None = None
    spec: IndexSpec = dataclasses.field(default_factory=IndexSpec)

    @property
    def encodes(self) -> bool:
        """Whether vectors are made in this process."""
        return self.vectors and not self.queue


def run(
    address: str,
    plan: Plan,
    on_progress: OnProgress,
    meter: Meter,
    settings: Settings,
    tell: Callable[[str], None] = lambda _: None,
) -> Summary:
    """Carry a plan out, from the beginning or from where an earlier run of it stopped; ``tell`` is given news."""
    if not plan.sources:
        raise UsageError("There is nothing to read; name files, folders, patterns or - for standard input.")
    if plan.questions and plan.scale != "auto":
        raise UsageError("--questions are what --scale auto asks; say both.")
    given: _Given = {"format": plan.format, "encoding": plan.encoding}
    fingerprint = source_fingerprint(plan.sources, **given) or ""
    # Whatever is wrong with the sources shows before an index is made for them.
    rows = read_sources(plan.sources, **given, meter=meter)
    if plan.queue:
        _check_queue(address, plan, settings)
    first = next(rows, None)
    if first is None and _is_missing(address, settings):
        return Summary(Tally(), Filled(), resume_job(plan, fingerprint, None), opened=False)
    encoder = open_encoder(address, plan, settings)
    sending = open_sender(address, settings, tell) if plan.queue else nullcontext()
    with open_index(address, settings=settings) as index, sending as sender:
        intake = index.intake()
        job = resume_job(plan, fingerprint, intake.load_job(name_job(plan)))
        path = plan.rejects or settings.state_folder / "rejects" / f"{_file_name(address)}-{job.id}.jsonl"
        ingestion = Ingestion(
            intake=intake,
            job=dataclasses.replace(job, rejects_file=str(path.absolute())),
            rejects=RejectsFile(path, resume=job.position),
            on_progress=on_progress,
            encode=encoder.encode_passages if encoder else None,
            before_vectors=_plan_scale(index, intake, plan, encoder, tell),
            send=sender.send if sender else None,
            load_mode=plan.load_mode,
        )
        return ingestion.run(chain(() if first is None else (first,), rows), choose_split(plan))


def _is_missing(address: str, settings: Settings) -> bool:
    try:
        open_index(address, settings=settings).close()
    except IndexMissingError:
        return True
    return False


def _check_queue(address: str, plan: Plan, settings: Settings) -> None:
    """Refuse what workers cannot do before anything is made."""
    parse_cluster_address(address, settings, "--queue")
    if not plan.vectors:
        raise UsageError("--queue has workers add vectors, --no-vectors wants none; say one of them.")
    if plan.scale == "auto":
        raise UsageError(_NO_SCALE)


def _plan_scale(
    index: Index, intake: Intake, plan: Plan, encoder: Encoder | None, tell: Callable[[str], None]
) -> Callable[[], None] | None:
    """Give what has to be done about the scale before the first vector; None if it is known."""
    if intake.profile.scale_source != PROVISIONAL:
        return None
    if isinstance(plan.scale, float):
        give_scale(intake, plan.scale)
    elif plan.queue:
        raise UsageError(_NO_SCALE)
    elif encoder is not None:
        return partial(settle_scale, index, intake, encoder, plan.questions, tell)
    return None


def open_encoder(address: str, plan: Plan, settings: Settings) -> Encoder | None:
    """Give the encoder of the index at ``address``, which is made if it is not there."""
    try:
        with open_index(address, settings=settings) as index:
            profile = index.profile
            _check_types(index, plan)
    except IndexMissingError:
        encoder = load_encoder(plan.encoder or DEFAULT_ENCODER, scale=plan.scale, backend=plan.backend)
        if encoder.scale is None:
            encoder = encoder.with_scale(1.0, PROVISIONAL)
        chosen = {name: value for name, value in _choices(plan).items() if value is not None}
        try:
            create_index(address, encoder.make_profile(**chosen), plan.spec, settings=settings)
        except IndexExistsError:
            # Another process was quicker, or the place holds something else.
            if _is_missing(address, settings):
                raise
            return open_encoder(address, plan, settings)
        return encoder if plan.encodes else None
    _check_choices(profile, plan)
    if plan.vectors:
        _check_tower(profile)
    return load_for_profile(profile, backend=plan.backend) if plan.encodes else None


def choose_split(plan: Plan) -> "partial[list[Passage]]":
    """Give the function that cuts a document into passages."""
    rows_are_passages = plan.format == "dpr" or any(_TSV.search(name) for name in plan.sources)
    return partial(split, words=plan.words, by=plan.by or ("document" if rows_are_passages else "words"))


def name_job(plan: Plan) -> str:
    """Name a job after what it reads and how it cuts it, so that the same command finds its own record again."""
    sources = [name if name == "-" else str(Path(name).absolute()) for name in plan.sources]
    # A job that was begun before there were encodings keeps its name.
    encoding = [plan.encoding] if plan.encoding else []
    text = "\0".join([*sources, plan.format or "", plan.by or "", str(plan.words), *encoding])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def resume_job(plan: Plan, fingerprint: str, stored: Job | None) -> Job:
    """Give the record to start from: where an unfinished run of the same source stopped, or the beginning."""
    job = Job(id=name_job(plan), source=printable(" ".join(plan.sources)), source_fingerprint=fingerprint)
    if stored is None:
        return job
    if stored.state == "running" and fingerprint and stored.source_fingerprint == fingerprint:
        return stored
    again = dataclasses.replace(job, seq_no=stored.seq_no, primary_term=stored.primary_term)
    return dataclasses.replace(again, saved_settings=stored.saved_settings)


def _choices(plan: Plan) -> dict[str, Any]:
    return {"analyzer": plan.analyzer, "k1": plan.k1, "b": plan.b}


def _check_choices(profile: Profile, plan: Plan) -> None:
    """Refuse choices for a new index that are not those of the index that is there."""
    for name, wanted in _choices(plan).items():
        there = getattr(profile, name)
        if wanted not in (None, there):
            raise UsageError(
                f"The index has the {name} {there}, not {wanted}; leave --{name} out, or name a new index."
            )
    scales = (None, profile.scale, profile.scale_source)
    if profile.scale_source != PROVISIONAL and plan.scale not in scales:
        raise UsageError(
            f"The index has the scale {profile.scale:g} ({profile.scale_source}), not {plan.scale}; leave --scale "
            "out, or name a new index."
        )
    if plan.encoder is not None:
        wanted = load_encoder(plan.encoder, scale=plan.scale or profile.scale)
        if wanted.pair_id != profile.pair_id:
            raise EncoderMismatchError(
                f"The index holds vectors of {profile.pair_id}, --encoder names {wanted.pair_id}; leave it out, or "
                "name a new index."
            )


def _check_types(index: Index, plan: Plan) -> None:
    """Refuse types for a new index that are not those of the index that is there."""
    there = index.meta_types() if plan.spec.meta_types else {}
    for name, wanted in plan.spec.meta_types.items():
        if there.get(name) != wanted:
            known = f"has {name} as {there[name]}, not {wanted}" if name in there else f"has no {name} of a type yet"
            raise UsageError(
                f"The index {known}, and types are for a new one: leave --type out, or name a new index."
            )


def _check_tower(profile: Profile) -> None:
    if profile.passage_tower is None:
        raise EncoderMismatchError(
            f"The index holds vectors of {profile.pair_id}, which were given from outside; say --no-vectors, and add "
            "the vectors from there."
        )


def _file_name(address: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in address.rpartition("/")[2] or address)
