"""The queue of the workers in Redis: what feeds it, bounds it and watches it. Needs ``redis``, not Celery."""

import importlib.util
from typing import TYPE_CHECKING

from ..errors import SettingsError
from ..settings import Settings

if TYPE_CHECKING:
    from .broker import Broker


def open_broker(settings: Settings) -> "Broker":
    """Give a connection to the workers' Redis; the library is imported only now, for few need it."""
    if importlib.util.find_spec("redis") is None:
        raise SettingsError(
            'The queue needs redis: make models in the clone, or pip install "hybrid-passage-search[workers]".'
        )
    from .broker import Broker

    return Broker(settings)
