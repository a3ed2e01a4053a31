"""A server for indexes in folders: the page, and the part of ``/v1`` that it asks. No cluster, no credentials.

Folders hold what people keep on their own machine. So it answers only requests for a name that it was told it has:
another site's page may give that machine's address a name of its own, and must not read anything by it.
"""

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ..engines.contract import Index
from ..engines.opensearch.calls import encode
from ..errors import EncoderMismatchError, GatewayError, HybridError, ModelError, UsageError, VectorError
from ..gateway.answering import Note
from ..gateway.app import NOTES
from ..gateway.intake import read_object
from ..gateway.measures import MEDIA, Measures
from ..gateway.policy import Limits
from ..gateway.reading import Reading
from ..gateway.reasons import Reason
from ..gateway.receiving import receive, while_connected
from ..gateway.refusing import GONE, JSON, refuse, refuse_address
from ..gateway.rewrite import Body
from ..gateway.v1_body import read_asking, read_index, read_question, write_profile
from ..passages import SearchResult, to_json
from ..reader.answers import AskResult, ReadOptions, ReadRequest
from ..reader.answers import to_json as answers_to_json
from ..requests import SearchOptions
from ..settings import Settings
from .about import describe_index
from .files import build_routes

log = logging.getLogger(__name__)

#: Names under which a machine reaches itself.
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})

Answer = Callable[[Request], Awaitable[Response]]


class Folders:
    """Answers requests to indexes in folders."""

    def __init__(self, indexes: Mapping[str, Index], settings: Settings):
        self._indexes = indexes
        self._reading = Reading(settings, here=True)
        self._limits = Limits()
        # A ranking uses every core by itself; more at a time would only wait for each other.
        self._turns = asyncio.Semaphore(os.cpu_count() or 1)
        #: The encoder that has read a question, by index.
        self._encoders: dict[str, str] = {}
        self.measures = Measures()

    async def describe(self, _request: Request) -> Response:
        """Answer ``/v1/indexes``."""
        return _answer({"indexes": await asyncio.to_thread(self._describe), "answers": self._reading.has_reader})

    async def profile(self, request: Request) -> Response:
        """Answer ``/v1/profile``."""
        body = read_object(await receive(request, self._limits), self._limits)
        index = self._find(body)
        return _answer(write_profile(str(body["index"]), index.profile))

    async def find(self, request: Request) -> Response:
        """Answer ``/v1/search``."""
        body = read_object(await receive(request, self._limits), self._limits)
        question, options = read_question(body)
        found, note = await while_connected(request, self._search(body, question, options))
        return self._noted(to_json(found), note)

    async def ask(self, request: Request) -> Response:
        """Answer ``/v1/ask``."""
        body = read_object(await receive(request, self._limits), self._limits)
        question, options, reading = read_asking(body)
        answered, note = await while_connected(request, self._ask(body, question, options, reading))
        return self._noted(answers_to_json(answered), note)

    async def health(self, _request: Request) -> Response:
        """Answer ``/healthz``: ready is what can be read, and whose encoder reads questions."""
        states = await asyncio.to_thread(lambda: {name: self._judge(name) for name in self._indexes})
        ready = all(state == "ready" for state in states.values())
        return _answer({"status": "ready" if ready else "not ready", "indexes": states}, status=200 if ready else 503)

    async def metrics(self, _request: Request) -> Response:
        """Answer ``/metrics``."""
        return Response(self.measures.write(), media_type=MEDIA)

    def _judge(self, name: str) -> str:
        """Say what is wrong with an index; its encoder is tried once, as it then stays in memory."""
        index = self._indexes[name]
        try:
            index.status()
            profile = index.profile
            if profile.question_tower is not None and self._encoders.get(name) != profile.pair_id:
                index.search("ready", k=1)
                self._encoders[name] = profile.pair_id
        except HybridError as error:
            return str(error)
        return "ready"

    def _noted(self, body: Mapping[str, Any], note: Note) -> Response:
        self.measures.count_search(note)
        return _answer(body, {NOTES: str(note)})

    def _describe(self) -> list[dict[str, Any]]:
        return [describe_index(name, index.profile, index.status().passages) for name, index in self._indexes.items()]

    def _find(self, body: Body) -> Index:
        name = read_index(body)
        index = self._indexes.get(name)
        if index is None:
            raise GatewayError(f"no such index [{name}]", status=404, kind="index_not_found_exception")
        return index

    async def _ask(
        self, body: Body, question: str, options: SearchOptions, reading: ReadOptions
    ) -> tuple[AskResult, Note]:
        started = time.perf_counter()
        found, note = await self._search(body, question, options)
        name, answers = await self._reading.read(ReadRequest.of(question, found.hits, reading))
        return AskResult(question, answers, found, name, (time.perf_counter() - started) * 1000), note

    async def _search(self, body: Body, question: str, options: SearchOptions) -> tuple[SearchResult, Note]:
        """Rank passages; without an encoder by BM25, which the note says."""
        index = self._find(body)
        if options.get("k", 1) > self._limits.hits:
            raise GatewayError(f"k is {options['k']}; {self._limits.hits} is the most.")
        async with self._turns:
            try:
                found = await asyncio.to_thread(index.search, question, **options)
            except (ModelError, VectorError) as error:
                if "vector" in options:
                    raise
                if options.get("mode") == "dense":
                    raise GatewayError(str(error), status=503, kind="encoder_exception") from error
                log.warning("%s", error)
                lexical: SearchOptions = {**options, "mode": "lexical"}
                return await asyncio.to_thread(index.search, question, **lexical), Note("off", Reason.ENCODER)
        return found, Note("off", Reason.MODE) if found.mode == "lexical" else Note("on")


def build_app(indexes: Mapping[str, Index], hosts: Collection[str], settings: Settings) -> ASGIApp:
    """Build the application; ``hosts`` are the names that it answers to, any if there are none."""
    folders = Folders(indexes, settings)
    serve = partial(_serve, folders.measures)
    routes = [
        *build_routes(),
        Route("/healthz", serve("healthz", folders.health), methods=["GET"]),
        Route("/metrics", serve("metrics", folders.metrics), methods=["GET"]),
        Route("/v1/indexes", serve("indexes", folders.describe), methods=["GET"]),
        Route("/v1/profile", serve("profile", folders.profile), methods=["POST"]),
        Route("/v1/search", serve("search", folders.find), methods=["POST"]),
        Route("/v1/ask", serve("ask", folders.ask), methods=["POST"]),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: refuse_address})
    return NamedHosts(app, hosts) if hosts else app


def names_of(host: str) -> Collection[str]:
    """Give the names of a server that listens on ``host``; none where it cannot know how others call it."""
    return _LOOPBACK if host in _LOOPBACK or f"[{host}]" in _LOOPBACK else ()


class NamedHosts:
    """Lets requests through that call the server by one of its names."""

    def __init__(self, app: ASGIApp, hosts: Collection[str]):
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or _name_of(Headers(scope=scope).get("host", "")) in self._hosts:
            await self._app(scope, receive, send)
            return
        error = GatewayError(f"This server answers to {', '.join(sorted(self._hosts))} only.", status=421)
        await refuse(error)(scope, receive, send)


def _name_of(host: str) -> str:
    """Give a host without its port."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdecimal() else host).lower()


def _serve(measures: Measures, route: str, answer: Answer) -> Answer:
    """Give an endpoint that answers, counts, and turns errors into OpenSearch's."""

    async def endpoint(request: Request) -> Response:
        started = time.monotonic()
        try:
            response = await answer(request)
        except GatewayError as error:
            response = refuse(error)
        except ClientDisconnect:
            response = Response(status_code=GONE)
        except (UsageError, EncoderMismatchError) as error:
            response = refuse(GatewayError(str(error)))
        except HybridError as error:
            log.warning("%s", error)
            response = refuse(GatewayError(str(error), status=503, kind="index_exception"))
        except Exception:
            log.exception("cannot answer %s", route)
            response = refuse(
                GatewayError("The server failed; its log says why.", status=500, kind="index_exception")
            )
        measures.count_request(route, response.status_code, time.monotonic() - started)
        return response

    return endpoint


def _answer(body: Mapping[str, Any], headers: Mapping[str, str] | None = None, status: int = 200) -> Response:
    return Response(encode(body), status, headers, JSON)
