"""The one module that talks to a cluster: it carries conversations out, sync or async.

The library's own errors stop here: an error status becomes an ``Answer``, no answer at all an ``UnreachableError``
that is thrown into the conversation, which may try again.
"""

import asyncio
import json
import re
import ssl
import threading
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import opensearchpy
import orjson
from opensearchpy.exceptions import ConnectionError as LibraryConnectionError
from opensearchpy.exceptions import ConnectionTimeout, SerializationError, TransportError
from opensearchpy.serializer import JSONSerializer

from ...errors import SettingsError, UnreachableError
from ...settings import Settings
from .calls import NO_TIME, Answer, Call, Conversation, Pause, decode

#: Only requests that got no answer are repeated here, at once: a dropped keep-alive connection, another node.
#: Whatever the cluster answers is for the conversation to judge.
_REPEATS = {"max_retries": 2, "retry_on_timeout": False, "retry_on_status": ()}
_POOL_SIZE = 32
_ERRNO = re.compile(r"\[Errno -?\d+\] ([^'\"\])]+)")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Json:
    """An answer that is not read yet: its call says how."""

    text: str


class _Unread(JSONSerializer):
    """Leaves answers unread; bodies arrive here already written."""

    def loads(self, s: str) -> _Json:
        return _Json(s)


class Client:
    """A synchronous connection to one cluster."""

    def __init__(self, url: str, settings: Settings, headers: Mapping[str, str] | None = None):
        self.url = url
        self._library = opensearchpy.OpenSearch(**_options(url, settings, headers, asynchronous=False))
        self._hurried = threading.Event()

    def run(self, conversation: Conversation[T]) -> T:
        """Carry a conversation out and give its result."""
        try:
            step = next(conversation)
            while True:
                try:
                    answer = self._perform(step)
                except BaseException as error:  # Ctrl-C, too: a conversation may hold a lock
                    step = conversation.throw(error)
                else:
                    step = conversation.send(answer)
        except StopIteration as stop:
            result: T = stop.value
            return result

    def _perform(self, step: Call | Pause) -> Answer:
        if isinstance(step, Pause):
            return _NOTHING if self._wait(step.seconds) else NO_TIME
        try:
            return _to_answer(step, self._library.transport.perform_request(**_arguments(step)))
        except (TransportError, SerializationError, AttributeError) as error:
            return _refused_or_raise(error, self.url)

    def _wait(self, seconds: float) -> bool:
        """Wait; tells whether there was time to."""
        return not self._hurried.wait(seconds)

    def hurry(self) -> None:
        """Wait for nothing any more, in any thread: whatever the cluster does not take now is given up."""
        self._hurried.set()

    def close(self) -> None:
        """Close every connection."""
        self._library.close()


async def carry_out(conversation: Conversation[T], perform: Callable[[Call | Pause], Awaitable[Answer]]) -> T:
    """Carry a conversation out, each step by ``perform``, and give its result."""
    try:
        step = next(conversation)
        while True:
            try:
                answer = await perform(step)
            except BaseException as error:  # Ctrl-C, too: a conversation may hold a lock
                step = conversation.throw(error)
            else:
                step = conversation.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result


class AsyncClient:
    """The same for asyncio."""

    def __init__(self, url: str, settings: Settings, headers: Mapping[str, str] | None = None):
        self.url = url
        self._library = opensearchpy.AsyncOpenSearch(
            connection_class=opensearchpy.AsyncHttpConnection, **_options(url, settings, headers, asynchronous=True)
        )

    async def run(self, conversation: Conversation[T]) -> T:
        """Carry a conversation out and give its result."""
        return await carry_out(conversation, self._perform)

    async def _perform(self, step: Call | Pause) -> Answer:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return _NOTHING
        try:
            return _to_answer(step, await self._library.transport.perform_request(**_arguments(step)))
        except (TransportError, SerializationError, AttributeError) as error:
            return _refused_or_raise(error, self.url)

    async def close(self) -> None:
        """Close every connection."""
        await self._library.close()


_NOTHING = Answer(200, None)
_MEDIA = {False: "application/json", True: "application/x-ndjson"}


def _arguments(call: Call) -> dict[str, Any]:
    return {
        "method": call.method,
        "url": call.path,
        "params": dict(call.params),
        "body": call.body,
        "timeout": call.timeout,
        "headers": {"content-type": _MEDIA[call.ndjson]},
    }


def _to_answer(call: Call, body: Any) -> Answer:
    if isinstance(body, _Json):
        try:
            return Answer(200, decode(body.text, digits=call.digits))
        except json.JSONDecodeError as error:
            raise SerializationError(body.text, error) from error
    # The library answers HEAD with a bool: whether the thing is there.
    return Answer(404, None) if body is False else Answer(200, body)


def _refused_or_raise(error: Exception, url: str) -> Answer:
    """Give an error status as an answer; an ``AttributeError`` is the library stumbling over a stranger's JSON."""
    if isinstance(error, TransportError) and isinstance(error.status_code, int):
        return Answer(error.status_code, error.info if isinstance(error.info, Mapping) else _decode(error.error))
    raise UnreachableError(f"Cannot reach OpenSearch at {url}: {_reason(error)}") from error


def _decode(text: object) -> Any:
    """Read the JSON that the asynchronous half of the library leaves as text."""
    try:
        return orjson.loads(str(text))
    except orjson.JSONDecodeError:
        return str(text)


def _reason(error: Exception) -> str:
    if isinstance(error, ConnectionTimeout):
        return "no answer in time; raise HYBRID_OPENSEARCH_TIMEOUT if the cluster is only slow."
    if "CERTIFICATE_VERIFY_FAILED" in str(error) or "certificate verify failed" in str(error):
        return "its certificate is not trusted; name its authority in HYBRID_OPENSEARCH_CA_FILE."
    if isinstance(error, opensearchpy.SSLError) or "SSL" in str(error):
        return "no TLS can be agreed on; does the address want http:// instead of https://?"
    if isinstance(error, LibraryConnectionError):
        return f"{_shorten(error)}; is it running, and is the address right?"
    return f"what answers there does not speak OpenSearch's JSON ({type(error).__name__})."


def _shorten(error: TransportError) -> str:
    """Give the operating system's word for what failed, where there is one."""
    text = str(error.error)
    found = _ERRNO.search(text)
    return found[1] if found else text


def _options(
    url: str, settings: Settings, headers: Mapping[str, str] | None, *, asynchronous: bool
) -> dict[str, Any]:
    """Build the library's arguments from an address and what the environment says."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    host = {
        "host": parts.hostname,
        "port": parts.port or (443 if secure else 80),
        "use_ssl": secure,
        "url_prefix": parts.path.strip("/"),
    }
    return {
        "hosts": [host],
        "http_auth": build_signer(settings, asynchronous=asynchronous),
        "headers": _check_headers(
            {**build_credentials(settings), **{name.lower(): value for name, value in (headers or {}).items()}}
        ),
        "ssl_context": build_ssl_context(settings) if secure else None,
        "timeout": settings.opensearch_timeout,
        "serializer": _Unread(),
        "pool_maxsize": _POOL_SIZE,
        **_REPEATS,
    }


def build_credentials(settings: Settings) -> dict[str, str]:
    """Give the header that proves who we are; written here because passwords may hold any letters."""
    if settings.opensearch_token:
        return {"authorization": f"Bearer {settings.opensearch_token}"}
    if settings.opensearch_username is None:
        return {}
    pair = f"{settings.opensearch_username}:{settings.opensearch_password or ''}"
    return {"authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def _check_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Refuse a value that cannot stand in a header, without showing it: it may be a secret."""
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise SettingsError(f"The header {name} cannot be sent: its value holds a line end or a strange letter.")
    return dict(headers)


def build_ssl_context(settings: Settings) -> ssl.SSLContext:
    """Build what says whom to trust."""
    try:
        context = ssl.create_default_context(cafile=settings.opensearch_ca_file)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"HYBRID_OPENSEARCH_CA_FILE names {settings.opensearch_ca_file}, which is no PEM file: {error}"
        ) from error
    if settings.opensearch_insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def build_signer(settings: Settings, *, asynchronous: bool) -> Any:
    """Build what signs requests for AWS, if a region is set."""
    if not settings.opensearch_aws_region:
        return None
    try:
        import botocore.session
    except ImportError as error:
        raise SettingsError(
            "HYBRID_OPENSEARCH_AWS_REGION is set; signing needs the extra hybrid-passage-search[aws]."
        ) from error
    credentials = botocore.session.Session().get_credentials()
    if credentials is None:
        raise SettingsError("HYBRID_OPENSEARCH_AWS_REGION is set, but AWS credentials are nowhere to be found.")
    signer = opensearchpy.AWSV4SignerAsyncAuth if asynchronous else opensearchpy.Urllib3AWSV4SignerAuth
    return signer(credentials, settings.opensearch_aws_region, settings.opensearch_aws_service)
