"""The ASGI application: which addresses there are, and what they answer. Nothing else of OpenSearch is reachable."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypedDict

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ..engines.opensearch.calls import encode
from ..errors import ClusterError, GatewayError, IndexStateError, UsageError
from ..page.files import build_routes
from ..settings import Settings
from .answering import Answering, Note
from .catalog import Catalog
from .encoding import Load
from .intake import Asked, Intake
from .measures import MEDIA, Measures
from .policy import Policy
from .reading import Reading
from .receiving import receive, while_connected
from .refusing import GONE, JSON, refuse, refuse_address, translate
from .served import Served
from .shadowing import Shadowing
from .upstream import PASSED_ON, Caller, Upstream
from .v1 import V1

log = logging.getLogger(__name__)

NOTES = "x-hybrid"
#: What goes back of OpenSearch's own headers.
_PASSED_BACK = ("content-type", "retry-after", "warning", "www-authenticate", "x-opaque-id")
#: Seconds for which a browser need not ask again whether it may ask.
_PREFLIGHT_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that a gateway is told."""

    upstream: str
    #: By the name that is shown.
    served: Mapping[str, Served]
    policy: Policy = field(default_factory=Policy)
    #: Seconds that an answer may wait for a question's vector.
    patience: float = 1.0
    #: Pages that may ask from a browser; none by default.
    origins: tuple[str, ...] = ()
    #: Whether callers without credentials are served with the gateway's own.
    lend_credentials: bool = False


class _State(TypedDict):
    gateway: "Gateway"


class Gateway:
    """A running gateway: its parts, and what it answers at each address."""

    def __init__(self, config: Config, settings: Settings, load: Load):
        limits, patience = config.policy.limits, config.patience
        self.limits = limits
        self.upstream = Upstream(config.upstream, settings, lend_credentials=config.lend_credentials)
        self.catalog = Catalog(config.served, self.upstream, load)
        self.intake = Intake(config.served, config.policy)
        self.answering = Answering(self.catalog, self.upstream, patience)
        self.shadowing = Shadowing(self.answering)
        reading = Reading(settings)
        self.v1 = V1(config.served, config.policy, self.catalog, self.upstream, reading, patience)
        self.measures = Measures()

    async def search(self, request: Request) -> Response:
        """Answer ``/{index}/_search``."""
        body = await receive(request, self.limits)
        index, parameters = request.path_params["index"], _read_parameters(request)
        return await self._answer(request, self.intake.read_search(index, body, request.headers, parameters))

    async def searches(self, request: Request) -> Response:
        """Answer ``/_msearch`` and ``/{index}/_msearch``."""
        body = await receive(request, self.limits)
        index, parameters = request.path_params.get("index"), _read_parameters(request)
        return await self._answer(request, self.intake.read_searches(index, body, request.headers, parameters))

    async def profile(self, request: Request) -> Response:
        """Answer ``/v1/profile``."""
        body = await receive(request, self.limits)
        return Response(encode(await self.v1.profile(body)), media_type=JSON)

    async def indexes(self, _request: Request) -> Response:
        """Answer ``/v1/indexes``."""
        return Response(encode(self.v1.indexes()), media_type=JSON)

    async def encode(self, request: Request) -> Response:
        """Answer ``/v1/encode``."""
        body = await receive(request, self.limits)
        return Response(encode(await while_connected(request, self.v1.encode(body))), media_type=JSON)

    async def find(self, request: Request) -> Response:
        """Answer ``/v1/search``."""
        body = await receive(request, self.limits)
        found, note = await while_connected(request, self.v1.search(body, _read_caller(request)))
        return self._noted(Response(encode(found), media_type=JSON), [note])

    async def ask(self, request: Request) -> Response:
        """Answer ``/v1/ask``."""
        body = await receive(request, self.limits)
        answered, note = await while_connected(request, self.v1.ask(body, _read_caller(request)))
        return self._noted(Response(encode(answered), media_type=JSON), [note])

    async def health(self, _request: Request) -> Response:
        """Answer ``/healthz``."""
        state = self.catalog.describe()
        return Response(encode(state), 200 if state["status"] == "ready" else 503, media_type=JSON)

    async def metrics(self, _request: Request) -> Response:
        """Answer ``/metrics``."""
        return Response(self.measures.write(), media_type=MEDIA)

    async def _answer(self, request: Request, asked: Asked) -> Response:
        caller = _read_caller(request)
        answered = await while_connected(request, self.answering.answer(asked, caller))
        self.shadowing.follow(asked, answered, caller)
        passed = {name: value for name, value in answered.reply.headers.items() if name.lower() in _PASSED_BACK}
        return self._noted(Response(answered.reply.body, answered.reply.status, passed), answered.notes)

    def _noted(self, response: Response, notes: Sequence[Note]) -> Response:
        for note in notes:
            self.measures.count_search(note)
        if notes:
            response.headers[NOTES] = ", ".join(map(str, notes))
        return response


def build_app(config: Config, settings: Settings, load: Load) -> Starlette:
    """Build the application; it reads its indexes and loads their encoders once it runs."""

    @asynccontextmanager
    async def live(_app: Starlette) -> AsyncIterator[_State]:
        gateway = Gateway(config, settings, load)
        reading = asyncio.create_task(gateway.catalog.keep_fresh())
        async with gateway.upstream:
            yield {"gateway": gateway}
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading
            await gateway.shadowing.settle()
        gateway.catalog.close()

    routes = [
        Route("/healthz", _serve("healthz", Gateway.health), methods=["GET"]),
        Route("/metrics", _serve("metrics", Gateway.metrics), methods=["GET"]),
        Route("/v1/profile", _serve("profile", Gateway.profile), methods=["POST"]),
        *build_routes(),
        Route("/v1/indexes", _serve("indexes", Gateway.indexes), methods=["GET"]),
        Route("/v1/encode", _serve("encode", Gateway.encode), methods=["POST"]),
        Route("/v1/search", _serve("search", Gateway.find), methods=["POST"]),
        Route("/v1/ask", _serve("ask", Gateway.ask), methods=["POST"]),
        Route("/_msearch", _serve("_msearch", Gateway.searches), methods=["GET", "POST"]),
        Route("/{index}/_msearch", _serve("_msearch", Gateway.searches), methods=["GET", "POST"]),
        Route("/{index}/_search", _serve("_search", Gateway.search), methods=["GET", "POST"]),
    ]
    cors = Middleware(
        CORSMiddleware,
        allow_origins=config.origins,
        allow_methods=["GET", "POST"],
        # Pages send headers of their own; what may not pass is not passed on.
        allow_headers=["*"],
        allow_credentials="*" not in config.origins,
        expose_headers=[NOTES],
        max_age=_PREFLIGHT_SECONDS,
    )
    return Starlette(
        routes=routes,
        middleware=[cors] if config.origins else [],
        exception_handlers={HTTPException: refuse_address},
        lifespan=live,
    )


def _serve(
    route: str, answer: Callable[[Gateway, Request], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    """Give an endpoint that answers, counts, and turns our errors into OpenSearch's."""

    async def endpoint(request: Request) -> Response:
        gateway: Gateway = request.state.gateway
        started = time.monotonic()
        try:
            response = await answer(gateway, request)
        except GatewayError as error:
            response = refuse(error)
        except ClientDisconnect:
            response = Response(status_code=GONE)
        except (ClusterError, IndexStateError, UsageError) as error:
            response = refuse(translate(error))
        except Exception:
            log.exception("cannot answer %s", route)
            response = refuse(
                GatewayError("The gateway failed; its log says why.", status=500, kind="gateway_exception")
            )
        gateway.measures.count_request(route, response.status_code, time.monotonic() - started)
        return response

    return endpoint


def _read_caller(request: Request) -> Caller:
    return Caller({name: request.headers[name] for name in PASSED_ON if name in request.headers})


def _read_parameters(request: Request) -> dict[str, str]:
    return dict(request.query_params)
