"""``Broker``: the workers' Redis. The one module that imports its library, whose errors end here.

Nothing in Redis is the truth: it may be wiped at any moment, and the feeder fills the queue again from the indexes.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ..errors import BrokerError, SettingsError
from ..messages import ENCODE_QUEUE, ENCODE_TASK, KEY_PREFIX, EncodeMessage
from ..settings import Settings
from .envelope import name_task, pack, unpack

#: Messages in the queue and with workers together, at most: 65,000 passages.
CAP = 256
#: Seconds to wait for an answer.
PATIENCE = 10.0
#: Seconds for which a message that was taken counts as being worked on; afterwards its worker may be dead.
AT_WORK = 150.0

#: Keys of Celery's transport: messages that wait, messages that were taken, and when.
_QUEUE = f"{KEY_PREFIX}{ENCODE_QUEUE}"
_TAKEN = f"{KEY_PREFIX}unacked"
_TAKEN_AT = f"{KEY_PREFIX}unacked_index"
_LOCK = f"{KEY_PREFIX}lock:"
_DEFAULT_PORT = 6379
_CONNECTING = re.compile(r"Error -?\d+ connecting to \S+ (.+)")

#: Sends messages until the queue is full; gives how many.
_PUSH = """
local room = tonumber(ARGV[1]) - redis.call('LLEN', KEYS[1]) - redis.call('HLEN', KEYS[2])
local sent = math.max(0, math.min(room, #ARGV - 1))
for place = 2, sent + 1 do redis.call('LPUSH', KEYS[1], ARGV[place]) end
return sent
"""
#: Takes a lock that is free or one's own already; gives 1 if it is held now.
_HOLD = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lengths:
    """How many messages wait, and how many are with workers."""

    waiting: int
    taken: int


class Broker:
    """A connection to the workers' Redis; threads may share it."""

    def __init__(self, settings: Settings):
        self._where = _name_place(settings.redis_url)
        try:
            self._library: Any = redis.Redis.from_url(
                settings.redis_url,
                socket_timeout=PATIENCE,
                socket_connect_timeout=PATIENCE,
                # One more attempt, at once: for connections that were dropped while nobody used them.
                retry=Retry(NoBackoff(), 1),
                **tls_options(settings),
            )
        except ValueError as error:
            raise SettingsError(
                "HYBRID_REDIS_URL is no address of a Redis; say redis:// or rediss://HOST."
            ) from error
        self._push = self._library.register_script(_PUSH)
        self._hold = self._library.register_script(_HOLD)
        self._release = self._library.register_script(_RELEASE)

    def push(self, messages: Sequence[EncodeMessage], cap: int = CAP) -> int:
        """Send the first of ``messages``, as many as the queue has room for, and give how many."""
        if not messages:
            return 0
        packed = [pack(ENCODE_TASK, ENCODE_QUEUE, message.to_json()) for message in messages]
        return int(self.ask(lambda _: self._push(keys=[_QUEUE, _TAKEN], args=[cap, *packed])))

    def lengths(self, queues: Sequence[str] = (ENCODE_QUEUE,)) -> Lengths:
        """Count the messages that wait in these queues; those with workers are of all queues."""
        names = [KEY_PREFIX + queue for queue in queues]
        *waiting, taken = self.together(lambda pipe: ([pipe.llen(name) for name in names], pipe.hlen(_TAKEN)))
        return Lengths(sum(waiting), taken)

    def read_under_way(self) -> set[EncodeMessage]:
        """Read the messages that wait, and those that are being worked on."""
        since = time.time() - AT_WORK
        waiting, recent = self.together(
            lambda pipe: (pipe.lrange(_QUEUE, 0, -1), pipe.zrangebyscore(_TAKEN_AT, since, "+inf"))
        )
        taken = self.ask(lambda library: library.hmget(_TAKEN, recent)) if recent else []
        found = (one for one in (*waiting, *taken) if one is not None and name_task(one) == ENCODE_TASK)
        return {EncodeMessage.from_json(unpack(one)) for one in found}

    def hold(self, name: str, owner: str, seconds: float) -> bool:
        """Take a lock for so many seconds, or hold on to it; tells whether ``owner`` has it now."""
        milliseconds = int(seconds * 1000)
        return bool(self.ask(lambda _: self._hold(keys=[_LOCK + name], args=[owner, milliseconds])))

    def release(self, name: str, owner: str) -> None:
        """Give a lock back, if it is still one's own."""
        self.ask(lambda _: self._release(keys=[_LOCK + name], args=[owner]))

    def ask(self, command: Callable[[Any], T]) -> T:
        """Carry a command out by the library."""
        try:
            return command(self._library)
        except redis.TimeoutError as error:
            raise BrokerError(f"Redis at {self._where} gives no answer.") from error
        except redis.AuthenticationError as error:
            raise BrokerError(f"Redis at {self._where} wants a password; put it into HYBRID_REDIS_URL.") from error
        except (redis.RedisError, OSError) as error:
            raise BrokerError(f"Cannot use Redis at {self._where}: {_shorten(error)}; is it running?") from error

    def together(self, commands: Callable[[Any], object]) -> list[Any]:
        """Carry several commands out in one step and give their answers."""

        def run(library: Any) -> list[Any]:
            with library.pipeline(transaction=True) as pipe:
                commands(pipe)
                answers: list[Any] = pipe.execute()
                return answers

        return self.ask(run)

    def close(self) -> None:
        """Close every connection."""
        self._library.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def tls_options(settings: Settings) -> dict[str, Any]:
    """Give what a connection over TLS must know: whom to trust."""
    if urlsplit(settings.redis_url).scheme != "rediss":
        return {}
    return {"ssl_cert_reqs": "required", "ssl_ca_certs": settings.redis_ca_file}


def _shorten(error: Exception) -> str:
    """Give the operating system's word for what failed, where there is one, without the address once more."""
    text = str(error)
    found = _CONNECTING.fullmatch(text)
    return (found[1] if found else text).rstrip(".")


def _name_place(url: str) -> str:
    """Name a server without the secrets in its address."""
    try:
        parts = urlsplit(url)
        return f"{parts.hostname}:{parts.port or _DEFAULT_PORT}"
    except ValueError:
        return "an address that cannot be read"
