"""From a reader's checkpoint of the authors' own code to a reader's folder."""

from pathlib import Path

from ..encoders.checkpoints import Checkpoint
from ..encoders.exporting import write_model
from ..encoders.facebook import READER, Saved
from ..training.states import new_folder
from .cards import LENGTH, Card, write_card
from .folders import RELEVANCE, SPANS


def import_reader(saved: Saved, like: Checkpoint, target: Path) -> None:
    """Write a reader that ``--reader`` takes; its tokenizer is that of ``like``."""
    layers = {name: weight for name, weight in saved.weights.items() if name.startswith((SPANS, RELEVANCE))}
    with new_folder(target) as fresh:
        write_model(fresh, {**saved.take(READER), **layers}, like.config, like.folder)
        write_card(fresh, Card(max_length=int(saved.facts.get("sequence_length") or LENGTH)))
