"""Sends ids of passages to the workers, as far as there is room, and none that is with them already."""

from collections.abc import Collection, Iterator, Sequence

from ..engines.opensearch.client import Client
from ..engines.opensearch.pending import PAGE, read_ids
from ..engines.opensearch.queries import Clause, Target
from ..messages import EncodeMessage, split_ids
from .broker import CAP, Broker

#: A passage of an encoder: index, vector field, id.
Wanted = tuple[str, str, str]


def send_matching(client: Client, broker: Broker, target: Target, query: Clause) -> Iterator[int]:
    """Give, again and again, how many passages were sent; 0 where there is no room. It ends when all are."""
    after: str | None = None
    while True:
        ids = client.run(read_ids(target, query, after))
        messages, taken = send_fresh(broker, target, ids, list_under_way(broker))
        sent = messages[:taken]
        if messages:
            yield sum(len(message.ids) for message in sent)
        if taken < len(messages):
            after = sent[-1].ids[-1] if sent else after
            continue
        if len(ids) < PAGE:
            return
        after = ids[-1]


def send_fresh(
    broker: Broker, target: Target, ids: Sequence[str], under_way: Collection[Wanted], cap: int = CAP
) -> tuple[list[EncodeMessage], int]:
    """Send the ids that are not under way; gives the messages for all of them, and how many were sent."""
    place = target.name, target.profile.vector_field
    fresh = [one for one in ids if (*place, one) not in under_way]
    messages = [EncodeMessage(*place, part) for part in split_ids(fresh)]
    return messages, broker.push(messages, cap)


def list_under_way(broker: Broker) -> set[Wanted]:
    """Name the passages that wait in the queue or are being worked on."""
    return {(message.index, message.field, one) for message in broker.read_under_way() for one in message.ids}
