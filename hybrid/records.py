"""What engines report, whichever they are: counts, states, findings and jobs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from .passages import Vector

#: Titles and texts in; for each a vector, or the reason why there is none.
Encode = Callable[[Sequence[tuple[str, str]]], Sequence["Vector | str"]]

#: An encoder beside the one that questions use: to be used when it is whole, for the first time or again; kept as the
#: way back; or given up before it was whole.
Beside = Literal["filling", "refilling", "kept", "given up"]
#: Those that workers fill in.
FILLING: frozenset[Beside] = frozenset({"filling", "refilling"})


@dataclass(frozen=True, slots=True)
class Failure:
    """An item that will never be taken as it is."""

    id: str
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class BulkReport:
    """What became of every item."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    #: Items to delete or update that were not there.
    missing: int = 0
    #: How often an item had to be sent again.
    retried: int = 0
    failures: tuple[Failure, ...] = ()

    def __add__(self, other: "BulkReport") -> "BulkReport":
        return BulkReport(
            *(getattr(self, name) + getattr(other, name) for name in BulkReport.__slots__),
        )

    @property
    def total(self) -> int:
        """Number of items; retries do not count again."""
        return self.created + self.updated + self.unchanged + self.deleted + self.missing + len(self.failures)


@dataclass(frozen=True, slots=True)
class Filled:
    """What became of passages that wanted a vector."""

    encoded: int = 0
    #: Passages that the encoder cannot read; the reason is stored with each.
    failed: int = 0
    #: Passages that others changed each time; they are still pending.
    contested: int = 0
    missing: int = 0

    def __add__(self, other: "Filled") -> "Filled":
        return Filled(*(getattr(self, name) + getattr(other, name) for name in Filled.__slots__))


@dataclass(frozen=True, slots=True)
class State:
    """What is stored of a passage, as far as a writer must know."""

    document_id: str
    content_hash: str
    passages_total: int
    pending: bool


@dataclass(frozen=True, slots=True)
class Status:
    """Counts of living passages: ``passages = encoded + pending + failed``."""

    passages: int
    encoded: int
    pending: int
    failed: int
    #: Documents that are deleted but still count in BM25's statistics.
    deleted: int

    @property
    def settled(self) -> bool:
        """Whether BM25 counts living passages only."""
        return self.deleted == 0

    @property
    def coverage(self) -> float:
        """The share of passages with a current vector."""
        return self.encoded / self.passages if self.passages else 1.0


@dataclass(frozen=True, slots=True)
class Other:
    """An encoder whose vectors lie beside those that questions use."""

    pair_id: str
    state: Beside
    status: Status


@dataclass(frozen=True, slots=True)
class Share:
    """How much of an index is alive."""

    passages: int
    deleted: int
    segments: int

    @property
    def settled(self) -> bool:
        """Whether scores are those of the living passages alone."""
        return self.deleted == 0


@dataclass(frozen=True, slots=True)
class Check:
    """What a doctor found; ``passed`` is None where it could not be looked at."""

    name: str
    passed: bool | None
    detail: str


@dataclass(frozen=True, slots=True)
class Job:
    """The state of one ingestion."""

    id: str
    #: What is read, in words, and a hash by which a changed source is noticed.
    source: str
    source_fingerprint: str
    #: The lowest position of the source that was not acknowledged: where to go on.
    position: int = 0
    state: str = "running"
    counts: Mapping[str, int] = field(default_factory=dict)
    #: Index settings that a load changed, to be put back.
    saved_settings: Mapping[str, Any] = field(default_factory=dict)
    #: Where the rejected rows are listed, on the machine that read them.
    rejects_file: str = ""
    #: Which version of the record this is; None before the first save.
    seq_no: int | None = None
    primary_term: int | None = None
