"""``RemoteIndex`` and ``AsyncRemoteIndex``: an index behind a gateway, which encodes the questions, too.

Whoever asks needs no model and no torch. A gateway only answers questions; passages are written to the index itself.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, NoReturn, Self, Unpack

from ..address import GatewayAddress
from ..errors import AccessError, BusyError, ClusterError, HybridError, IndexMissingError, UsageError
from ..passages import Hit, SearchResult
from ..profile import Profile, from_meta
from ..reader.answers import Answer as Found
from ..reader.answers import AskResult
from ..reader.asking import AskOptions, ask, ask_async
from ..requests import SearchOptions, Vectors, check_words
from ..settings import Settings
from .opensearch.calls import Answer, Call, Conversation, encode, read_error
from .opensearch.client import AsyncClient, Client
from .opensearch.curl import to_curl

#: Questions of ``search_many`` that are under way to the gateway together; it encodes what waits in one go.
_AT_ONCE = 8


class _ReadOnly:
    """What both have in common."""

    def __init__(self, address: GatewayAddress, profile: Profile):
        self._address = address
        self._profile = profile

    @property
    def profile(self) -> Profile:
        """What the index says of itself, without its encoder, which is the gateway's business."""
        return self._profile

    def _refused(self) -> UsageError:
        return UsageError(
            f"{self._address} is behind a gateway, which only answers questions; "
            "for anything else give the address of the index itself."
        )


class RemoteIndex(_ReadOnly):
    """An index behind a gateway; safe to share between threads."""

    def __init__(self, client: Client, address: GatewayAddress, profile: Profile, settings: Settings | None = None):
        super().__init__(address, profile)
        self._client = client
        self._settings = settings

    @classmethod
    def open(cls, address: GatewayAddress, settings: Settings, headers: Mapping[str, str] | None = None) -> Self:
        """Connect, and read the profile."""
        client = Client(address.url, settings, headers)
        try:
            return cls(client, address, client.run(_read_profile(address)), settings)
        except BaseException:
            client.close()
            raise

    def search(self, question: str, **options: Unpack[SearchOptions]) -> SearchResult:
        """Rank passages for a question; where the gateway has no vector in time, by BM25, which ``mode`` says."""
        return self._client.run(_search(self._address, question, options))

    def ask(self, question: str, **options: Unpack[AskOptions]) -> AskResult:
        """Answer a question; the gateway reads, too, unless ``reader`` or ``here`` say otherwise."""
        if _reads_here(options):
            return ask(self.search, self._settings, question, options)
        return self._client.run(_ask(self._address, question, options))

    def search_many(
        self,
        questions: Sequence[str],
        vectors: Vectors | None = None,
        **options: Unpack[SearchOptions],
    ) -> list[SearchResult]:
        """Rank passages for each of many questions; a few are under way at a time."""
        if vectors is not None and len(vectors) != len(questions):
            raise UsageError(f"There are {len(questions)} questions and {len(vectors)} vectors; give one for each.")
        each: list[SearchOptions] = [{**options} for _ in questions]
        for own, vector in zip(each, () if vectors is None else vectors, strict=False):
            own["vector"] = vector
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(lambda one: self.search(one[0], **one[1]), zip(questions, each, strict=True)))

    def explain_query(self, question: str, **options: Unpack[SearchOptions]) -> str:
        """Write the request of ``search`` as a shell command, without sending it."""
        return to_curl(_build_search(self._address, question, options), self._address.url)

    def _refuse(self, *_given: Any, **_options: Any) -> NoReturn:
        """Refuse: a gateway only answers questions."""
        raise self._refused()

    add = delete = delete_documents = fetch = scan = ids = status = meta_types = _refuse
    intake = settle = under = hold = moment = _refuse

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncRemoteIndex(_ReadOnly):
    """The same for asyncio."""

    def __init__(
        self, client: AsyncClient, address: GatewayAddress, profile: Profile, settings: Settings | None = None
    ):
        super().__init__(address, profile)
        self._client = client
        self._settings = settings

    @classmethod
    async def open(
        cls, address: GatewayAddress, settings: Settings, headers: Mapping[str, str] | None = None
    ) -> Self:
        """Connect, and read the profile."""
        client = AsyncClient(address.url, settings, headers)
        try:
            return cls(client, address, await client.run(_read_profile(address)), settings)
        except BaseException:
            await client.close()
            raise

    async def search(self, question: str, **options: Unpack[SearchOptions]) -> SearchResult:
        """Rank passages for a question; where the gateway has no vector in time, by BM25, which ``mode`` says."""
        return await self._client.run(_search(self._address, question, options))

    async def ask(self, question: str, **options: Unpack[AskOptions]) -> AskResult:
        """Answer a question; the gateway reads, too, unless ``reader`` or ``here`` say otherwise."""
        if _reads_here(options):
            return await ask_async(self.search, self._settings, question, options)
        return await self._client.run(_ask(self._address, question, options))

    async def _refuse(self, *_given: Any, **_options: Any) -> NoReturn:
        """Refuse: a gateway only answers questions."""
        raise self._refused()

    add = delete = delete_documents = status = settle = _refuse

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _read_profile(address: GatewayAddress) -> Conversation[Profile]:
    answer = yield Call("POST", "/v1/profile", encode({"index": address.index}))
    return from_meta(_check(answer, address, "open the index")["profile"], str(address))


def _search(address: GatewayAddress, question: str, options: SearchOptions) -> Conversation[SearchResult]:
    answer = yield _build_search(address, question, options)
    return _read_result(_check(answer, address, "search"))


def _ask(address: GatewayAddress, question: str, options: AskOptions) -> Conversation[AskResult]:
    check_words(question)
    said: dict[str, Any] = {
        name: value for name, value in options.items() if name not in ("here", "reader", "deadline")
    }
    body = _check((yield _build_question("/v1/ask", address, question, said)), address, "ask")
    facts = {name: value for name, value in body.items() if name not in ("reader", "answers")}
    answers = tuple(Found(**one) for one in body["answers"])
    return AskResult(question, answers, _read_result(facts), body["reader"], body["took_ms"])


def _reads_here(options: AskOptions) -> bool:
    return options.get("reader") is not None or options.get("here") is True


def _build_search(address: GatewayAddress, question: str, options: SearchOptions) -> Call:
    return _build_question("/v1/search", address, question, options)


def _build_question(path: str, address: GatewayAddress, question: str, options: Mapping[str, Any]) -> Call:
    check_words(question, options.get("vector"))
    said: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    if "lam" in said:
        said["lambda"] = said.pop("lam")
    try:
        body = encode({"index": address.index, "question": question, **said})
    except TypeError as error:
        raise UsageError(f"The question cannot be written as JSON: {error}.") from error
    return Call("POST", path, body)


def _check(answer: Answer, address: GatewayAddress, what: str) -> Any:
    """Give the body of an answer that did what was asked, or raise the error that fits."""
    if answer.ok and isinstance(answer.body, Mapping):
        return answer.body
    kind, reason = read_error(answer.body)
    raise _find_error(answer.status, kind)(f"Cannot {what} at {address}: {reason}")


def _find_error(status: int, kind: str) -> type[HybridError]:
    if status == 404 and kind == "index_not_found_exception":
        return IndexMissingError
    if status in (401, 403):
        return AccessError
    if status in (429, 502, 503, 504):
        return BusyError
    return UsageError if status == 400 else ClusterError


def _read_result(body: Mapping[str, Any]) -> SearchResult:
    """Read what ``passages.to_json`` wrote."""
    said = {name: value for name, value in body.items() if name not in ("lambda", "hits")}
    return SearchResult(**said, lam=body["lambda"], hits=tuple(Hit(**hit) for hit in body["hits"]))
