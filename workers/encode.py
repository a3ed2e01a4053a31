"""The task that encodes passages: ids in, vectors into the index.

It may run twice for the same message, or for messages that name the same passages: what has a vector is left alone,
and a passage that changes while it is encoded keeps its new text without the old vector.
"""

import logging
from collections.abc import Sequence
from functools import partial
from itertools import islice
from typing import Any

from hybrid.engines.opensearch.encoding import Pair, cut
from hybrid.engines.opensearch.fill import check_readable, fill, lacks_vector, read_pair, read_wanted
from hybrid.engines.opensearch.patience import persist
from hybrid.errors import BrokerError, HybridError
from hybrid.isolate import encode_each
from hybrid.messages import ENCODE_TASK, EncodeMessage
from hybrid.queue import signs
from hybrid.queue.begun import GIVEN_UP, Begun, find_given_up, plan_groups
from hybrid.records import Filled

from .app import app
from .desk import Desk, open_desk

#: Vectors of a process's first message for a field that are read back: an index that loses them must be noticed.
READ_BACK = 8

log = logging.getLogger(__name__)


@app.task(name=ENCODE_TASK, bind=True, throws=(HybridError,))  # type: ignore[untyped-decorator]
def encode_passages(self: Any, **arguments: Any) -> dict[str, int]:
    """Encode the passages of one message and say what became of them."""
    desk, message = open_desk(), EncodeMessage.from_json(arguments)
    filled = work_off(desk, message)
    try:
        signs.add_done(desk.broker, self.request.hostname, filled)
    except BrokerError as error:
        # The vectors are written; only the counts are short of this message.
        log.warning("%s", error)
    return {name: getattr(filled, name) for name in Filled.__slots__}


def work_off(desk: Desk, message: EncodeMessage) -> Filled:
    """Read the passages of a message, encode those without a vector, and write what came out."""
    target = desk.open(message.index, message.field)
    if target is None:
        log.warning("%s keeps no vectors in %s any more", message.index, message.field)
        return Filled(missing=len(message.ids))
    stored = desk.client.run(read_wanted(target, message.ids))
    wanted = [one for one in stored if lacks_vector(target, one)]
    filled = Filled(missing=len(message.ids) - len(stored))
    if not wanted:
        return filled
    encode = partial(encode_each, desk.load(target.profile).encode_passages)
    begun = Begun(desk.broker, target.profile.fingerprint)
    parts = [cut(target.profile, read_pair(one)) for one in wanted]
    counts = _count(begun, parts)
    for group in plan_groups(counts):
        # Written group by group: what a suspect that comes later does to this process must not undo it.
        filled += desk.client.run(fill(target, [wanted[place] for place in group], begun.watch(encode)))
    given_up = find_given_up(counts)
    if given_up:
        lost = [wanted[place] for place in given_up]
        filled += desk.client.run(fill(target, lost, lambda pairs: [GIVEN_UP] * len(pairs)))
        # It stands in the index now; whoever asks for another try gets one.
        begun.forget([part for place in given_up for part in parts[place]])
    if desk.is_first(target):
        desk.client.run(persist(lambda: check_readable(target, *(one.id for one in wanted[:READ_BACK]))))
    return filled


def _count(begun: Begun, parts: Sequence[Sequence[Pair]]) -> list[int]:
    """Give how often any part of each passage was begun and not ended; most passages are one part."""
    counts = iter(begun.count([part for several in parts for part in several]))
    return [max(islice(counts, len(several))) for several in parts]
