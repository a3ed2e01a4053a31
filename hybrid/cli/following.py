"""``Vectors``: how far workers are with an index, as a bar; one note says what they are, or what is missing."""

import time
from collections.abc import Callable

from ..address import parse_cluster_address
from ..errors import BrokerError, BusyError, PartialResultError, UnreachableError
from ..index import open_index
from ..queue import open_broker
from ..records import Status
from ..settings import Settings
from .output import say
from .progress import Progress

#: Seconds between two looks.
INTERVAL = 2.0
#: What a cluster says, or does not say, that may be back soon.
AWAY = (BusyError, PartialResultError, UnreachableError)


class Vectors:
    """Watches vectors that may still be made: those that questions use, or those that ``read`` counts."""

    def __init__(self, address: str, settings: Settings, bar: Progress, read: Callable[[], Status] | None = None):
        parse_cluster_address(address, settings, "Waiting for workers")
        self._address = address
        self._settings = settings
        self._read = read or self._read_main
        self._bar = bar
        self._broker = open_broker(settings)
        self._begun = False
        self._looked = 0.0

    def follow(self) -> Status | None:
        """Watch until no vector is missing; None if Ctrl-C came first, which stops nobody but the watcher."""
        try:
            status = self.look()
            while status.pending:
                time.sleep(INTERVAL)
                status = self._look_patiently(status)
            return status
        except KeyboardInterrupt:
            say(f"workers go on; hybrid status {self._address} --follow shows how far they are")
            return None
        finally:
            self._broker.close()

    def look_now_and_then(self) -> None:
        """Look, unless that was just done."""
        if time.monotonic() - self._looked > INTERVAL:
            self.look()

    def look(self) -> Status:
        """Look once and show it."""
        status = self._read()
        done = status.encoded + status.failed
        if not self._begun:
            self._begun = True
            self._bar.begin("vectors", done, None)
        # A whole of nothing would count as done for good, with the time that was taken until then.
        self._bar.expect(status.passages or None)
        failed = f"{status.failed:,} failed, " if status.failed else ""
        self._bar.update(done, f"{failed}{self._describe_workers()}" if status.pending else failed.rstrip(", "))
        self._looked = time.monotonic()
        return status

    def _read_main(self) -> Status:
        with open_index(self._address, settings=self._settings) as index:
            return index.status()

    def _look_patiently(self, before: Status) -> Status:
        """Look once; a cluster that is away for a while is waited for."""
        try:
            return self.look()
        except AWAY as error:
            self._bar.update(before.encoded + before.failed, f"waiting: {error}")
            return before

    def _describe_workers(self) -> str:
        from ..queue.signs import count_workers

        try:
            workers = count_workers(self._broker)
        except BrokerError as error:
            return f"waiting: {error}"
        if not workers:
            return "waiting for a worker: celery -A workers.app worker -Q encode"
        return "1 worker" if workers == 1 else f"{workers:,} workers"
