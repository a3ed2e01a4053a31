"""Answers out of passages, beside the event loop: by a reader here, or on a reader worker."""

import asyncio
from collections.abc import Sequence

from ..errors import BrokerError, DeadlineError, GatewayError, ModelError
from ..reader.answers import Answer, ReadRequest
from ..reader.asking import read
from ..settings import Settings

#: Questions that are read at a time; others wait.
_AT_ONCE = 8
#: Seconds to wait for a worker.
_DEADLINE = 10.0


class Reading:
    """Reads passages for answers."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._turns = asyncio.Semaphore(_AT_ONCE)

    @property
    def has_reader(self) -> bool:
        """Whether somebody chose what reads; pages show no answers otherwise."""
        return self._settings.reader is not None or self._settings.has_broker

    async def read(self, request: ReadRequest) -> tuple[str, Sequence[Answer]]:
        """Give who read, and the answers."""
        async with self._turns:
            try:
                return await asyncio.to_thread(read, request, self._settings, {"deadline": _DEADLINE})
            except (BrokerError, DeadlineError, ModelError) as error:
                raise GatewayError(str(error), status=503, kind="reader_exception") from error
