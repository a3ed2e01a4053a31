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
from torch import nn

from ...encoders.backends import Means
from ...encoders.machine import count_cpus
from ...encoders.tokens import Ids
from ...encoders.torch_models import find_devices, pad
from ...errors import UsageError
from ...training.optimizing import enough_memory, make_optimizer, take_step, wants_bf16, warm_up
from ...training.states import (
    CANDIDATE,
    CANDIDATE_ENCODER,
    clear_states,
    hold_states,
    name_data,
    place_states,
    replace,
    resume,
    save_state,
    storing,
)
from ..calibrating import calibrate, is_true
from ..cards import Card, write_card
from ..folders import Folder, read_folder
from ..reader import Reader, open_frame
from ..torch_readers import SpanModel
from . import saving
from .dev import DevSet, Figures, measure
from .examples import Example
from .inputs import Group, Inputs
from .joint import Joint, QuestionTower
from .losses import batch_loss
from .start import make_model

#: Of a plan: what only costs memory or time; what ``accumulate`` changes besides is which numbers dropout draws.
_COSTS = ("accumulate", "save_every")


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
    #: The part of the loss that is the retriever's, if it is trained, too.
    retriever: float | None = None


Tell = Callable[[Told], None]


class Learners(nn.Module):
    """What is trained: a reader, and with it, in joint training, the tower of the questions that it is asked."""

    def __init__(self, reader: SpanModel, tower: QuestionTower | None):
        super().__init__()
        self.reader, self.tower = reader, tower


class Training:
    """One training: a reader in ``target``, and beside it, until it is done, states to go on from."""

    def __init__(
        self,
        target: Path,
        start: Folder,
        plan: Plan,
        examples: Sequence[Example],
        device: str | None = None,
        joint: Joint | None = None,
    ):
        self._target, self._start, self._plan, self._examples = target, start, plan, examples
        self._joint = joint
        if joint and joint.target.resolve() == target.resolve():
            raise UsageError(f"The reader and the encoder cannot both be {target}; name two folders.")
        self._states = place_states(target, *([joint.target] if joint else []))
        self._device = find_devices(device)[0]
        if self._device == "cpu":
            torch.set_num_threads(min(torch.get_num_threads(), count_cpus()))
        self._has_bf16 = wants_bf16(plan.precision, self._device)
        tokenizer, frame = open_frame(start)
        self._inputs = Inputs(tokenizer, frame, start.max_length, plan.passages)
        self._blank = int(start.checkpoint.config.get("pad_token_id") or 0)
        self._per_epoch = -(-len(examples) // plan.batch)
        self.steps = plan.epochs * self._per_epoch

    def run(self, dev: DevSet | None, data: str, tell: Tell) -> Card:
        """Train to the end, keep the best reader, calibrate it, and give its card; ``data`` names the questions."""
        with hold_states(self._states), enough_memory(self._advise()):
            self._train(dev, tell)
            return self._finish(dev, data)

    def _train(self, dev: DevSet | None, tell: Tell) -> None:
        learners = self._make_learners().to(self._device)
        optimizer = make_optimizer(learners.parameters(), self._plan.lr)
        name = self._name(dev)
        state = resume(self._states, name, learners, optimizer)
        done, best = (state.step, state.facts["best"]) if state else (0, None)
        if self.steps == 0:
            self._judge(learners, None, None)
        for step in range(done, self.steps):
            loss, retriever = self._step(learners, optimizer, step)
            figures, ends = None, (step + 1) % self._per_epoch == 0
            if ends:
                figures = self._judge(learners, dev, best)
                best = self._best(figures, best)
            if ends or (step + 1) % self._plan.save_every == 0:
                facts = {"best": best, "plan": name}
                save_state(self._states, step + 1, learners, optimizer, facts)
            tell(Told(step + 1, self.steps, loss, figures, retriever))

    def _name(self, dev: DevSet | None) -> str:
        """Give what tells this training from others: all but what only costs memory or time."""
        plan = {name: one for name, one in dataclasses.asdict(self._plan).items() if name not in _COSTS}
        judged = (*dev.alone, *dev.among, *dev.right) if dev else ()
        told = (plan, self._start.name, self._start.max_length, name_data(self._examples), name_data(judged))
        return json.dumps([*told, self._joint.name if self._joint else None])

    def _advise(self) -> str:
        """Say what takes less memory."""
        if self._plan.accumulate < self._plan.batch:
            more = min(self._plan.batch, 2 * self._plan.accumulate)
            return f"give the same command with --accumulate {more}"
        return "begin anew with fewer --passages, or with a smaller --max-length"

    def _make_learners(self) -> Learners:
        reader = make_model(self._start, self._plan.seed)
        if self._plan.freeze_embeddings:
            saving.freeze_embeddings(reader)
        return Learners(reader, self._joint.make_tower() if self._joint else None)

    def _step(self, learners: Learners, optimizer: torch.optim.Optimizer, step: int) -> tuple[float, float | None]:
        """Learn from the questions of one step, and give the loss and the retriever's part of it."""
        torch.manual_seed(self._plan.seed * 1_000_003 + step)
        learners.train()
        groups = list(self._read(step))
        total = 0.0
        for part in _split(groups, self._plan.accumulate):
            with torch.autocast(torch.device(self._device).type, torch.bfloat16, enabled=self._has_bf16):
                ids, mask = (one.to(self._device) for one in pad(_list_ids(part), self._blank))
                relevance, scores = learners.reader(ids, mask)
                loss = batch_loss(relevance, scores, part) * (len(part) / len(groups))
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        retriever = self._retrieve(learners, step)
        take_step(optimizer, self._plan.lr * warm_up(step, self.steps, self._plan.warmup))
        return total + (retriever or 0.0), retriever

    def _retrieve(self, learners: Learners, step: int) -> float | None:
        """Let the questions' tower learn from a step, if it is trained, and give its loss."""
        if self._joint is None or learners.tower is None:
            return None
        numbers = self._choose(step)
        questions = [self._examples[number].question for number in numbers]
        with torch.autocast(torch.device(self._device).type, torch.bfloat16, enabled=self._has_bf16):
            loss = self._joint.candidates.compare(learners.tower(questions), numbers)
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    def _choose(self, step: int) -> list[int]:
        """Give the numbers of the examples of a step."""
        epoch, place = divmod(step, self._per_epoch)
        order = np.random.default_rng((self._plan.seed, epoch)).permutation(len(self._examples))
        numbers: list[int] = order[place * self._plan.batch : (place + 1) * self._plan.batch].tolist()
        return numbers

    def _read(self, step: int) -> Iterator[Group]:
        """Give the questions of a step; those whose answer is not made of whole words are passed over."""
        for number in self._choose(step):
            rng = np.random.default_rng((self._plan.seed, step // self._per_epoch, number))
            group = self._inputs.make(self._examples[number], rng)
            if group is not None:
                yield group

    def _judge(self, learners: Learners, dev: DevSet | None, best: float | None) -> Figures | None:
        """Save the reader as it is now, judge it as it was saved, and keep it if it is better than the best."""
        card = self._start.card
        if self._plan.freeze_embeddings:
            card = dataclasses.replace(card, base=card.base or self._start.name)
        elif self.steps:
            card = dataclasses.replace(card, base=None)
        if self._plan.passages == 1:
            # Nobody has taught it which passage is relevant; the retriever knows.
            card = dataclasses.replace(card, beta=0.0, gamma=1.0)
        candidate = self._states / CANDIDATE
        saving.save_reader(candidate, learners.reader, self._start, card)
        if self._joint and learners.tower:
            self._joint.save(learners.tower, self._states / CANDIDATE_ENCODER)
        figures = measure(self._open(candidate), dev, among=self._plan.passages > 1) if dev else None
        if figures is None or best is None or figures.among.em > best:
            if self._joint:
                replace(self._states / CANDIDATE_ENCODER, self._joint.target)
            replace(candidate, self._target)
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
        with storing(self._target):
            write_card(self._target, card)
        clear_states(self._states)
        return card


def _split(groups: Sequence[Group], parts: int) -> Iterator[list[Group]]:
    """Cut a step into parts of texts of like length, so that little is padded."""
    ordered = sorted(groups, key=lambda group: max(len(one.ids) for one in group.inputs))
    size = -(-len(ordered) // parts)
    return (ordered[start : start + size] for start in range(0, len(ordered), max(size, 1)))


def _list_ids(groups: Sequence[Group]) -> list[Ids]:
    return [one.ids for group in groups for one in group.inputs]
