"""One writer at a time where that matters: a lock document that expires, in the index's ``-jobs`` index."""

import contextlib
import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import mappings

from ...errors import LockHeldError, RefusedError
from .calls import NO_TIME, Call, Conversation, Pause, ask, check, encode
from .names import build_jobs_name
from .patience import AWAY

#: Seconds after which a lock is free again, whatever became of its holder; many times what a change takes.
DEFAULT_TTL = 60.0
LOCK_ID = "lock"
#: Seconds to wait for a lock that somebody else holds: many times what a change of the profile takes.
PATIENCE = 10.0
#: The wait between two looks at it: at random, so that those who wait do not come back together.
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 1.0
#: Turns at a lock that others create and release at the same moment.
_ATTEMPTS = 5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that is held; ``seq_no`` and ``primary_term`` prove that nobody took it over."""

    #: The ``-jobs`` index that it lies in.
    index: str
    owner: str
    seq_no: int
    primary_term: int


def hold_locks(
    indexes: Iterable[str], owner: str, purpose: str, body: Callable[[tuple[Lock, ...]], Conversation[T]]
) -> Conversation[T]:
    """Carry ``body`` out while nobody else holds the lock of any of ``indexes``, as ``hold_lock`` does for one."""
    # In one order, so that two holders do not wait for each other; versions of an index have one lock.
    names = {build_jobs_name(index): index for index in indexes}

    def hold(left: list[str], held: tuple[Lock, ...]) -> Conversation[T]:
        if not left:
            return (yield from body(held))
        first, *others = left
        return (yield from hold_lock(names[first], owner, purpose, lambda lock: hold(others, (*held, lock))))

    return (yield from hold(sorted(names), ()))


def hold_lock(index: str, owner: str, purpose: str, body: Callable[[Lock], Conversation[T]]) -> Conversation[T]:
    """Carry ``body`` out while nobody else holds the lock of ``index``; wait for it for a while.

    ``body`` proves the lock that it is given before it writes. No two holders may have the same ``owner``.
    """
    lock = yield from _wait_for_lock(index, owner, purpose)
    try:
        result = yield from body(lock)
    except BaseException:
        # What went wrong first is to be told; a lock that cannot be given back ends by itself.
        with contextlib.suppress(*AWAY):
            yield from release_lock(lock)
        raise
    yield from release_lock(lock)
    return result


def _wait_for_lock(index: str, owner: str, purpose: str) -> Conversation[Lock]:
    """Take the lock of ``index`` as soon as it is free."""
    waited = 0.0
    while True:
        try:
            return (yield from acquire_lock(index, owner, purpose))
        except LockHeldError:
            pause = random.uniform(SHORTEST_PAUSE, LONGEST_PAUSE)  # noqa: S311 - not a secret
            if waited >= PATIENCE or (yield Pause(pause)) is NO_TIME:
                raise
            waited += pause


def acquire_lock(index: str, owner: str, purpose: str, ttl: float = DEFAULT_TTL) -> Conversation[Lock]:
    """Take the lock of ``index``, a concrete one, or raise ``LockHeldError`` that names who has it."""
    jobs = build_jobs_name(index)
    yield from ensure_jobs_index(jobs)
    document = _document(owner, purpose, ttl)
    for _ in range(_ATTEMPTS):
        created = yield Call("PUT", f"/{jobs}/_create/{LOCK_ID}", document)
        if created.status != 409:
            return _to_lock(jobs, owner, check(created, f"lock {index}"))
        held = yield Call("GET", f"/{jobs}/_doc/{LOCK_ID}")
        if held.status == 404:
            continue  # Released in between.
        stale = _takable(index, jobs, owner, check(held, f"read the lock of {index}"))
        taken = yield Call("PUT", f"/{jobs}/_doc/{LOCK_ID}", document, _guard(stale))
        if taken.status != 409:
            return _to_lock(jobs, owner, check(taken, f"lock {index}"))
    raise LockHeldError(f"{index} is being locked and released by others all the time; try again.")


def prove_lock(lock: Lock) -> Conversation[None]:
    """Raise unless a lock is held still: a process that was stopped in between must not write what it saw before."""
    held = yield Call("GET", f"/{lock.index}/_doc/{LOCK_ID}")
    if held.status != 404:
        body = check(held, f"read the lock in {lock.index}")
        if _to_lock(lock.index, lock.owner, body) == lock and _left(body) > 0:
            return
    raise LockHeldError(f"The lock in {lock.index} ended before the change was made; give the command again.")


def release_lock(lock: Lock) -> Conversation[None]:
    """Give a lock back; one that was taken over is left to its new owner."""
    answer = yield Call("DELETE", f"/{lock.index}/_doc/{LOCK_ID}", params=_guard(lock))
    if answer.status not in (404, 409):
        check(answer, f"release the lock in {lock.index}")


def ensure_jobs_index(index: str) -> Conversation[None]:
    """Create the index for locks and jobs unless it is there."""
    there = yield Call("HEAD", f"/{index}")
    if there.ok:
        return
    try:
        yield from ask(Call("PUT", f"/{index}", encode(mappings.load("jobs"))), what=f"create {index}")
    except RefusedError as error:
        if error.kind != "resource_already_exists_exception":
            raise


def _takable(index: str, jobs: str, owner: str, held: Mapping[str, Any]) -> Lock:
    """Give the lock that stands there if its time is over, or if it is ours: the answer that said so got lost."""
    source, left = held["_source"], _left(held)
    if left > 0 and source["owner"] != owner:
        raise LockHeldError(
            f"{index} is locked by {source['owner']} ({source['purpose']}); try again, "
            f"the lock ends in {left:.0f} s at the latest."
        )
    return Lock(jobs, source["owner"], held["_seq_no"], held["_primary_term"])


def _left(held: Mapping[str, Any]) -> float:
    """Give the seconds that a lock has still to live."""
    return float(held["_source"]["until"] / 1000 - time.time())


def _document(owner: str, purpose: str, ttl: float) -> bytes:
    until = int((time.time() + ttl) * 1000)
    return encode({"kind": "lock", "owner": owner, "purpose": purpose, "until": until})


def _guard(lock: Lock) -> dict[str, str]:
    return {"if_seq_no": str(lock.seq_no), "if_primary_term": str(lock.primary_term)}


def _to_lock(index: str, owner: str, body: Mapping[str, Any]) -> Lock:
    return Lock(index, owner, body["_seq_no"], body["_primary_term"])
