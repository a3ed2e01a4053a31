"""A reader's folder as it was read: which kind of model it is, its files, and its card. Nothing is run.

Two kinds: ``dpr`` scores spans and passages (transformers' ``DPRReader``, and what ``hybrid train reader`` makes),
``qa`` scores spans only (``…ForQuestionAnswering``).
"""

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..encoders.checkpoints import Checkpoint, read_checkpoint
from ..encoders.finding import find
from ..encoders.layers import Numbers
from ..encoders.places import find_folder
from ..encoders.weights import Weights
from ..errors import ModelError
from .cards import Card, read_card

Kind = Literal["dpr", "qa"]

#: The layers behind the transformer: start and end of a span, and relevance of a passage.
SPANS, RELEVANCE = "qa_outputs", "qa_classifier"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """What a reader is made of."""

    name: str
    kind: Kind
    checkpoint: Checkpoint
    card: Card

    @property
    def max_length(self) -> int:
        """Tokens of an input: what the card says, within what the model can take."""
        return min(self.card.max_length, self.checkpoint.max_length)

    def take_head(self, layer: str) -> tuple[Numbers, Numbers]:
        """Give weight and bias of a layer behind the transformer."""
        weights = Weights(self.checkpoint.weights)
        outputs = 2 if layer == SPANS else 1
        (name,) = (one.removesuffix(".weight") for one in weights.names if one.endswith(f"{layer}.weight"))
        width = self.checkpoint.dimension
        return weights.take(f"{name}.weight", outputs, width), weights.take(f"{name}.bias", outputs)


def find_reader(name: str) -> Folder:
    """Give the reader in a folder, or by the id of a model."""
    if not os.path.isdir(os.path.expanduser(name)) and name.count("/") != 1:
        raise ModelError(
            f"There is no folder {name}; name a folder with a reader, or the id of a model (owner/name)."
        )
    return read_folder(find_folder(name), name)


def read_folder(path: Path, name: str | None = None) -> Folder:
    """Read the reader in ``path``."""
    try:
        checkpoint, card = read_checkpoint(path), read_card(path)
        if card.base:
            own, base = checkpoint.weights, find(card.base).passage.folder
            checkpoint = dataclasses.replace(checkpoint, weights=(*read_checkpoint(base).weights, *own))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"The reader in {path} cannot be read: {type(error).__name__} {error}") from error
    return Folder(name=name or str(path), kind=_find_kind(path, checkpoint), checkpoint=checkpoint, card=card)


def _find_kind(path: Path, checkpoint: Checkpoint) -> Kind:
    names = Weights(checkpoint.weights).names
    has_spans, has_relevance = (
        any(name == f"{layer}.weight" or name.endswith(f".{layer}.weight") for name in names)
        for layer in (SPANS, RELEVANCE)
    )
    if not has_spans:
        raise ModelError(f"The model in {path} is no reader: it has no layer {SPANS} that scores spans.")
    return "dpr" if has_relevance else "qa"
