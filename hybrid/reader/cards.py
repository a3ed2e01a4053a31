"""A reader's own card, ``hybrid_reader.json``: what its files do not say, written by whoever trained it."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..encoders.files import read_object
from ..errors import ModelError
from .answers import Rule
from .spans import LONGEST

Relevance = Literal["learnt", "span"]

NAME = "hybrid_reader.json"
#: Tokens of an input, as in the authors' code.
LENGTH = 350


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What makes probabilities of scores, and how true they turned out."""

    temperature: float
    #: The data it was fitted on.
    data: str
    #: Expected calibration error on questions that it was not fitted on, and how many those were.
    ece: float | None = None
    questions: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What is known of a reader."""

    #: The encoder that gives what the reader's own weights lack, because training left it as it was.
    base: str | None = None
    max_length: int = LENGTH
    longest: int = LONGEST
    rule: Rule = "passage"
    beta: float = 1.0
    gamma: float = 0.0
    #: What the reader thinks of a passage: what it learnt to say, or its best span's score, where it saw single ones.
    relevance: Relevance = "learnt"
    calibration: Calibration | None = None
    #: For people: data, licence, figures.
    notes: dict[str, Any] = dataclasses.field(default_factory=dict)


def read_card(folder: Path) -> Card:
    """Give the card in ``folder``; one with the paper's numbers if there is none."""
    path = folder / NAME
    if not path.is_file():
        return Card()
    facts = read_object(path)
    try:
        if facts.get("calibration"):
            facts["calibration"] = Calibration(**facts["calibration"])
        return Card(**facts)
    except TypeError as error:
        raise ModelError(f"{path} cannot be read: {error}") from error


def write_card(folder: Path, card: Card) -> None:
    """Write a card beside a reader; the twin of ``read_card``."""
    text = json.dumps(dataclasses.asdict(card), indent=2, ensure_ascii=False)
    (folder / NAME).write_text(f"{text}\n", encoding="utf-8")
