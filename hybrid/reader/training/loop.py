"""Training a reader: a ``Plan`` in, a folder with the best reader out. Stopped at any moment, it can go on.

What a step does follows from the plan and the number of the step alone: its questions, their passages, and dropout.
"""

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ...encoders.backends import Means
from ...encoders.machine import count_cpus, cpu_has_bf16
from ...encoders.tokens import Ids
from ...encoders.torch_models import device_has_bf16, find_devices, pad
from ...errors import UsageError
from ..calibrating import calibrate, is_true
from ..cards import Card, write_card
from ..folders import Folder, read_folder
from ..reader import Reader, open_frame
from ..torch_readers import SpanModel
from . import saving
from .dev import DevSet, Figures, measure
from .examples import Example
from .inputs import Group, Inputs
from .losses import batch_loss
from .start import make_model

#: Devlin et al., and the authors' code: no weight decay, gradients no longer than this.
_CLIP = 2.0
_EPSILON = 1e-8
_CANDIDATE = "candidate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What decides the outcome of training, besides the data."""

    epochs: int = 2
    #: Questions of a step.
    batch: int = 16
    #: Parts in which a step is computed, where memory is short.
    accumulate: int = 1
    #: Passages of a question, one of them right (the paper's 24); 1 teaches spans only.
    passages: int = 24
    lr: float = 1e-5
    #: Share of the steps in which the learning rate grows.
    warmup: float = 0.1
    precision: str = "auto"
    freeze_embeddings: bool = False
    save_every: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("batch", "accumulate", "passages", "save_every"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}; say 1 or more.")
        if self.epochs < 0 or not 0 <= self.warmup < 1 or not self.lr > 0:
            raise UsageError("epochs must be 0 or more, warmup from 0 to below 1, and lr above 0.")


@dataclass(frozen=True, slots=True)
class Told:
    """How far training is."""

    step: int
    steps: int
    loss: float
    figures: Figures | None = None


Tell = Callable[[Told], None]


class Training:
    """One training: a reader in ``target``, and beside it, until it is done, states to go on from."""

    def __init__(
        self, target: Path, start: Folder, plan: Plan, examples: Sequence[Example], device: str | None = None
    ):
        self._target, self._start, self._plan, self._examples = target, start, plan, examples
        self._states = target.with_name(f"{target.name}.training")
        if target.exists() and not self._states.exists():
            raise UsageError(f"{target} is there already; name another folder, or remove it.")
        self._device = find_devices(device)[0]
        if self._device == "cpu":
            torch.set_num_threads(min(torch.get_num_threads(), count_cpus()))
        self._has_bf16 = _wants_bf16(plan.precision, self._device)
        tokenizer, frame = open_frame(start)
        self._inputs = Inputs(tokenizer, frame, start.max_length, plan.passages)
        self._blank = int(start.checkpoint.config.get("pad_token_id") or 0)
        self._per_epoch = -(-len(examples) // plan.batch)
        self.steps = plan.epochs * self._per_epoch

    def run(self, dev: DevSet | None, data: str, tell: Tell) -> Card:
        """Train to the end, keep the best reader, calibrate it, and give its card; ``data`` names the questions."""
        model = make_model(self._start, self._plan.seed).to(self._device)
        if self._plan.freeze_embeddings:
            saving.freeze_embeddings(model)
        trained = [one for one in model.parameters() if one.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=self._plan.lr, eps=_EPSILON, weight_decay=0.0)
        done, best = self._resume(model, optimizer)
        if self.steps == 0:
            self._judge(model, None, None)
        for step in range(done, self.steps):
            loss, figures, ends = self._step(model, optimizer, step), None, (step + 1) % self._per_epoch == 0
            if ends:
                figures = self._judge(model, dev, best)
                best = self._best(figures, best)
            if ends or (step + 1) % self._plan.save_every == 0:
                facts = {"best": best, "plan": self._name}
                saving.save_state(self._states, step + 1, model, optimizer, facts)
            tell(Told(step + 1, self.steps, loss, figures))
        return self._finish(dev, data)

    def _resume(self, model: SpanModel, optimizer: torch.optim.Optimizer) -> tuple[int, float | None]:
        """Go on from the last state, if there is one."""
        state = saving.find_state(self._states)
        if state is None:
            return 0, None
        if state.facts["plan"] != self._name:
            raise UsageError(
                f"{self._states} holds a training that was begun with other options or data; repeat them to go on, "
                "or remove that folder to start anew."
            )
        saving.load_state(state, model, optimizer)
        return state.step, state.facts["best"]

    @property
    def _name(self) -> str:
        """What tells this training from others."""
        told = (dataclasses.asdict(self._plan), self._start.name, self._start.max_length, len(self._examples))
        return json.dumps(told)

    def _step(self, model: SpanModel, optimizer: torch.optim.Optimizer, step: int) -> float:
        """Learn from the questions of one step and give the loss."""
        torch.manual_seed(self._plan.seed * 1_000_003 + step)
        model.train()
        rate = self._plan.lr * warm_up(step, self.steps, self._plan.warmup)
        for parameters in optimizer.param_groups:
            parameters["lr"] = rate
        groups = list(self._read(step))
        total = 0.0
        for part in _split(groups, self._plan.accumulate):
            with torch.autocast(torch.device(self._device).type, torch.bfloat16, enabled=self._has_bf16):
                ids, mask = (one.to(self._device) for one in pad(_list_ids(part), self._blank))
                relevance, scores = model(ids, mask)
                loss = batch_loss(relevance, scores, part) * (len(part) / len(groups))
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        torch.nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return total

    def _read(self, step: int) -> Iterator[Group]:
        """Give the questions of a step; those whose answer is not made of whole words are passed over."""
        epoch, place = divmod(step, self._per_epoch)
        order = np.random.default_rng((self._plan.seed, epoch)).permutation(len(self._examples))
        for number in order[place * self._plan.batch : (place + 1) * self._plan.batch].tolist():
            rng = np.random.default_rng((self._plan.seed, epoch, number))
            group = self._inputs.make(self._examples[number], rng)
            if group is not None:
                yield group

    def _judge(self, model: SpanModel, dev: DevSet | None, best: float | None) -> Figures | None:
        """Save the reader as it is now, judge it as it was saved, and keep it if it is better than the best."""
        card = self._start.card
        if self._plan.freeze_embeddings:
            card = dataclasses.replace(card, base=card.base or self._start.name)
        elif self.steps:
            card = dataclasses.replace(card, base=None)
        if self._plan.passages == 1:
            # Nobody has taught it which passage is relevant; the retriever knows.
            card = dataclasses.replace(card, beta=0.0, gamma=1.0)
        candidate = self._states / _CANDIDATE
        saving.save_reader(candidate, model, self._start, card)
        figures = measure(self._open(candidate), dev, among=self._plan.passages > 1) if dev else None
        if figures is None or best is None or figures.among.em > best:
            saving.replace_folder(candidate, self._target)
        return figures

    def _best(self, figures: Figures | None, best: float | None) -> float | None:
        if figures is None:
            return None
        return figures.among.em if best is None else max(best, figures.among.em)

    def _open(self, folder: Path) -> Reader:
        return Reader(read_folder(folder), Means(device=self._device), bulk=True)

    def _finish(self, dev: DevSet | None, data: str) -> Card:
        """Calibrate the best reader, and write down how it came about."""
        reader = self._open(self._target)
        notes = {"from": self._start.name, "examples": len(self._examples), "plan": dataclasses.asdict(self._plan)}
        card = reader.card
        if dev:
            figures = measure(reader, dev, among=self._plan.passages > 1)
            notes["dev"] = {"data": data, **dataclasses.asdict(figures)}
            requests = dev.among if self._plan.passages > 1 else dev.alone
            card = calibrate(reader, requests, dev.right, data)
            if card.calibration and not is_true(card.calibration):
                notes["not calibrated"] = dataclasses.asdict(card.calibration)
                card = dataclasses.replace(card, calibration=None)
        card = dataclasses.replace(card, notes=notes)
        write_card(self._target, card)
        saving.clear_states(self._states)
        return card


def warm_up(step: int, steps: int, share: float) -> float:
    """Give the part of the learning rate that counts: it grows at first, then falls to nothing."""
    warm = max(1, round(steps * share))
    return min((step + 1) / warm, (steps - step) / max(1, steps - warm + 1))


def _wants_bf16(precision: str, device: str) -> bool:
    if precision not in ("auto", "bf16", "fp32"):
        raise UsageError(f"The precision {precision!r} is none of fp32, bf16 and auto.")
    if precision != "auto":
        return precision == "bf16"
    return cpu_has_bf16() if device == "cpu" else device_has_bf16(device)


def _split(groups: Sequence[Group], parts: int) -> Iterator[list[Group]]:
    """Cut a step into parts of texts of like length, so that little is padded."""
    ordered = sorted(groups, key=lambda group: max(len(one.ids) for one in group.inputs))
    size = -(-len(ordered) // parts)
    return (ordered[start : start + size] for start in range(0, len(ordered), max(size, 1)))


def _list_ids(groups: Sequence[Group]) -> list[Ids]:
    return [one.ids for group in groups for one in group.inputs]
