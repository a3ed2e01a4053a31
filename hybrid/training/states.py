"""What training leaves on the disk to go on from: states, each whole or not there at all."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from ..encoders.files import read_object
from ..errors import ModelError, UsageError

_WEIGHTS = "model.safetensors"
_FACTS = "facts.json"
_OPTIMIZER = "optimizer.pt"
_STATE, _UNFINISHED = "state-", "unfinished-"


@dataclass(frozen=True, slots=True)
class State:
    """Where training stands: steps done, and what is known so far."""

    step: int
    facts: Mapping[str, Any]
    folder: Path


def name_states(target: Path) -> Path:
    """Give the folder of states beside what is being made; it is gone when that is done."""
    return target.with_name(f"{target.name}.training")


def place_states(target: Path) -> Path:
    """Give the folder of states beside what is being made; what is there already is not overwritten."""
    states = name_states(target)
    if target.exists() and not states.exists():
        raise UsageError(f"{target} is there already; name another folder, or remove it.")
    return states


def save_state(
    root: Path, step: int, model: nn.Module, optimizer: torch.optim.Optimizer, facts: Mapping[str, Any]
) -> None:
    """Write all that training needs to go on, and remove what it needed before; ``facts`` hold its ``plan``."""
    target = root / f"{_STATE}{step:08}"
    fresh = begin_folder(target)
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


def resume(root: Path, plan: str, model: nn.Module, optimizer: torch.optim.Optimizer) -> State | None:
    """Bring model and optimizer to where they were last, if anywhere; the state of another plan is refused."""
    state = find_state(root)
    if state is None:
        return None
    if state.facts["plan"] != plan:
        raise UsageError(
            f"{root} holds a training that was begun with other options or data; repeat them to go on, or remove "
            "that folder to start anew."
        )
    load_state(state, model, optimizer)
    return state


def load_state(state: State, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Bring model and optimizer to where they were."""
    try:
        model.load_state_dict(load_file(state.folder / _WEIGHTS))
        optimizer.load_state_dict(torch.load(state.folder / _OPTIMIZER, weights_only=True))
    except Exception as error:  # torch and safetensors raise whatever their parts raise
        raise ModelError(f"{state.folder} cannot be read: {error}; remove it to start anew.") from error


def clear_states(root: Path) -> None:
    """Remove all states, and whatever else training left beside what it made."""
    shutil.rmtree(root, ignore_errors=True)


def begin_folder(target: Path) -> Path:
    """Make an empty folder to write in what ``replace_folder`` will then put at ``target``."""
    fresh = target.with_name(f"{_UNFINISHED}{target.name}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    return fresh


def replace_folder(fresh: Path, target: Path) -> None:
    """Put one folder where another was, if there was one."""
    if target.is_dir():
        shutil.rmtree(target)
    os.replace(fresh, target)


def _list_states(root: Path) -> list[Path]:
    return sorted(root.glob(f"{_STATE}*"))
