"""What training leaves on the disk: a reader's folder, and states to go on from, each whole or not there at all."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ...encoders.files import read_object
from ...encoders.places import CONFIG
from ...errors import ModelError
from ..cards import Card, write_card
from ..folders import RELEVANCE, SPANS, Folder
from ..torch_readers import SpanModel

_WEIGHTS = "model.safetensors"
#: What makes the tokenizer of a model, as far as it is there.
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json")
_FACTS = "facts.json"
_OPTIMIZER = "optimizer.pt"
_STATE, _UNFINISHED = "state-", "unfinished-"


@dataclass(frozen=True, slots=True)
class State:
    """Where training stands: steps done, and what is known so far."""

    step: int
    facts: Mapping[str, Any]
    folder: Path


def save_reader(target: Path, model: SpanModel, start: Folder, card: Card) -> None:
    """Write a reader that can be opened; weights in half precision, those that ``card.base`` gives left out."""
    fresh = _begin(target)
    weights = {name: weight for name, weight in name_weights(model).items() if card.base is None or _is_trained(name)}
    save_file({name: weight.detach().half().cpu().contiguous() for name, weight in weights.items()}, fresh / _WEIGHTS)
    # The library keeps the file to its owner, and workers may run as somebody else.
    (fresh / _WEIGHTS).chmod(0o644)
    config = {**start.checkpoint.config, "model_type": "bert", "architectures": ["SpanModel"]}
    (fresh / CONFIG).write_text(json.dumps(config, indent=2), encoding="utf-8")
    for name in _TOKENIZER:
        if (start.checkpoint.folder / name).is_file():
            shutil.copy(start.checkpoint.folder / name, fresh / name)
    write_card(fresh, card)
    replace_folder(fresh, target)


def name_weights(model: SpanModel) -> dict[str, Tensor]:
    """Give a model's weights as they are called in a reader's folder: the transformer's without a prefix."""
    own = {name.removeprefix("bert."): weight for name, weight in model.named_parameters()}
    return {name: own[name] for name in sorted(own)}


def freeze_embeddings(model: SpanModel) -> None:
    """Leave what comes before the first layer as it is."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(_is_trained(name.removeprefix("bert.")))


def save_state(
    root: Path, step: int, model: nn.Module, optimizer: torch.optim.Optimizer, facts: Mapping[str, Any]
) -> None:
    """Write all that training needs to go on, and remove what it needed before."""
    target = root / f"{_STATE}{step:08}"
    fresh = _begin(target)
    save_file({name: weight.contiguous() for name, weight in model.state_dict().items()}, fresh / _WEIGHTS)
    torch.save(optimizer.state_dict(), fresh / _OPTIMIZER)
    (fresh / _FACTS).write_text(json.dumps({"step": step, **facts}), encoding="utf-8")
    replace_folder(fresh, target)
    for old in _list_states(root):
        if old != target:
            shutil.rmtree(old)


def find_state(root: Path) -> State | None:
    """Give the last state, if there is one."""
    states = _list_states(root)
    if not states:
        return None
    facts = read_object(states[-1] / _FACTS)
    return State(facts["step"], facts, states[-1])


def load_state(state: State, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Bring model and optimizer to where they were."""
    try:
        model.load_state_dict(load_file(state.folder / _WEIGHTS))
        optimizer.load_state_dict(torch.load(state.folder / _OPTIMIZER, weights_only=True))
    except Exception as error:  # torch and safetensors raise whatever their parts raise
        raise ModelError(f"{state.folder} cannot be read: {error}; remove it to start anew.") from error


def clear_states(root: Path) -> None:
    """Remove all states, and whatever else training left beside the reader."""
    shutil.rmtree(root, ignore_errors=True)


def replace_folder(fresh: Path, target: Path) -> None:
    """Put one folder where another was, if there was one."""
    if target.is_dir():
        shutil.rmtree(target)
    os.replace(fresh, target)


def _is_trained(name: str) -> bool:
    """Tell whether a weight is trained where embeddings are not."""
    return name.startswith("encoder.") or name.startswith((SPANS, RELEVANCE))


def _list_states(root: Path) -> list[Path]:
    return sorted(root.glob(f"{_STATE}*"))


def _begin(target: Path) -> Path:
    fresh = target.with_name(f"{_UNFINISHED}{target.name}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    return fresh
