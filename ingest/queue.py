"""``Sender``: names to the workers what the index has confirmed, as far as their queue has room.

The index is the truth: what is not sent, or sent and lost, is found there by the workers themselves.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

from hybrid.address import parse_cluster_address
from hybrid.engines.opensearch.client import Client
from hybrid.engines.opensearch.lifecycle import open_target
from hybrid.engines.opensearch.reads import sole_index
from hybrid.errors import BrokerError
from hybrid.messages import EncodeMessage, split_ids
from hybrid.queue import open_broker
from hybrid.settings import Settings

#: Seconds for which a broker that did not answer is left alone.
PAUSE = 30.0


class Sender:
    """Sends for one index and one encoder; a broker that is away holds nobody up for long."""

    def __init__(self, settings: Settings, index: str, field: str, tell: Callable[[str], None]):
        self._broker = open_broker(settings)
        self._index = index
        self._field = field
        self._tell = tell
        self._again = 0.0

    def send(self, ids: Sequence[str]) -> None:
        """Send what there is room for."""
        if not ids or time.monotonic() < self._again:
            return
        try:
            self._broker.push([EncodeMessage(self._index, self._field, part) for part in split_ids(ids)])
        except BrokerError as error:
            if not self._again:
                self._tell(f"{error} Text is written all the same; workers find by themselves what lacks a vector.")
            self._again = time.monotonic() + PAUSE

    def close(self) -> None:
        """Close the connection."""
        self._broker.close()


@contextmanager
def open_sender(address: str, settings: Settings, tell: Callable[[str], None]) -> Iterator[Sender]:
    """Give what names an index' passages to the workers."""
    place = parse_cluster_address(address, settings, "--queue")
    with closing(Client(place.url, settings)) as client:
        target = client.run(open_target(place.index))
    with closing(Sender(settings, sole_index(target), target.profile.vector_field, tell)) as sender:
        yield sender
