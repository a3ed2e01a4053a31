"""Texts that kill the process that encodes them: found by what was begun and never ended, and given up on.

An exception is caught in the process; running out of memory, a crash in native code or a text that takes for ever is
not. So a worker says what it begins with. Texts that were begun and not ended are suspects: they come last and in
ever smaller groups, until the one that kills stands alone.
"""

import hashlib
from collections.abc import Iterator, Sequence

from ..errors import HybridError
from ..messages import KEY_PREFIX, MESSAGE_SIZE
from ..passages import Vector
from ..records import Encode
from .broker import Broker

#: A text that was begun so often, in the end alone, and never ended is not begun again.
LIMIT = 5
#: Seconds for which it is remembered what was begun.
MEMORY = 86_400
#: A group of suspects is so many times smaller than the one before.
_SHRINKING = 4
#: What is noted of a text that was given up.
GIVEN_UP = f"the process that encodes it was killed or took too long, {LIMIT} times"
_BEGUN = f"{KEY_PREFIX}begun"

Pairs = Sequence[tuple[str, str]]


class Begun:
    """What workers have begun to encode with one encoder; kept in Redis, where it outlives them."""

    def __init__(self, broker: Broker, fingerprint: str):
        self._broker = broker
        self._fingerprint = fingerprint

    def count(self, pairs: Pairs) -> list[int]:
        """Give how often each text was begun and not ended."""
        names = self.name(pairs)
        return [int(count or 0) for count in self._broker.ask(lambda library: library.hmget(_BEGUN, names))]

    def watch(self, encode: Encode) -> Encode:
        """Give the same encoder, but one that notes what it begins and ends."""

        def watched(pairs: Pairs) -> Sequence[Vector | str]:
            names = self.name(pairs)
            self._broker.together(
                lambda pipe: ([pipe.hincrby(_BEGUN, name, 1) for name in names], pipe.expire(_BEGUN, MEMORY))
            )
            try:
                outcomes = encode(pairs)
            except HybridError:
                # The process lives: it was not the text that failed it, but a lack of memory or the like.
                self.forget(pairs)
                raise
            self.forget(pairs)
            return outcomes

        return watched

    def forget(self, pairs: Pairs) -> None:
        """Take texts for fresh ones again: the process has survived them, or they were given up."""
        names = self.name(pairs)
        self._broker.ask(lambda library: library.hdel(_BEGUN, *names))

    def name(self, pairs: Pairs) -> list[str]:
        """Name texts for this encoder; another one may survive them."""
        said = (f"{self._fingerprint}\0{title}\0{text}".encode() for title, text in pairs)
        return [hashlib.blake2b(one, digest_size=12).hexdigest() for one in said]


def plan_groups(counts: Sequence[int]) -> Iterator[list[int]]:
    """Group places by how often they were begun: all fresh ones together, suspects after them in smaller groups."""
    for count in range(LIMIT):
        places = [place for place, begun in enumerate(counts) if begun == count]
        size = max(1, MESSAGE_SIZE // _SHRINKING**count) if count else max(1, len(places))
        yield from (places[start : start + size] for start in range(0, len(places), size))


def find_given_up(counts: Sequence[int]) -> list[int]:
    """Give the places of texts that are not begun again."""
    return [place for place, begun in enumerate(counts) if begun >= LIMIT]
