"""A model's JSON files; what is missing or garbled becomes one line that names the file."""

import json
from pathlib import Path
from typing import Any

from ..errors import ModelError


def read_object(path: Path) -> dict[str, Any]:
    """Give the JSON object in a file that must be there."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise ModelError(f"{path} cannot be read: it holds no JSON object.")
    return content


def read_optional(path: Path) -> dict[str, Any]:
    """Give the JSON object in a file; an empty one if there is no such file."""
    return read_object(path) if path.is_file() else {}


def read_json(path: Path) -> Any:
    """Give whatever JSON is in a file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"There is no {path.name} in {path.parent}, so there is no whole model.") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
