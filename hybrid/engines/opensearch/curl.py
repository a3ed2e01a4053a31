"""A ``Call`` as a shell command, for people who want to see it or send it by hand."""

import shlex
from urllib.parse import urlencode

from .calls import Call

_END = "END_OF_BODY"


def to_curl(call: Call, url: str) -> str:
    """Write the command; credentials are left to whoever runs it."""
    query = f"?{urlencode(call.params)}" if call.params else ""
    media = "application/x-ndjson" if call.ndjson else "application/json"
    address = shlex.quote(f"{url}{call.path}{query}")
    body = (call.body or b"").decode().rstrip("\n")
    return (
        f"curl -sS -X {call.method} {address} -H 'Content-Type: {media}' --data-binary @- <<'{_END}'\n{body}\n{_END}"
    )
