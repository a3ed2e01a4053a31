"""Questions to reader workers and their answers back, by way of Redis.

A request is a key that expires with its deadline, so what is late is gone before anybody reads it. Its id waits in a
list, and a task in the workers' queue is no more than a bell: whoever is rung takes all that waits, so questions of
many are read together. The answer is a list of its own, on which the asker blocks; no result is polled, and nothing
stays. A request that a worker took and did not answer in time counts as free again when the asker looks after it.
"""

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from ..errors import DeadlineError, HybridError
from ..messages import KEY_PREFIX, READ_QUEUE, READ_TASK
from ..queue.broker import Broker
from ..queue.envelope import pack
from .answers import Answer, ReadRequest

#: Seconds for which a request that was taken counts as being read; afterwards its worker may be dead.
LEASE = 10.0
#: Seconds between two looks of an asker after its request.
LOOK = 1.0
#: Bells in the queue: one makes a worker take all that waits, and more workers than this are rung by and by.
_BELLS = 16
#: Seconds for which an answer is kept for an asker that is gone already.
_KEPT = 30

_QUEUE = f"{KEY_PREFIX}{READ_QUEUE}"
_WAITING = f"{KEY_PREFIX}reading:waiting"
_REQUEST, _TAKEN, _REPLY = (f"{KEY_PREFIX}reading:{part}:" for part in ("request", "taken", "reply"))

#: Puts a request into the list and rings.
_POST = """
redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
redis.call('LPUSH', KEYS[2], ARGV[1])
if redis.call('LLEN', KEYS[1]) < tonumber(ARGV[5]) then redis.call('LPUSH', KEYS[1], ARGV[4]) end
"""
#: Rings once more for a request that nobody reads; tells whether anybody does.
_LOOK = """
if redis.call('EXISTS', KEYS[3]) == 0 or redis.call('EXISTS', KEYS[4]) == 1 then return 1 end
if not redis.call('LPOS', KEYS[2], ARGV[1]) then redis.call('LPUSH', KEYS[2], ARGV[1]) end
if redis.call('LLEN', KEYS[1]) == 0 then redis.call('LPUSH', KEYS[1], ARGV[2]) end
return 0
"""
#: Takes requests that are not late; gives id and body of each, one after the other.
_TAKE = """
local taken = {}
while #taken < 2 * tonumber(ARGV[1]) do
  local id = redis.call('RPOP', KEYS[1])
  if not id then break end
  local body = redis.call('GET', ARGV[3] .. id)
  if body then
    redis.call('SET', ARGV[4] .. id, 1, 'PX', ARGV[2])
    taken[#taken + 1] = id
    taken[#taken + 1] = body
  end
end
return taken
"""


@dataclass(frozen=True, slots=True)
class Letter:
    """A request that a worker has taken."""

    id: str
    request: ReadRequest


@dataclass(frozen=True, slots=True)
class Reply:
    """What a worker answered."""

    reader: str
    answers: tuple[Answer, ...]


def ask_workers(broker: Broker, request: ReadRequest, seconds: float) -> Reply:
    """Send a request and wait for its answer, so many seconds at most."""
    letter_id, until = uuid.uuid4().hex, time.monotonic() + seconds
    _post(broker, letter_id, request, seconds)
    while (left := until - time.monotonic()) > 0:
        found = _wait(broker, letter_id, min(left, LOOK))
        if found is not None:
            return _open_reply(found)
        _look_after(broker, letter_id)
    broker.ask(lambda library: library.delete(_REQUEST + letter_id))
    raise DeadlineError(
        f"No reader worker answered within {seconds:g} s. Is one running (celery -A workers.app worker -Q read)? "
        "Allow more time (--deadline), read fewer passages (-k), or read them here (--here)."
    )


def take(broker: Broker, count: int) -> list[Letter]:
    """Take requests that wait, as many as are to be read together at most."""
    arguments = [count, int(LEASE * 1000), _REQUEST, _TAKEN]
    taken = broker.ask(lambda library: library.eval(_TAKE, 1, _WAITING, *arguments))
    return [
        Letter(one.decode(), ReadRequest.from_json(orjson.loads(body)))
        for one, body in zip(taken[::2], taken[1::2], strict=True)
    ]


def reply(broker: Broker, letter: Letter, reader: str, answers: Sequence[Answer]) -> None:
    """Send the answers to a request."""
    _send(broker, letter.id, {"reader": reader, "answers": answers})


def refuse(broker: Broker, letter: Letter, reason: str) -> None:
    """Send the reason why a request cannot be answered."""
    _send(broker, letter.id, {"error": reason})


def _post(broker: Broker, letter_id: str, request: ReadRequest, seconds: float) -> None:
    keys = (_QUEUE, _WAITING, _REQUEST + letter_id)
    arguments = (letter_id, orjson.dumps(request.to_json()), max(1, int(seconds * 1000)), _ring(), _BELLS)
    broker.ask(lambda library: library.eval(_POST, len(keys), *keys, *arguments))


def _look_after(broker: Broker, letter_id: str) -> None:
    keys = (_QUEUE, _WAITING, _REQUEST + letter_id, _TAKEN + letter_id)
    broker.ask(lambda library: library.eval(_LOOK, len(keys), *keys, letter_id, _ring()))


def _wait(broker: Broker, letter_id: str, seconds: float) -> bytes | None:
    # 0 would mean for ever.
    found = broker.ask(lambda library: library.blpop([_REPLY + letter_id], timeout=max(seconds, 0.01)))
    return None if found is None else bytes(found[1])


def _open_reply(body: bytes) -> Reply:
    content: Mapping[str, Any] = orjson.loads(body)
    if "error" in content:
        raise HybridError(f"The reader worker cannot answer: {content['error']}")
    return Reply(content["reader"], tuple(Answer(**one) for one in content["answers"]))


def _send(broker: Broker, letter_id: str, content: Mapping[str, Any]) -> None:
    body = orjson.dumps(content)
    broker.together(
        lambda pipe: (
            pipe.delete(_REQUEST + letter_id, _TAKEN + letter_id),
            pipe.rpush(_REPLY + letter_id, body),
            pipe.expire(_REPLY + letter_id, _KEPT),
        )
    )


def _ring() -> bytes:
    return pack(READ_TASK, READ_QUEUE, {})
