"""``Watching``: a thread in a worker's main process that looks how the worker is, for health checks and metrics.

A worker may be alive and deaf: connected, idle, and never given a message although some wait. Asking it by ``celery
inspect ping`` does not show that; looking at what it takes does.
"""

import dataclasses
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence

from celery.worker import state

from hybrid.errors import BrokerError
from hybrid.queue import signs
from hybrid.queue.broker import Broker, Lengths
from hybrid.settings import Settings

from .notes import Health, note_path, write_note

#: Seconds between two looks.
INTERVAL = 5.0
#: Seconds for which messages may wait beside an idle worker before it counts as deaf.
DEAF_AFTER = 60.0
_PATIENCE = 10.0

log = logging.getLogger(__name__)


class Watching:
    """Looks at the broker and at what Celery is given, and writes it down."""

    def __init__(self, settings: Settings, node: str, queues: Sequence[str], waits_for: Callable[[], str]):
        self.health = Health(node, os.getpid(), time.time(), "it has just started", "")
        self._broker = Broker(settings)
        self._queues = queues
        self._waits_for = waits_for
        self._path = note_path(settings, node)
        self._ear = Ear()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watching", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop looking; a worker that has ended is not ill."""
        self._stopped.set()
        self._thread.join(_PATIENCE)
        self._path.unlink(missing_ok=True)
        self._broker.close()

    def _run(self) -> None:
        pause = 0.0
        while not self._stopped.wait(pause):
            pause = INTERVAL
            try:
                self.health = self._look()
                write_note(self._path, self.health)
            except Exception:
                # The file grows old then, and so tells that something is wrong.
                log.exception("The worker cannot note how it is.")

    def _look(self) -> Health:
        before = dataclasses.replace(self.health, time=time.time(), waits_for=self._waits_for())
        try:
            lengths = self._broker.lengths(self._queues)
            signs.show_life(self._broker, before.node, self._queues)
            done = signs.read_done(self._broker, before.node)
        except BrokerError as error:
            return dataclasses.replace(before, trouble=str(error))
        trouble = self._ear.listen(lengths, time.monotonic(), state.total_count.total(), len(state.active_requests))
        return dataclasses.replace(before, trouble=trouble, waiting=lengths.waiting, taken=lengths.taken, done=done)


class Ear:
    """Notices that messages wait and none is taken."""

    def __init__(self) -> None:
        self._heard = -1
        self._since = 0.0

    def listen(self, lengths: Lengths, now: float, heard: int, busy: int) -> str:
        """Give what is wrong, if messages have waited too long beside an idle worker."""
        if busy or not lengths.waiting or heard != self._heard:
            self._heard, self._since = heard, now
        idle = now - self._since
        if idle <= DEAF_AFTER:
            return ""
        return f"it is idle, and has taken none of {lengths.waiting} messages that wait for {idle:.0f} s"
