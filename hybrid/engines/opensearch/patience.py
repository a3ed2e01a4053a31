"""Patience with a cluster that is away or overloaded: how often a thing is tried, and the wait in between.

A person who asks a question wants to know at once; a job that has run for hours waits until a node is back.
"""

import random
from collections.abc import Callable
from typing import TypeVar

from ...errors import BusyError, UnreachableError
from .calls import NO_TIME, Conversation, Pause

#: Attempts at one thing: their waits add up to one or two minutes, which a node takes to come back.
ATTEMPTS = 10
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 30.0

#: What a cluster says, or does not say, that may be back soon.
AWAY = (BusyError, UnreachableError)

T = TypeVar("T")


def persist(attempt: Callable[[], Conversation[T]]) -> Conversation[T]:
    """Carry out what ``attempt`` starts, from its beginning each time that the cluster does not take it now.

    It must do no harm when it is done twice: an answer may be lost on its way.
    """
    for number in range(1, ATTEMPTS):
        try:
            return (yield from attempt())
        except AWAY:
            if (yield Pause(jitter(number))) is NO_TIME:
                raise
    return (yield from attempt())


def jitter(attempt: int) -> float:
    """Give a random wait after an attempt, so that many writers do not come back together."""
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**attempt)
    return random.uniform(longest / 2, longest)  # noqa: S311 - not a secret
