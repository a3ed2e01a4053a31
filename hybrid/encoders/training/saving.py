"""The folder that training writes: what ``--encoder`` takes, and how it came about."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...training.states import storing
from ..checkpoints import Checkpoint
from ..exporting import TowerModel, export_encoder
from ..presets import Card
from .start import Start
from .towers import Side, Towers

NOTES = "hybrid_training.json"


def save_encoder(target: Path, towers: Towers, start: Start, card: Card, notes: Mapping[str, Any]) -> None:
    """Write the towers as they are now."""
    question = None if towers.question is None else _take(towers, "question", start.question)
    passage = _take(towers, "passage", start.passage)
    export_encoder(target, question or passage, question and passage, card)
    text = json.dumps(notes, indent=2, ensure_ascii=False)
    with storing(target):
        (target / NOTES).write_text(f"{text}\n", encoding="utf-8")


def _take(towers: Towers, side: Side, checkpoint: Checkpoint) -> TowerModel:
    # Without the class around it, a tower of DPR's is a plain BERT, and its card says how it reads.
    kind = {"model_type": "bert", "architectures": ["BertModel"]} if checkpoint.is_dpr else {}
    plain = dataclasses.replace(checkpoint, config={**checkpoint.config, **kind})
    return TowerModel(towers.get(side).state_dict(), plain)
