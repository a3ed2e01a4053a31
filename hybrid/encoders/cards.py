"""A folder's own card, ``hybrid_encoder.json``: what its files do not say, written by whoever trained it.

``{"similarity": "cosine", "scale": 20, "question": {"prompt": "query: "}, "passage": {"max_length": 256}}``; every
part may be left out.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any, TypeVar

from ..errors import ModelError
from ..fusion import SimPrior
from .files import read_object
from .presets import Card, Reading

NAME = "hybrid_encoder.json"

T = TypeVar("T", Card, Reading)


def read_card(folder: Path) -> Card:
    """Give the card in ``folder``; an empty one if there is none."""
    path = folder / NAME
    if not path.is_file():
        return Card()
    facts = read_object(path)
    try:
        for side in ("question", "passage"):
            facts[side] = Reading(**facts.get(side, {}))
        if "sim_prior" in facts:
            facts["sim_prior"] = SimPrior(**facts["sim_prior"])
        return Card(**facts)
    except TypeError as error:
        raise ModelError(f"{path} cannot be read: {error}") from error


def write_card(folder: Path, card: Card) -> None:
    """Write a card beside a model, leaving out what is not known."""
    facts = {name: _bare(fact) for name, fact in dataclasses.asdict(card).items()}
    text = json.dumps({name: fact for name, fact in facts.items() if fact}, indent=2, ensure_ascii=False)
    (folder / NAME).write_text(f"{text}\n", encoding="utf-8")


def merge(over: T, under: T) -> T:
    """Give ``over``, with what it does not know taken from ``under``."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(over):
        upper, lower = getattr(over, field.name), getattr(under, field.name)
        if isinstance(upper, Reading):
            values[field.name] = merge(upper, lower)
        else:
            values[field.name] = lower if upper is None else upper
    return dataclasses.replace(over, **values)


def _bare(fact: Any) -> Any:
    if isinstance(fact, dict):
        return {name: value for name, value in fact.items() if value is not None}
    return fact
