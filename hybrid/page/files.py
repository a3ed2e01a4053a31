"""The page's files as routes; their headers let it load nothing from elsewhere and run nothing but its own code."""

import hashlib
from collections.abc import Awaitable, Callable
from importlib import resources
from pathlib import PurePath

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PAGE = "index.html"
_MEDIA = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
#: Texts of passages are strangers' texts: if one ever became markup, nothing in it would run or load.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    # A browser asks each time whether a file has changed, so the parts of the page are always of one version.
    "cache-control": "no-cache",
}


def build_routes() -> list[Route]:
    """Give the routes of all files: the page itself at ``/``, its parts under ``/page``."""
    files = {path.name: path.read_bytes() for path in resources.files(__package__).iterdir() if _media_of(path.name)}
    parts = [Route(f"/page/{name}", _serve(name, content)) for name, content in files.items() if name != PAGE]
    return [Route("/", _serve(PAGE, files[PAGE])), *parts]


def _serve(name: str, content: bytes) -> Callable[[Request], Awaitable[Response]]:
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = {**_HEADERS, "etag": tag}

    async def endpoint(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers, media_type=_media_of(name))

    return endpoint


def _media_of(name: str) -> str | None:
    return _MEDIA.get(PurePath(name).suffix)
