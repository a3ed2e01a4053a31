"""``Attendance``: what a worker's main process does besides handing out messages: feed, watch, tell."""

from typing import Any

from celery import bootsteps

from hybrid.messages import ENCODE_QUEUE
from hybrid.settings import read_settings

from .feeding import Feeding
from .metrics import Metrics
from .watching import Watching


class Attendance(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Starts with the worker, and ends with it."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any):
        super().__init__(parent, **options)
        self._parts: list[Feeding | Watching | Metrics] = []

    def start(self, parent: Any) -> None:
        """Begin to feed and to watch; only who takes passages feeds them."""
        settings = read_settings()
        queues = tuple(parent.app.amqp.queues.consume_from)
        feeding = Feeding(settings) if ENCODE_QUEUE in queues else None
        watching = Watching(settings, parent.hostname, queues, lambda: feeding.waits_for if feeding else "")
        self._parts = [part for part in (feeding, watching) if part is not None]
        if settings.metrics_port is not None:
            self._parts.append(Metrics(settings.metrics_port, lambda: watching.health))
        for part in self._parts:
            part.start()

    def stop(self, parent: Any) -> None:  # noqa: ARG002 - Celery's signature
        """End what was begun."""
        while self._parts:
            self._parts.pop().stop()

    terminate = stop
