"""The named points of a passage's way at which a worker can die, seen from outside: by what it sends and is sent."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from tests.faults.redis_proxy import redis_proxy
from tests.integration.faults import is_bulk
from tests.services.http_server import Reply, Request
from tests.services.recorder import Answer, Fault, forwarding, recorder

Point = Literal["before encode", "after encode", "after bulk", "before ack"]
POINTS: tuple[Point, ...] = ("before encode", "after encode", "after bulk", "before ack")

#: By what Celery's transport confirms a message.
_ACK = (b"ZREM", b"hybrid:unacked_index")


@dataclass(frozen=True, slots=True)
class Strike:
    """What happens when a worker reaches a point; it may cost the worker its connection."""

    point: Point
    do: Callable[[], None]
    cuts: bool


@dataclass(slots=True)
class Points:
    """Carries out each strike that was ordered when a worker reaches its point."""

    #: Where a worker finds the cluster and the broker.
    cluster: str = ""
    broker: str = ""
    #: Puts the honest answers of the cluster to writes into faulty ones.
    spoil: Callable[[Answer], Answer] | None = None
    #: Sees every command before Redis does; tells whether the connection is to be cut.
    overhear: Callable[[bytes], bool] | None = None
    strikes: list[Strike] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def order(self, point: Point, do: Callable[[], None], *, cuts: bool = True) -> None:
        """Strike once, when a worker comes to ``point`` and everything that was ordered before is done."""
        with self._lock:
            self.strikes.append(Strike(point, do, cuts))

    def reach(self, point: Point) -> bool:
        """Strike if it is time; tells whether the connection is to be cut."""
        with self._lock:
            if not self.strikes or self.strikes[0].point != point:
                return False
            strike = self.strikes.pop(0)
            strike.do()
            return strike.cuts

    def see_command(self, sent: bytes) -> bool:
        """Look at what goes to Redis."""
        if self.overhear is not None and self.overhear(sent):
            return True
        return all(word in sent for word in _ACK) and self.reach("before ack")

    def answer(self, honest: Answer) -> Answer:
        """Answer for the cluster."""

        def answer(request: Request) -> Reply | Fault:
            if is_bulk(request):
                return self._answer_bulk(honest, request)
            reply = honest(request)
            read = request.path.partition("?")[0].endswith("/_mget")
            return Fault.RESET if read and self.reach("before encode") else reply

        return answer

    def _answer_bulk(self, honest: Answer, request: Request) -> Reply | Fault:
        if self.reach("after encode"):
            return Fault.RESET
        reply = (self.spoil(honest) if self.spoil else honest)(request)
        return Fault.RESET if self.reach("after bulk") else reply


@contextlib.contextmanager
def watched(upstream: str, redis_port: int) -> Iterator[Points]:
    """Yield what stands between workers and both services."""
    points = Points()
    with (
        recorder(points.answer(forwarding(upstream))) as server,
        redis_proxy(redis_port, points.see_command) as proxy,
    ):
        points.cluster, points.broker = server.url, proxy.url
        yield points
