"""The one reader of the environment for the services: folders, ports and addresses that were set."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

OPENSEARCH_URL = "HYBRID_OPENSEARCH_URL"
REDIS_URL = "HYBRID_REDIS_URL"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the services that outlive their command listen."""

    http: int = 19200
    transport: int = 19300
    redis: int = 16379


def cache_folder(env: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of what was built once and is never written to again."""
    return _base(env, "XDG_CACHE_HOME", ".cache") / "hybrid"


def state_folder(env: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the services that outlive their command: data, logs, pid files."""
    return _base(env, "XDG_STATE_HOME", ".local/state") / "hybrid" / "services"


def standing_ports(env: Mapping[str, str] = os.environ) -> Ports:
    """Return the ports of the services that outlive their command."""
    usual = Ports()
    return Ports(
        http=int(env.get("HYBRID_SERVICES_HTTP_PORT", usual.http)),
        transport=int(env.get("HYBRID_SERVICES_TRANSPORT_PORT", usual.transport)),
        redis=int(env.get("HYBRID_SERVICES_REDIS_PORT", usual.redis)),
    )


def standing_heap(env: Mapping[str, str] = os.environ) -> str:
    """Return the heap of the node that outlives its command."""
    return env.get("HYBRID_SERVICES_HEAP") or "1g"


def given_url(name: str, env: Mapping[str, str] = os.environ) -> str | None:
    """Return the address under `name`, None where it is unset or empty."""
    return env.get(name) or None


def _base(env: Mapping[str, str], name: str, otherwise: str) -> Path:
    # The XDG rules: a relative path is as good as none.
    given = Path(env.get(name, ""))
    return given if given.is_absolute() else Path.home() / otherwise
