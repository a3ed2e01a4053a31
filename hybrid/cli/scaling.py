"""``--scale auto`` of commands that encode the texts of an index anew."""

from pathlib import Path
from typing import TYPE_CHECKING

from ..engines.contract import Index
from ..errors import UsageError
from .output import say

if TYPE_CHECKING:
    from ..encoders import Encoder


def find_scale(index: Index, name: str, encoder: "Encoder", questions: Path | None = None) -> "Encoder":
    """Give an encoder with the scale that the text of an index wants; questions are made of it, if none are given."""
    from ingest.scale import scale_beside

    found = scale_beside(index, index.intake(), encoder, questions, say)
    if found is None:
        raise UsageError(f"{name} holds no text to find a scale out from; say --scale NUMBER.")
    return found
