"""Refusals as OpenSearch writes them, whatever went wrong."""

from starlette.requests import Request
from starlette.responses import Response

from ..engines.opensearch.calls import encode
from ..errors import GatewayError, RefusedError, UsageError
from .answering import error_body

JSON = "application/json; charset=UTF-8"
#: The client has gone: nobody reads this, but it is counted.
GONE = 499


def translate(error: Exception) -> GatewayError:
    """Give what a page is told of an error that a conversation ended with."""
    if isinstance(error, RefusedError):
        return GatewayError(error.reason, status=error.status, kind=error.kind)
    return GatewayError(str(error), status=400 if isinstance(error, UsageError) else 502, kind="upstream_exception")


def refuse(error: GatewayError) -> Response:
    """Write a refusal."""
    # Part of the request may not have been read; the connection cannot be used again.
    headers = {"connection": "close"} if error.status in (408, 413) else {}
    return Response(encode(error_body(error)), error.status, headers, JSON)


async def refuse_address(request: Request, error: Exception) -> Response:
    """Write the refusal of an address, or of a method, that there is not."""
    status = getattr(error, "status_code", 404)
    said = f"no handler found for uri [{request.url.path}] and method [{request.method}]"
    return refuse(GatewayError(said, status=status))
