"""``Feeder``: fills the queue again from the indexes themselves, so that whatever the queue loses is not lost.

It goes through the passages without a vector in rounds. One of all workers feeds, whoever holds the lock; two at once
would do no harm, for the cap is Redis' own.
"""

import logging
import secrets
import time
from collections import deque
from dataclasses import dataclass

from ..engines.opensearch import reads, writes
from ..engines.opensearch.client import Client
from ..engines.opensearch.pending import PAGE, list_wanted, read_ids
from ..engines.opensearch.queries import Target
from ..engines.opensearch.reencode import finish
from . import signs
from .broker import CAP, Broker
from .sending import list_under_way, send_fresh

#: As long as more messages wait, nothing is sent.
LOW_WATER = 64
LOCK = "feeder"
#: What a feeder may be waiting for.
ELSEWHERE = "another worker feeds the queue"
FULL = "the queue holds enough; waiting for workers to take it"
FRUITLESS = "no worker has finished anything since the last round; waiting a while before it is sent again"
SENDING = "sending passages that have no vector"
IDLE = "no passage without a vector but those under way; waiting for new ones"
#: Seconds for which the lock outlives a feeder that died.
LOCK_SECONDS = 60.0
#: Seconds between two rounds, at first and at most, of which the second found what the first had sent undone.
FIRST_PAUSE = 5.0
LONGEST_PAUSE = 300.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Source:
    """One encoder's passages of an index, and how far a round has come."""

    target: Target
    after: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.target.name, self.target.profile.vector_field


class Feeder:
    """Feeds the workers of one Redis from one cluster."""

    def __init__(self, client: Client, broker: Broker, pattern: str, *, cap: int = CAP, low_water: int = LOW_WATER):
        self._client = client
        self._broker = broker
        self._pattern = pattern
        self._cap = cap
        self._low_water = low_water
        self._owner = secrets.token_hex(8)
        self._round: deque[_Source] = deque()
        #: What was sent since searching was up to date.
        self._sent: set[tuple[str, str]] = set()
        self._done = 0
        self._pause = FIRST_PAUSE
        self._next_round = 0.0
        #: Why questions do not change over to an encoder that has encoded all that it can.
        self._held_up = ""

    def turn(self) -> str:
        """Look once, send what there is room for, and say what is waited for."""
        if not self._broker.hold(LOCK, self._owner, LOCK_SECONDS):
            return ELSEWHERE
        if self._broker.lengths().waiting > self._low_water:
            return FULL
        if not self._round and not self._begin_round():
            return FRUITLESS
        return SENDING if self._refill() else self._held_up or IDLE

    def stop(self) -> None:
        """Let another worker feed."""
        self._broker.release(LOCK, self._owner)

    def _begin_round(self) -> bool:
        """Begin at the first passage again; later and later as long as no worker gets anything done."""
        done, now = signs.count_done(self._broker), time.monotonic()
        if self._sent and done == self._done:
            if now < self._next_round:
                return False
            self._pause = min(LONGEST_PAUSE, 2 * self._pause)
        else:
            self._pause = FIRST_PAUSE
        self._next_round = now + self._pause
        self._done = done
        self._held_up = ""
        targets = self._client.run(list_wanted(self._pattern))
        self._round = deque(map(_Source, targets))
        # Indexes go, and encoders change: nobody looks whether what was sent for them got done.
        self._sent &= {source.key for source in self._round}
        return True

    def _refill(self) -> int:
        """Send until the queue is full or the round is over; gives the number of messages."""
        known = list_under_way(self._broker)
        sent = 0
        while self._round:
            # One that cannot be read is left out of this round, and does not stand in the way of the others.
            source = self._round.popleft()
            ids = self._read(source)
            if not ids and source.after is None and not source.target.is_main:
                self._change_over(source.target)
            messages, taken = send_fresh(self._broker, source.target, ids, known, self._cap)
            sent += taken
            if taken:
                self._sent.add(source.key)
                source.after = messages[taken - 1].ids[-1]
            if taken < len(messages):
                self._round.appendleft(source)
                return sent
            if len(ids) == PAGE:
                source.after = ids[-1]
                self._round.append(source)
        return sent

    def _read(self, source: _Source) -> list[str]:
        """Read the next page of ids; searching is brought up to date before anything is sent once more."""
        if source.after is None and source.key in self._sent:
            self._sent.discard(source.key)
            self._client.run(writes.refresh(source.target))
        return self._client.run(read_ids(source.target, reads.unencoded(source.target), source.after))

    def _change_over(self, target: Target) -> None:
        """Let questions use an encoder that has encoded everything."""
        change = self._client.run(finish(target))
        if change.done:
            log.info("questions on %s use %s from now on", target.name, target.profile.pair_id)
        elif change.losing:
            self._held_up = (
                f"{target.name}: {change.losing} passages would lose their vector by changing over to "
                f"{target.profile.pair_id}; hybrid reencode says what to do"
            )
        elif change.behind:
            self._held_up = (
                f"{target.name}: {change.behind} passages wait for a vector of the encoder before "
                f"{target.profile.pair_id}, which is kept as the way back; hybrid reencode --allow-gaps does without"
            )
