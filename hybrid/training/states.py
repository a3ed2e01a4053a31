"""What training leaves on the disk to go on from: states, each whole or not there at all."""

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from ..encoders.files import read_object
from ..errors import HybridError, LockHeldError, ModelError, UsageError

#: What is judged before it is kept lies among the states.
CANDIDATE, CANDIDATE_ENCODER = "candidate", "candidate-encoder"

_WEIGHTS = "model.safetensors"
_FACTS = "facts.json"
_OPTIMIZER = "optimizer.pt"
_STATE, _UNFINISHED = "state-", "unfinished-"
#: An empty file by which a training knows its own folder of states.
_MARK = "of-a-training"
_OWN = re.compile(rf"(?:{_UNFINISHED})?(?:{_STATE}\d+|{CANDIDATE}|{CANDIDATE_ENCODER})|{_MARK}")


@dataclass(frozen=True, slots=True)
class State:
    """Where training stands: steps done, and what is known so far."""

    step: int
    facts: Mapping[str, Any]
    folder: Path


def name_states(target: Path) -> Path:
    """Give the folder of states beside what is being made; it is gone when that is done."""
    return Path(f"{target.resolve()}.training")


def place_states(*targets: Path) -> Path:
    """Give the folder of states beside the first of what is being made.

    What is there already is overwritten by the training that it comes from only.
    """
    states = name_states(targets[0])
    with storing(states):
        foreign = sorted(one.name for one in states.iterdir() if not _is_own(one)) if states.exists() else []
    if foreign:
        raise UsageError(f"{states} is for the states of a training, and holds {foreign[0]}; move that away first.")
    for target in targets:
        if target.exists() and not (states / _MARK).exists():
            raise UsageError(f"{target} is there already; name another folder, or remove it.")
        # What is finished among the states is moved to its place.
        if _find_disk(target) != _find_disk(states):
            raise UsageError(f"{target} is on another disk than {targets[0]}; name two folders on the same one.")
    return states


@contextmanager
def hold_states(root: Path) -> Iterator[None]:
    """Make the folder of states, mark it as a training's own, and keep other trainings out of it meanwhile."""
    with storing(root):
        root.mkdir(parents=True, exist_ok=True)
        mark = (root / _MARK).open("ab")
    with mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LockHeldError(f"{root} is being written by another command; wait for it.") from error
        yield


def name_data(things: Iterable[object]) -> str:
    """Name what is learnt from by its content, so that a training does not go on with something else."""
    found = hashlib.sha256()
    for one in things:
        found.update(repr(one).encode("utf-8", "backslashreplace"))
    return found.hexdigest()


def save_state(
    root: Path, step: int, model: nn.Module, optimizer: torch.optim.Optimizer, facts: Mapping[str, Any]
) -> None:
    """Write all that training needs to go on, and remove what it needed before; ``facts`` hold its ``plan``."""
    target = root / f"{_STATE}{step:08}"
    with new_folder(target) as fresh:
        save_file({name: weight.contiguous() for name, weight in model.state_dict().items()}, fresh / _WEIGHTS)
        torch.save(optimizer.state_dict(), fresh / _OPTIMIZER)
        (fresh / _FACTS).write_text(json.dumps({"step": step, **facts}), encoding="utf-8")
    with storing(root):
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
    """Remove all that training left beside what it made, and nothing else."""
    with storing(root):
        for one in filter(_is_own, root.iterdir()):
            if one.name != _MARK:
                shutil.rmtree(one)
        (root / _MARK).unlink(missing_ok=True)
        if not any(root.iterdir()):
            root.rmdir()


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder to write in, which then takes the place of ``target``: whole, or not at all."""
    with new_file(target) as fresh:
        fresh.mkdir()
        yield fresh


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """Give a name to write under what then takes the place of ``target``; where that fails, nothing is left."""
    fresh = target.with_name(f"{_UNFINISHED}{target.name}")
    with storing(target):
        fresh.parent.mkdir(parents=True, exist_ok=True)
        _remove(fresh)
        try:
            yield fresh
            replace(fresh, target)
        finally:
            _remove(fresh)


def replace(fresh: Path, target: Path) -> None:
    """Put one file or folder where another was, if there was one."""
    with storing(target):
        _remove(target)
        os.replace(fresh, target)


@contextmanager
def storing(target: Path) -> Iterator[None]:
    """Say in one line that ``target`` cannot be written, whichever library found out."""
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error).strip().partition("\n")[0]
        raise HybridError(f"{target} cannot be written: {reason}.") from error


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _list_states(root: Path) -> list[Path]:
    return sorted(root.glob(f"{_STATE}*"))


def _find_disk(path: Path) -> int:
    """Name the file system that a path, which need not be there, is on."""
    whole = path.resolve()
    return next(one for one in (whole, *whole.parents) if one.exists()).stat().st_dev


def _is_own(path: Path) -> bool:
    return bool(_OWN.fullmatch(path.name))
