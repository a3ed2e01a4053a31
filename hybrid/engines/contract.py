"""What every engine does, in types: nobody outside ``engines/`` knows which one it has."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self, Unpack

from ..passages import Passage, SearchResult
from ..profile import Profile
from ..reader.answers import AskResult
from ..reader.asking import AskOptions
from ..records import BulkReport, Encode, Filled, Job, Share, State, Status
from ..requests import SearchOptions, Vectors


class Intake(Protocol):
    """The writing side of an index, for ingestion jobs; threads may share it."""

    @property
    def profile(self) -> Profile:
        """What the index says of itself."""

    def change_profile(self, change: Callable[[Profile], Profile]) -> None:
        """Change what the index says of itself; ``change`` may be asked more than once."""

    def sample(self, count: int) -> list[Passage]:
        """Give so many passages, chosen at random but the same ones each time."""

    def states(self, ids: Sequence[str]) -> dict[str, State]:
        """Give the states of those passages that are stored, as of now."""

    def write(self, passages: Sequence[Passage]) -> BulkReport:
        """Write passages whole; each with its vector, or pending."""

    def delete(self, ids: Sequence[str]) -> BulkReport:
        """Remove passages by id."""

    def check_readable(self, passage_id: str) -> None:
        """Stop if a stored vector cannot be read back."""

    def fill_pending(self, encode: Encode, size: int) -> Iterator[Filled]:
        """Encode what has no vector yet, ``size`` passages at a time."""

    def load_settings(self) -> dict[str, Any]:
        """Give the settings that load mode changes, as they are now."""

    def enter_load_mode(self) -> None:
        """Set the index up for a big load."""

    def leave_load_mode(self, before: Mapping[str, Any]) -> None:
        """Put the settings back that ``load_settings`` gave."""

    def refresh(self) -> None:
        """Make everything that was written searchable."""

    def load_job(self, job_id: str) -> Job | None:
        """Read a job's record; that of an index that is gone is of no source, and has everything yet to do."""

    def save_job(self, job: Job) -> Job:
        """Write a job's record."""

    def list_jobs(self) -> list[Job]:
        """Read the records of all jobs, the last saved first."""

    def hurry(self) -> None:
        """Wait for nothing any more, because the job is ending: what cannot be done at once is given up."""


class Index(Protocol):
    """An index; safe to share between threads."""

    @property
    def profile(self) -> Profile:
        """What the index says of itself."""

    def search(self, question: str, **options: Unpack[SearchOptions]) -> SearchResult:
        """Rank passages for a question; the options are those of ``SearchOptions``."""

    def ask(self, question: str, **options: Unpack[AskOptions]) -> AskResult:
        """Answer a question from the passages that a search finds; the options are those of ``AskOptions``."""

    def search_many(
        self,
        questions: Sequence[str],
        vectors: Vectors | None = None,
        **options: Unpack[SearchOptions],
    ) -> list[SearchResult]:
        """Rank passages for each of many questions, quicker than one by one; ``vectors`` are theirs, if given."""

    def explain_query(self, question: str, **options: Unpack[SearchOptions]) -> str:
        """Write the request of ``search`` as a shell command, without sending it."""

    def add(self, passages: Iterable[Passage], *, pair_id: str | None = None, refresh: bool = False) -> BulkReport:
        """Write passages, replacing those of the same id; ``refresh`` makes them searchable before this returns."""

    def delete(self, ids: Iterable[str], *, refresh: bool = False) -> BulkReport:
        """Remove passages by id."""

    def delete_documents(self, document_ids: Sequence[str], *, refresh: bool = False) -> BulkReport:
        """Remove documents with all of their passages."""

    def fetch(self, ids: Sequence[str]) -> dict[str, Passage]:
        """Give those passages that are stored, without their vectors, by id."""

    def scan(self) -> Iterator[list[Passage]]:
        """Give all passages with their vectors, page by page in the order of ids, as they were at the first page."""

    def ids(self) -> Iterator[list[str]]:
        """Give the ids of all passages, page by page in order, as they were at the first page."""

    def status(self) -> Status:
        """Count passages with and without a current vector."""

    def meta_types(self) -> dict[str, str]:
        """Give the types of metadata fields, such as ``{"year": "long"}``, so that a copy has the same."""

    def intake(self) -> Intake:
        """Give the writing side that ingestion jobs use."""

    def settle(self) -> Share:
        """Merge deleted passages away, so that BM25 counts living ones only."""

    def under(self, k1: float, b: float) -> Self:
        """Open the index once more, ranked with other constants of BM25, where it has a choice; as ``hold`` does."""

    def hold(self) -> Self:
        """Open the index once more to read it as it is now, whatever is written meanwhile; to be closed like any.

        One that is held gives its own moment again, as long as it is open itself. It is for reading: a folder
        refuses what is written through it, or through one that ``under`` gave.
        """

    def moment(self) -> str:
        """Name the state that is read, by another name after every change."""

    def close(self) -> None:
        """Let go of files and connections."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class AsyncIndex(Protocol):
    """The same for asyncio."""

    @property
    def profile(self) -> Profile:
        """What the index says of itself."""

    async def search(self, question: str, **options: Unpack[SearchOptions]) -> SearchResult:
        """Rank passages for a question; the options are those of ``SearchOptions``."""

    async def ask(self, question: str, **options: Unpack[AskOptions]) -> AskResult:
        """Answer a question from the passages that a search finds; the options are those of ``AskOptions``."""

    async def add(
        self, passages: Iterable[Passage], *, pair_id: str | None = None, refresh: bool = False
    ) -> BulkReport:
        """Write passages, replacing those of the same id; ``refresh`` makes them searchable before this returns."""

    async def delete(self, ids: Iterable[str], *, refresh: bool = False) -> BulkReport:
        """Remove passages by id."""

    async def delete_documents(self, document_ids: Sequence[str], *, refresh: bool = False) -> BulkReport:
        """Remove documents with all of their passages."""

    async def status(self) -> Status:
        """Count passages with and without a current vector."""

    async def settle(self) -> Share:
        """Merge deleted passages away, so that BM25 counts living ones only."""

    async def close(self) -> None:
        """Let go of files and connections."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
