"""Training an encoder: a ``Plan`` in, a folder with the best epoch's towers out. Stopped at any moment, it can go on.

What a step does follows from the plan and the number of the step alone: its questions, their passages, and dropout.
"""

import dataclasses
import functools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import ModelError, UsageError
from ...training.dpr_json import Row
from ...training.optimizing import enough_memory, make_optimizer, take_step, wants_bf16, warm_up
from ...training.states import (
    CANDIDATE,
    clear_states,
    hold_states,
    name_data,
    place_states,
    replace,
    resume,
    save_state,
)
from .. import l2
from ..machine import count_cpus
from ..presets import Card, Reading
from ..tokens import Pair
from ..torch_models import find_devices
from .batches import Batch, Batches
from .caching import Texts, backpropagate, encode, find_chunk, find_part
from .examples import DataSet, gather
from .losses import Slope, differentiate
from .plan import Plan as Plan
from .processes import Together, run_together
from .saving import save_encoder
from .start import find_start
from .towers import Towers, load_towers
from .validating import Figures, make_dev_set, measure

#: Right passages that the usual ‖p‖² is taken of.
_SAMPLE = 1000


@dataclass(frozen=True, slots=True)
class Told:
    """How far training is; step 0 is what it begins with."""

    step: int
    steps: int
    #: Of the step: its loss, and the share of its questions whose right passage is the most similar one.
    loss: float | None = None
    right: float | None = None
    #: At the end of an epoch: how many of its questions had no wrong passage, so that they taught nothing.
    idle: int = 0
    #: At the end of an epoch, where there are questions to judge by.
    figures: Figures | None = None


Tell = Callable[[Told], None]


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a training."""

    card: Card
    #: The epoch that was kept, from 1; 0 is what training began with.
    epoch: int
    #: Before training, and in the epoch that was kept.
    before: Figures | None
    after: Figures | None


class Training:
    """One training: an encoder in ``target``, and beside it, until it is done, states to go on from."""

    def __init__(
        self,
        target: Path,
        start: str,
        plan: Plan,
        rows: Sequence[Row] | Sequence[DataSet],
        dev: Sequence[Row] | None = None,
        device: str | None = None,
        processes: int = 1,
    ):
        self._target, self.plan = target, plan
        self._states = place_states(target)
        self._devices = find_places(device, processes)
        #: What is learnt from, and what was left out.
        self.examples = gather(rows, plan)
        self._start = find_start(start, plan)
        self._dev = make_dev_set(dev) if dev is not None else None
        self._batches = Batches(self.examples, plan)
        self.steps = plan.epochs * self._batches.per_epoch
        shares = [(one.rows, one.rate) for one in self.examples.sets]
        data = name_data(self.examples.rows), shares, name_data(dev or ())
        # What tells this training from others.
        self._name = json.dumps([plan.name_outcome(), start, data])

    @property
    def max_length(self) -> int | None:
        """Tokens of an input that are read: as planned, or as many as the model can."""
        return self._start.card.passage.max_length

    def run(self, tell: Tell) -> Trained:
        """Train to the end, on all devices, and say what came of it."""
        with hold_states(self._states):
            return run_together(self._run, self._devices, tell)

    def _run(self, together: Together, device: str, tell: Tell) -> Trained:
        """Do what one of the processes does."""
        with enough_memory(self.plan.advise(find_chunk(self.plan.chunk_tokens, torch.device(device)))):
            return self._train(together, device, tell)

    def _train(self, together: Together, device: str, tell: Tell) -> Trained:
        if device == "cpu":
            torch.set_num_threads(min(torch.get_num_threads(), max(1, count_cpus() // together.size)))
        towers = load_towers(self._start, self.plan, has_bf16=wants_bf16(self.plan.precision, device)).to(device)
        optimizer = make_optimizer(towers.parameters(), self.plan.lr)
        state = resume(self._states, self._name, towers, optimizer)
        trained = _remember(state.facts["trained"]) if state else self._begin(towers, together, tell)
        idle = state.facts["idle"] if state else 0
        for step in range(state.step if state else 0, self.steps):
            batch, figures, ends = self._batches.make(step), None, self._batches.ends(step)
            slope = self._learn(batch, step, towers, together)
            take_step(optimizer, self.plan.lr * warm_up(step, self.steps, self.plan.warmup))
            idle += batch.idle
            if ends:
                self._refuse_idleness(idle)
                figures = self._judge(towers, together)
                trained = self._keep(trained, figures, (step + 1) // self._batches.per_epoch, towers, together)
            if together.leads and (ends or (step + 1) % self.plan.save_every == 0):
                facts = {"plan": self._name, "trained": dataclasses.asdict(trained), "idle": 0 if ends else idle}
                save_state(self._states, step + 1, towers, optimizer, facts)
            if together.leads:
                right = slope.right / len(batch.questions)
                tell(Told(step + 1, self.steps, slope.loss, right, idle if ends else 0, figures))
            idle = 0 if ends else idle
        if together.leads:
            clear_states(self._states)
        return trained

    def _begin(self, towers: Towers, together: Together, tell: Tell) -> Trained:
        """Judge what training begins with."""
        figures = self._judge(towers, together)
        trained = Trained(self._start.card, 0, figures, None)
        if together.leads:
            tell(Told(0, self.steps, figures=figures))
        return trained if self.steps else self._keep(trained, figures, 0, towers, together)

    def _learn(self, batch: Batch, step: int, towers: Towers, together: Together) -> Slope:
        """Give the weights the gradient of one step."""
        targets, counts = (torch.from_numpy(one).to(towers.device) for one in (batch.targets, batch.counts))
        chunk = find_chunk(self.plan.chunk_tokens, towers.device)
        texts = self._read(batch.questions, batch.contexts)
        parts = texts.cut(find_part(chunk, towers.device), (self.plan.seed, step))
        differ = functools.partial(differentiate, targets=targets, counts=counts, plan=self.plan)
        slope = backpropagate(towers, texts, parts, chunk, differ, together)
        if not math.isfinite(slope.loss):
            raise ModelError(
                f"The loss of step {step + 1} is {slope.loss}; take a lower --lr, or --precision fp32, and name "
                "another folder."
            )
        return slope

    def _refuse_idleness(self, idle: int) -> None:
        """Refuse to go on after an epoch in which nothing was wrong for any question."""
        if idle == self._batches.per_epoch * self._batches.size:
            raise UsageError(
                "Nothing was wrong for any question of an epoch, so there is nothing to learn; give rows with hard "
                "negatives, more questions, or larger batches."
            )

    def _judge(self, towers: Towers, together: Together) -> Figures | None:
        if self._dev is None:
            return None
        return measure(*self._encode(towers, together, self._dev.questions, self._dev.contexts), self._dev, self.plan)

    def _keep(
        self, trained: Trained, figures: Figures | None, epoch: int, towers: Towers, together: Together
    ) -> Trained:
        """Write the encoder as it is now, if it is better than before, or if nobody judges it."""
        best = trained.after.get(self.plan.keep_by) if trained.after else None
        if figures is not None and not figures.is_better(best, self.plan.keep_by):
            return trained
        card = self._describe(towers, together)
        found = dataclasses.replace(trained, card=card, epoch=epoch, after=figures)
        if together.leads:
            candidate = self._states / CANDIDATE
            save_encoder(candidate, towers, self._start, card, self._note(found))
            replace(candidate, self._target)
        return found

    def _describe(self, towers: Towers, together: Together) -> Card:
        """Give the card; where distances count, with the usual length of right passages."""
        card = self._start.card
        if self.plan.similarity != "l2":
            return card
        sample = [(one.title, one.text) for one in (row.positives[0] for row in self.examples.rows[:_SAMPLE])]
        _, vectors = self._encode(towers, together, (), sample)
        return dataclasses.replace(card, level=l2.find_level(vectors.cpu().numpy()))

    def _note(self, trained: Trained) -> dict[str, Any]:
        """Say how the encoder came about."""
        return {
            "from": self._start.name,
            "plan": dataclasses.asdict(self.plan),
            "sets": [dataclasses.asdict(one) for one in self.examples.sets],
            "rows": len(self.examples.rows),
            "left out": dataclasses.asdict(self.examples.left),
            **{name: fact for name, fact in dataclasses.asdict(trained).items() if name != "card"},
        }

    def _encode(
        self, towers: Towers, together: Together, questions: Sequence[str], contexts: Sequence[Pair]
    ) -> tuple[Tensor, Tensor]:
        texts = self._read(questions, contexts)
        size = find_part(find_chunk(self.plan.chunk_tokens, towers.device), towers.device)
        return encode(towers, texts, texts.cut(size, ()), together)

    def _read(self, questions: Sequence[str], contexts: Sequence[Pair]) -> Texts:
        """Give the token ids of texts."""
        asked = [("", question) for question in questions]
        return Texts(self._start.questions.read(asked), self._start.passages.read(contexts))


def find_places(device: str | None, processes: int) -> list[str]:
    """Give the device of every process: GPUs that are named, the first GPU, or the processor, which several share."""
    found = find_devices(device)[: None if device else 1]
    if processes < 1:
        raise UsageError(f"processes is {processes}; say 1 or more.")
    if processes > 1 and found != ["cpu"]:
        raise UsageError("--processes is for the processor, --device cpu; GPUs are named: --device cuda:0,cuda:1.")
    return found * processes


def _remember(facts: dict[str, Any]) -> Trained:
    """Read back what a state knows."""
    figures = {name: facts[name] and Figures(**facts[name]) for name in ("before", "after")}
    reading = {side: Reading(**facts["card"][side]) for side in ("question", "passage")}
    return Trained(card=Card(**{**facts["card"], **reading}), epoch=facts["epoch"], **figures)
