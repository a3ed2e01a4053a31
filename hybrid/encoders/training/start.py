"""What training begins with: the checkpoints of another encoder, and how its towers are to read from now on."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from ...errors import ModelError, UsageError
from ..cards import merge
from ..checkpoints import Checkpoint
from ..facebook import SUFFIXES
from ..finding import find
from ..loading import describe_reading, describe_towers, read_towers
from ..presets import DPR, Card, Reading
from ..steps import Step
from ..tokens import Tokens
from .plan import Plan

#: Steps after the transformer that training goes without: similarities are computed from what pooling gives.
_PLAIN = frozenset({"pool", "normalize"})


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """Two checkpoints, or one twice, as they are to be trained; ``card`` is that of the encoder to come."""

    name: str
    question: Checkpoint
    passage: Checkpoint
    questions: Tokens
    passages: Tokens
    card: Card


def find_start(name: str, plan: Plan) -> Start:
    """Give the encoder called ``name`` in as many towers as planned; a single one begins as the passages' tower."""
    if Path(name).suffix in SUFFIXES and Path(name).is_file():
        raise UsageError(f"Make a folder of {name} first: hybrid convert-encoder {name} FOLDER, then --from FOLDER.")
    found = find(name)
    both = read_towers(found)
    passage = _prepare(both[1], plan)
    question = passage if plan.towers == 1 or both[0] is both[1] else _prepare(both[0], plan)
    known = merge(found.card, DPR) if passage.is_dpr else found.card
    towers = describe_towers(found, question, passage, merge(_wish(plan), known))
    return Start(
        name=found.name,
        question=question,
        passage=passage,
        questions=Tokens(question, towers[0]),
        passages=Tokens(passage, towers[1]),
        card=Card(
            similarity=plan.similarity,
            scale=plan.sharpness if plan.similarity == "cosine" else None,
            question=describe_reading(towers[0]),
            passage=describe_reading(towers[1]),
        ),
    )


def _prepare(checkpoint: Checkpoint, plan: Plan) -> Checkpoint:
    others = [step.label for step in checkpoint.steps if step.kind not in _PLAIN]
    if others:
        raise ModelError(
            f"The model in {checkpoint.folder} has {', '.join(others)} after pooling, which hybrid does not train; "
            "begin with another one."
        )
    pooling = plan.pooling or checkpoint.steps[0].label
    hidden = checkpoint.dimension // len(checkpoint.steps[0].label.split("+"))
    return dataclasses.replace(
        checkpoint, steps=(Step("pool", pooling),), dimension=hidden * len(pooling.split("+")), similarity=None
    )


def _wish(plan: Plan) -> Card:
    """Give what the plan says of reading."""
    return Card(
        question=Reading(max_length=plan.max_length),
        passage=Reading(max_length=plan.max_length, template=plan.template),
    )
