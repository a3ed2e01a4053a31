"""Signs of workers in Redis: who is there, and what they have done so far."""

import time
from collections.abc import Sequence

from ..messages import KEY_PREFIX
from ..records import Filled
from .broker import Broker

#: Seconds for which a sign of life counts.
ALIVE = 30.0
#: Seconds after which a worker that is gone is forgotten.
MEMORY = 86_400
_ALIVE = f"{KEY_PREFIX}workers"
_HEARD = f"{KEY_PREFIX}heard"
_DONE = f"{KEY_PREFIX}done"


def show_life(broker: Broker, node: str, queues: Sequence[str]) -> None:
    """Say that a worker is there, and which queues it listens to."""
    now = time.time()
    broker.together(
        lambda pipe: (
            pipe.zadd(_ALIVE, {node: now}),
            pipe.zremrangebyscore(_ALIVE, 0, now - MEMORY),
            # The broker's own clock ends these: whoever looks may have another one.
            [pipe.set(f"{_HEARD}:{queue}", node, ex=int(ALIVE)) for queue in queues],
        )
    )


def is_heard(broker: Broker, queue: str) -> bool:
    """Tell whether any worker listened to a queue a moment ago."""
    return bool(broker.ask(lambda library: library.exists(f"{_HEARD}:{queue}")))


def count_workers(broker: Broker) -> int:
    """Count the workers that were there a moment ago."""
    since = time.time() - ALIVE
    return int(broker.ask(lambda library: library.zcount(_ALIVE, since, "+inf")))


def add_done(broker: Broker, node: str, filled: Filled) -> None:
    """Add a message to what a worker has done so far."""
    key = _done_by(node)
    counts = {name: getattr(filled, name) for name in Filled.__slots__} | {"messages": 1}
    broker.together(
        lambda pipe: (
            [pipe.hincrby(key, name, count) for name, count in counts.items()],
            pipe.expire(key, MEMORY),
            pipe.incr(_DONE),
        )
    )


def read_done(broker: Broker, node: str) -> dict[str, int]:
    """Read what a worker has done so far."""
    found = broker.ask(lambda library: library.hgetall(_done_by(node)))
    return {name.decode(): int(count) for name, count in found.items()}


def count_done(broker: Broker) -> int:
    """Count the messages that all workers together have worked off so far."""
    return int(broker.ask(lambda library: library.get(_DONE)) or 0)


def _done_by(node: str) -> str:
    return f"{_DONE}:{node}"
