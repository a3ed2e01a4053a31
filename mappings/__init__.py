"""What the cluster is told, as JSON that can be read and sent by hand."""

import hashlib
import json
from functools import cache
from importlib import resources
from typing import Any, cast


def load(name: str) -> dict[str, Any]:
    """Give the body ``name``.json, a fresh copy at each call."""
    return cast(dict[str, Any], json.loads(_read(name)))


def checksum(name: str) -> str:
    """Name the content of ``name``.json by 8 hex digits; white space does not count."""
    canonical = json.dumps(load(name), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:8]


@cache
def _read(name: str) -> str:
    return resources.files(__package__).joinpath(f"{name}.json").read_text(encoding="utf-8")
