"""``Feeding``: a thread in a worker's main process that takes its turn at filling the queue."""

import logging
import threading

from hybrid.errors import HybridError
from hybrid.queue.broker import Broker
from hybrid.queue.feeder import SENDING, Feeder
from hybrid.settings import Settings

from .desk import connect

#: Seconds between two looks, while passages are being sent and while there is nothing to do.
BUSY, QUIET = 1.0, 5.0
#: Seconds to wait for the last turn to end.
_PATIENCE = 10.0

log = logging.getLogger(__name__)


class Feeding:
    """Looks again and again; whatever goes wrong is said once, and tried again."""

    def __init__(self, settings: Settings):
        self.waits_for = "starting"
        self._client, self._broker = connect(settings), Broker(settings)
        self._feeder = Feeder(self._client, self._broker, settings.worker_indexes)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feeding", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking, and let another worker feed."""
        self._stopped.set()
        self._thread.join(_PATIENCE)

    def _run(self) -> None:
        pause = 0.0
        while not self._stopped.wait(pause):
            pause = self._look()
        self._leave()

    def _look(self) -> float:
        """Take a turn and give how long to wait for the next."""
        try:
            found = self._feeder.turn()
        except HybridError as error:
            found = str(error)
        except Exception:
            # A thread that dies unseen would leave passages without a vector for ever.
            log.exception("The feeder failed; it goes on.")
            found = "the feeder failed, see the log"
        if found != self.waits_for:
            log.info("feeder: %s", found)
            self.waits_for = found
        return BUSY if found == SENDING else QUIET

    def _leave(self) -> None:
        try:
            self._feeder.stop()
        except HybridError as error:
            log.info("feeder: its lock ends by itself: %s", error)
        self._broker.close()
        self._client.close()
