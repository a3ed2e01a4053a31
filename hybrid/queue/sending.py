"""Sends ids of passages that a query matches to the workers, page by page, as far as there is room."""

from collections.abc import Iterator

from ..engines.opensearch.client import Client
from ..engines.opensearch.pending import PAGE, read_ids
from ..engines.opensearch.queries import Clause, Target
from ..messages import EncodeMessage, split_ids
from .broker import Broker


def send_matching(client: Client, broker: Broker, target: Target, query: Clause) -> Iterator[int]:
    """Give, again and again, how many passages were sent; 0 while there is no room. It ends when all are."""
    after: str | None = None
    while True:
        ids = client.run(read_ids(target, query, after))
        messages = [EncodeMessage(target.name, target.profile.vector_field, part) for part in split_ids(ids)]
        taken = broker.push(messages)
        sent = sum(len(message.ids) for message in messages[:taken])
        after = ids[sent - 1] if sent else after
        yield sent
        if taken == len(messages) and len(ids) < PAGE:
            return
