"""``LocalIndex`` and ``AsyncLocalIndex``: an index in a folder as an object, sync and async."""

import asyncio
import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self, Unpack

from ...address import LocalAddress
from ...errors import UsageError
from ...passages import Passage, SearchResult
from ...profile import Profile
from ...questions import QuestionEncoder
from ...reader.answers import AskResult
from ...reader.asking import AskOptions, ask
from ...records import BulkReport, Share, Status
from ...requests import SearchOptions, Vectors, check_encoder
from ...settings import Settings
from .analysis import find_analyzer
from .fields import KINDS
from .intake import LocalIntake
from .reader import Reader
from .search import search
from .status import read_share, read_status
from .writer import Pen


class LocalIndex:
    """An index in a folder; safe to share between threads."""

    def __init__(self, reader: Reader, settings: Settings | None = None):
        self._reader = reader
        self._settings = settings
        self._open = ExitStack()
        self._open.callback(reader.close)
        self._pen = Pen(reader, self._open)
        self._questions = QuestionEncoder()
        self._analyze = find_analyzer(self.profile.analyzer)

    @classmethod
    def open(cls, address: LocalAddress, settings: Settings | None = None) -> Self:
        """Open the folder, and refuse one that is no index, or not whole."""
        reader = Reader(address.path)
        try:
            return cls(reader, settings)
        except BaseException:
            reader.close()
            raise

    @property
    def profile(self) -> Profile:
        """What the index says of itself."""
        return self._reader.state().profile

    def search(self, question: str, **options: Unpack[SearchOptions]) -> SearchResult:
        """Rank passages for a question; the options are those of ``SearchOptions``."""
        request = self._questions.make_request(self.profile, question, options)
        (result,) = search(self._reader, self._analyze, [request])
        return result

    def ask(self, question: str, **options: Unpack[AskOptions]) -> AskResult:
        """Answer a question from the passages that a search finds, which are read here unless ``here`` is False."""
        return ask(self.search, self._settings, question, {**options, "here": options.get("here") is not False})

    def search_many(
        self,
        questions: Sequence[str],
        vectors: Vectors | None = None,
        **options: Unpack[SearchOptions],
    ) -> list[SearchResult]:
        """Rank passages for each of many questions; vectors are compared for many at a time."""
        requests = self._questions.make_requests(self.profile, questions, vectors, options)
        return search(self._reader, self._analyze, requests)

    def explain_query(self, question: str, **options: Unpack[SearchOptions]) -> str:
        """Refuse: nothing is sent anywhere."""
        self._questions.make_request(self.profile, question, options)
        raise UsageError(f"{self._reader.folder} is a folder: no request is sent that could be shown.")

    def add(self, passages: Iterable[Passage], *, pair_id: str | None = None, refresh: bool = False) -> BulkReport:  # noqa: ARG002
        """Write passages, replacing those of the same id; they are searchable when this returns."""
        check_encoder(pair_id, self.profile)
        with self._pen.take() as writer:
            return writer.add(passages)

    def delete(self, ids: Iterable[str], *, refresh: bool = False) -> BulkReport:  # noqa: ARG002
        """Remove passages by id."""
        with self._pen.take() as writer:
            return writer.delete(list(ids))

    def delete_documents(self, document_ids: Sequence[str], *, refresh: bool = False) -> BulkReport:  # noqa: ARG002
        """Remove documents with all of their passages."""
        with self._pen.take() as writer:
            return writer.delete([id_ for (id_,) in self._reader.select("id", "document_id", document_ids)])

    def fetch(self, ids: Sequence[str]) -> dict[str, Passage]:
        """Give those passages that are stored, without their vectors, by id."""
        return {passage.id: passage for passage in self._reader.fetch_passages(ids)}

    def scan(self) -> Iterator[list[Passage]]:
        """Give all passages with their vectors, page by page in the order of ids, as they were at the first page."""
        return self._reader.pages()

    def ids(self) -> Iterator[list[str]]:
        """Give the ids of all passages, page by page in order, as they were at the first page."""
        return self._reader.pages_of_ids()

    def status(self) -> Status:
        """Count passages with and without a current vector."""
        return read_status(self._reader)

    def meta_types(self) -> dict[str, str]:
        """Give the types of metadata fields, such as ``{"year": "long"}``, so that a copy has the same."""
        return {name: kind for name, kind in self._reader.state().kinds.items() if kind in KINDS}

    def intake(self) -> LocalIntake:
        """Give the writing side that ingestion jobs use."""
        return LocalIntake(self._reader, self._pen)

    def settle(self) -> Share:
        """Drop what is dead, and put everything into as few files as there can be."""
        with self._pen.take() as writer:
            writer.settle()
        return read_share(self._reader)

    def under(self, k1: float, b: float) -> Self:
        """Open the index once more to read it, ranked with other constants of BM25; to be closed like any other."""
        other = self._reader.again(lambda profile: dataclasses.replace(profile, k1=k1, b=b))
        return type(self)(other, self._settings)

    def hold(self) -> Self:
        """Open the index once more to read it as it is now; one that is held already gives the same moment again."""
        return type(self)(self._reader.again().stay(), self._settings)

    def moment(self) -> str:
        """Name what is there now, by another name after every change."""
        return self._reader.name_moment()

    def close(self) -> None:
        """Close the files, and let other writers in."""
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncLocalIndex:
    """The same for asyncio: the work is done in threads."""

    def __init__(self, index: LocalIndex):
        self._index = index

    @classmethod
    async def open(cls, address: LocalAddress, settings: Settings | None = None) -> Self:
        """Open the folder, and refuse one that is no index, or not whole."""
        return cls(await asyncio.to_thread(LocalIndex.open, address, settings))

    @property
    def profile(self) -> Profile:
        """What the index says of itself."""
        return self._index.profile

    async def search(self, question: str, **options: Unpack[SearchOptions]) -> SearchResult:
        """Rank passages for a question; the options are those of ``SearchOptions``."""
        return await asyncio.to_thread(self._index.search, question, **options)

    async def ask(self, question: str, **options: Unpack[AskOptions]) -> AskResult:
        """Answer a question from the passages that a search finds; the options are those of ``AskOptions``."""
        return await asyncio.to_thread(self._index.ask, question, **options)

    async def add(
        self, passages: Iterable[Passage], *, pair_id: str | None = None, refresh: bool = False
    ) -> BulkReport:
        """Write passages, replacing those of the same id; they are searchable when this returns."""
        return await asyncio.to_thread(self._index.add, passages, pair_id=pair_id, refresh=refresh)

    async def delete(self, ids: Iterable[str], *, refresh: bool = False) -> BulkReport:
        """Remove passages by id."""
        return await asyncio.to_thread(self._index.delete, ids, refresh=refresh)

    async def delete_documents(self, document_ids: Sequence[str], *, refresh: bool = False) -> BulkReport:
        """Remove documents with all of their passages."""
        return await asyncio.to_thread(self._index.delete_documents, document_ids, refresh=refresh)

    async def status(self) -> Status:
        """Count passages with and without a current vector."""
        return await asyncio.to_thread(self._index.status)

    async def settle(self) -> Share:
        """Drop what is dead, and put everything into as few files as there can be."""
        return await asyncio.to_thread(self._index.settle)

    async def close(self) -> None:
        """Close the files, and let other writers in."""
        await asyncio.to_thread(self._index.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
