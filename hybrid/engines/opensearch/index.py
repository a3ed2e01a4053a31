"""``OpenSearchIndex`` and ``AsyncOpenSearchIndex``: an index on a cluster as an object, sync and async.

Both are thin: each method is one conversation, carried out by one client or the other.
"""

import asyncio
import dataclasses
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import NoReturn, Self, Unpack

from ...address import ClusterAddress
from ...errors import UsageError
from ...passages import Passage, SearchResult, from_document
from ...profile import Profile
from ...questions import QuestionEncoder
from ...reader.answers import AskResult
from ...reader.asking import AskOptions, ask, ask_async
from ...records import BulkReport, Share, Status
from ...requests import SearchOptions, Vectors
from ...settings import Settings
from . import lifecycle, reads, settle, writes
from .client import AsyncClient, Client
from .curl import to_curl
from .intake import Intake
from .layout import to_passage
from .moment import HELD_ALIVE, at_moment, read_moment
from .queries import Target
from .search import build_call, first_size, search
from .status import read_status
from .vector_field import Clause

#: Questions of ``search_many`` that are under way to the cluster together.
_AT_ONCE = 4


class OpenSearchIndex:
    """An index on a cluster; safe to share between threads."""

    def __init__(self, client: Client, target: Target, settings: Settings | None = None):
        self._client = client
        self._settings = settings
        self._target = target
        # One copy of each shard answers all of this object's questions, so equal questions get equal answers.
        self._preference = secrets.token_hex(8)
        self._questions = QuestionEncoder()
        self._let_go: Callable[[], None] = client.close

    @classmethod
    def open(cls, address: ClusterAddress, settings: Settings, headers: Mapping[str, str] | None = None) -> Self:
        """Connect, read the profile, and refuse an index that cannot be ranked rightly."""
        client = Client(address.url, settings, headers)
        try:
            return cls(client, client.run(lifecycle.open_target(address.index)), settings)
        except BaseException:
            client.close()
            raise

    @property
    def profile(self) -> Profile:
        """What the index says of itself."""
        return self._target.profile

    def search(self, question: str, **options: Unpack[SearchOptions]) -> SearchResult:
        """Rank passages for a question; the options are those of ``SearchOptions``."""
        request = self._questions.make_request(self.profile, question, options)
        return self._client.run(search(self._target, request, self._preference))

    def ask(self, question: str, **options: Unpack[AskOptions]) -> AskResult:
        """Answer a question from the passages that a search finds; the options are those of ``AskOptions``."""
        return ask(self.search, self._settings, question, options)

    def search_many(
        self,
        questions: Sequence[str],
        vectors: Vectors | None = None,
        **options: Unpack[SearchOptions],
    ) -> list[SearchResult]:
        """Rank passages for each of many questions; a few are under way at a time."""
        requests = self._questions.make_requests(self.profile, questions, vectors, options)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(lambda one: self._client.run(search(self._target, one, self._preference)), requests))

    def explain_query(self, question: str, **options: Unpack[SearchOptions]) -> str:
        """Write the request of ``search`` as a shell command, without sending it."""
        request = self._questions.make_request(self.profile, question, options)
        call = build_call(request, self._target, self._preference, first_size(request, self._target))
        return to_curl(call, self._client.url)

    def add(self, passages: Iterable[Passage], *, pair_id: str | None = None, refresh: bool = False) -> BulkReport:
        """Write passages, replacing those of the same id; ``refresh`` makes them searchable before this returns."""
        self._target, report = self._client.run(writes.add_passages(self._target, passages, pair_id))
        if refresh:
            self._client.run(writes.refresh(self._target))
        return report

    def delete(self, ids: Iterable[str], *, refresh: bool = False) -> BulkReport:
        """Remove passages by id."""
        report = self._client.run(writes.delete_passages(self._target, ids))
        if refresh:
            self._client.run(writes.refresh(self._target))
        return report

    def delete_documents(self, document_ids: Sequence[str], *, refresh: bool = False) -> BulkReport:
        """Remove documents with all of their passages."""
        report = self._client.run(writes.delete_documents(self._target, document_ids))
        if refresh:
            self._client.run(writes.refresh(self._target))
        return report

    def fetch(self, ids: Sequence[str]) -> dict[str, Passage]:
        """Give those passages that are stored, without their vectors, by id."""
        stored = self._client.run(reads.read_stored(self._target, ids, reads.PASSAGE_FIELDS))
        return {one.id: from_document(one.source, self.profile.vector_field) for one in stored}

    def scan(self) -> Iterator[list[Passage]]:
        """Give all passages with their vectors, page by page in the order of ids, as they were at the first page."""
        for page in self._pages(True, reads.PAGE):
            yield [to_passage(stored.source, self.profile) for stored in page]

    def ids(self) -> Iterator[list[str]]:
        """Give the ids of all passages, page by page in order, as they were at the first page."""
        for page in self._pages(False, reads.PAGE_OF_IDS):
            yield [stored.id for stored in page]

    def _pages(self, fields: bool, size: int) -> Iterator[Sequence[reads.Stored]]:
        """Give all that is stored, with all of its fields or none."""
        held = self._target.snapshot
        snapshot = held or self._client.run(reads.open_snapshot(self._target))
        after = None
        try:
            while True:
                page = self._client.run(
                    at_moment(
                        self._target,
                        reads.read_page(snapshot, reads.everything(), fields, after, size, self.profile),
                    )
                )
                yield page.passages
                after = page.after
                if after is None:
                    return
        finally:
            if not held:
                self._client.run(reads.close_snapshot(snapshot))

    def status(self) -> Status:
        """Count passages with and without a current vector."""
        return self._client.run(read_status(self._target))

    def meta_types(self) -> dict[str, str]:
        """Give the types of metadata fields, such as ``{"year": "long"}``, so that a copy has the same."""
        return self._client.run(lifecycle.read_meta_types(self._target))

    def intake(self) -> Intake:
        """Give the writing side that ingestion jobs use; it shares this object's connection."""
        return Intake(self._client, self._target)

    def settle(self) -> Share:
        """Merge deleted passages away, so that BM25 counts living ones only."""
        return self._client.run(settle.settle(self._target.name))

    def under(self, k1: float, b: float) -> NoReturn:  # noqa: ARG002 - a cluster has no choice
        """Refuse: a cluster's constants of BM25 are fixed when the index is made."""
        raise UsageError(
            f"k1 and b of {self._target.name} are fixed since it was made; tune them on a copy in a folder "
            "(hybrid copy), and make the index anew with what is found."
        )

    def scored_by(self, text: Callable[[str], Clause]) -> Self:
        """Give the same index with other clauses in BM25's place; this one is still the one to be closed."""
        return type(self)(self._client, dataclasses.replace(self._target, text=text), self._settings)

    def hold(self) -> Self:
        """Open the index once more to read it as it is now; one that is held already gives the same moment again."""
        if self._target.snapshot is not None:
            again = type(self)(self._client, self._target, self._settings)
            again._let_go = lambda: None
            return again
        snapshot = self._client.run(reads.open_snapshot(self._target, HELD_ALIVE))
        held = type(self)(self._client, dataclasses.replace(self._target, snapshot=snapshot), self._settings)
        held._let_go = lambda: self._client.run(reads.close_snapshot(snapshot))
        return held

    def moment(self) -> str:
        """Name what is searched now, by another name after every change."""
        snapshot = self._target.snapshot
        if snapshot is None:
            with self.hold() as held:
                return held.moment()
        return self._client.run(at_moment(self._target, read_moment(self._target, snapshot)))

    def close(self) -> None:
        """Close the connection, or let the point in time go that is held."""
        self._let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncOpenSearchIndex:
    """The same for asyncio."""

    def __init__(self, client: AsyncClient, target: Target, settings: Settings | None = None):
        self._client = client
        self._settings = settings
        self._target = target
        self._preference = secrets.token_hex(8)
        self._questions = QuestionEncoder()

    @classmethod
    async def open(
        cls, address: ClusterAddress, settings: Settings, headers: Mapping[str, str] | None = None
    ) -> Self:
        """Connect, read the profile, and refuse an index that cannot be ranked rightly."""
        client = AsyncClient(address.url, settings, headers)
        try:
            return cls(client, await client.run(lifecycle.open_target(address.index)), settings)
        except BaseException:
            await client.close()
            raise

    @property
    def profile(self) -> Profile:
        """What the index says of itself."""
        return self._target.profile

    async def search(self, question: str, **options: Unpack[SearchOptions]) -> SearchResult:
        """Rank passages for a question; the options are those of ``SearchOptions``."""
        request = await asyncio.to_thread(self._questions.make_request, self.profile, question, options)
        return await self._client.run(search(self._target, request, self._preference))

    async def ask(self, question: str, **options: Unpack[AskOptions]) -> AskResult:
        """Answer a question from the passages that a search finds; the options are those of ``AskOptions``."""
        return await ask_async(self.search, self._settings, question, options)

    async def add(
        self, passages: Iterable[Passage], *, pair_id: str | None = None, refresh: bool = False
    ) -> BulkReport:
        """Write passages, replacing those of the same id; ``refresh`` makes them searchable before this returns."""
        self._target, report = await self._client.run(writes.add_passages(self._target, passages, pair_id))
        if refresh:
            await self._client.run(writes.refresh(self._target))
        return report

    async def delete(self, ids: Iterable[str], *, refresh: bool = False) -> BulkReport:
        """Remove passages by id."""
        report = await self._client.run(writes.delete_passages(self._target, ids))
        if refresh:
            await self._client.run(writes.refresh(self._target))
        return report

    async def delete_documents(self, document_ids: Sequence[str], *, refresh: bool = False) -> BulkReport:
        """Remove documents with all of their passages."""
        report = await self._client.run(writes.delete_documents(self._target, document_ids))
        if refresh:
            await self._client.run(writes.refresh(self._target))
        return report

    async def status(self) -> Status:
        """Count passages with and without a current vector."""
        return await self._client.run(read_status(self._target))

    async def settle(self) -> Share:
        """Merge deleted passages away, so that BM25 counts living ones only."""
        return await self._client.run(settle.settle(self._target.name))

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
