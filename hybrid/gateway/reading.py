"""Answers out of passages, beside the event loop: by a reader here, or on a reader worker."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from ..errors import BrokerError, DeadlineError, GatewayError, ModelError, SettingsError
from ..reader.answers import Answer, ReadRequest
from ..reader.asking import AskOptions, read
from ..reader.reader import has_shipped
from ..settings import Settings

#: Questions that workers are asked at a time, and that are read here at a time, each by every core; others wait.
_ASKED_AT_ONCE, _READ_AT_ONCE = 8, 2
#: Seconds to wait for a worker.
_DEADLINE = 10.0
#: For whoever asks by HTTP, and for whoever runs the server; neither has the options of ``hybrid ask``.
_UNREAD = (
    f"No reader worker is running, or none answered within {_DEADLINE:g} s: ask again, with a smaller k. If that "
    "does not help, whoever runs this server starts a worker (celery -A workers.app worker -Q read), or the server "
    "without HYBRID_REDIS_URL, so that it reads passages itself."
)


class Reading:
    """Reads passages for answers; on a worker where a broker is set up, unless ``here``."""

    def __init__(self, settings: Settings, *, here: bool = False):
        self._settings = settings
        self._here = here or not settings.has_broker
        # Threads of its own: what nobody waits for any more is still read to its end, and must not hold up a search.
        self._threads = ThreadPoolExecutor(_READ_AT_ONCE if self._here else _ASKED_AT_ONCE, "reading")

    @property
    def has_reader(self) -> bool:
        """Whether there is more than sentences that nobody asked for; pages show no answers otherwise."""
        return not self._here or self._settings.reader is not None or has_shipped()

    async def read(self, request: ReadRequest) -> tuple[str, Sequence[Answer]]:
        """Give who read, and the answers."""
        options: AskOptions = {"here": self._here, "deadline": _DEADLINE}
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, read, request, self._settings, options
            )
        except DeadlineError as error:
            raise GatewayError(_UNREAD, status=503, kind="reader_exception") from error
        except (BrokerError, ModelError, SettingsError) as error:
            raise GatewayError(str(error), status=503, kind="reader_exception") from error
