"""``Desk``: what one process keeps between tasks: connections, opened indexes, loaded models."""

import logging
import time
from collections import OrderedDict
from functools import cache

from hybrid.encoders import Encoder, load_for_profile
from hybrid.engines.opensearch.client import Client
from hybrid.engines.opensearch.fields import open_field
from hybrid.engines.opensearch.patience import persist
from hybrid.engines.opensearch.queries import Target
from hybrid.errors import HybridError, IndexMissingError, SettingsError
from hybrid.profile import Profile
from hybrid.queue.broker import Broker
from hybrid.settings import Settings, read_settings

#: Seconds for which an opened index, or a failure to load a model, is believed in.
FRESH = 30.0
#: Models in memory: while an index changes its encoder, two are in use.
MODELS = 2

log = logging.getLogger(__name__)


class Desk:
    """Serves one task at a time."""

    def __init__(self, settings: Settings):
        self.client = connect(settings)
        self.broker = Broker(settings)
        self._targets: dict[tuple[str, str], tuple[float, Target | None]] = {}
        self._encoders: OrderedDict[str, Encoder] = OrderedDict()
        self._failures: dict[str, tuple[float, HybridError]] = {}
        self._written: set[tuple[str, str]] = set()

    def open(self, index: str, field: str) -> Target | None:
        """Give an index for the encoder of ``field``; None where either is gone."""
        until, target = self._targets.get((index, field), (0.0, None))
        if time.monotonic() >= until:
            try:
                target = self.client.run(persist(lambda: open_field(index, field)))
            except IndexMissingError:
                target = None
            self._targets[index, field] = time.monotonic() + FRESH, target
        return target

    def load(self, profile: Profile) -> Encoder:
        """Give the encoder that a profile describes, with its passages' weights in memory."""
        name = profile.pair_id
        if name not in self._encoders:
            self._refuse_again(name)
            try:
                self._encoders[name] = load_for_profile(profile).load(questions=False)
            except HybridError as error:
                self._failures[name] = time.monotonic() + FRESH, error
                raise
            log.info("loaded %s", name)
        self._encoders.move_to_end(name)
        while len(self._encoders) > MODELS:
            self._encoders.popitem(last=False)
        return self._encoders[name]

    def is_first(self, target: Target) -> bool:
        """Tell whether this process has not written to a field before."""
        field = target.name, target.profile.vector_field
        first = field not in self._written
        self._written.add(field)
        return first

    def _refuse_again(self, name: str) -> None:
        """Fail at once where the same model could not be loaded a moment ago."""
        until, error = self._failures.get(name, (0.0, None))
        if error is not None and time.monotonic() < until:
            raise error


def connect(settings: Settings) -> Client:
    """Give a client of the cluster that workers serve."""
    if settings.opensearch_url is None:
        raise SettingsError("Workers need HYBRID_OPENSEARCH_URL, for example http://127.0.0.1:9200.")
    # The library tells of every request, and of every one that fails with a traceback; we tell what comes of it.
    logging.getLogger("opensearch").setLevel(logging.ERROR)
    return Client(settings.opensearch_url.rstrip("/"), settings)


@cache
def open_desk() -> Desk:
    """Give the desk of this process."""
    return Desk(read_settings())
