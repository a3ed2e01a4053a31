"""Libraries that only evaluation needs, imported when they are asked for."""

import importlib
from typing import Any

from ..errors import HybridError


def need(library: str, purpose: str) -> Any:
    """Give a library, or say how to install it."""
    try:
        return importlib.import_module(library)
    except ModuleNotFoundError as error:
        raise HybridError(
            f"The library {error.name} is missing, which {purpose} needs: pip install 'hybrid-passage-search[eval]'"
        ) from error
