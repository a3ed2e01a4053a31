"""What a step learns from: questions, passages, which passage is right, and which ones count against it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...evaluation.matching import match_answers
from ...evaluation.questions import Question
from ...training.dpr_json import Context, Row
from ..tokens import Pair
from .examples import Examples
from .plan import Plan


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Questions and passages; a question's right passage and those that are wrong for it."""

    questions: tuple[str, ...]
    contexts: tuple[Pair, ...]
    #: Column of each question's right passage.
    targets: NDArray[np.int64]
    #: Whether a passage (column) counts for a question (row); the right one does.
    counts: NDArray[np.bool_]

    @property
    def idle(self) -> int:
        """Count the questions for which nothing is wrong."""
        return int((self.counts.sum(axis=1) == 1).sum())


@dataclass(frozen=True, slots=True)
class Choice:
    """A row, with the passages that were chosen; the right one first."""

    row: Row
    contexts: tuple[Context, ...]


class Batches:
    """The batches of a training, each made the same way whenever it is asked for."""

    def __init__(self, examples: Examples, plan: Plan):
        self._examples, self._plan = examples, plan
        #: Questions of a step.
        self.size = min(plan.batch, examples.per_epoch)
        #: Steps of an epoch.
        self.per_epoch = -(-examples.per_epoch // self.size)

    def ends(self, step: int) -> bool:
        """Tell whether a step is the last one of an epoch."""
        return (step + 1) % self.per_epoch == 0

    def make(self, step: int) -> Batch:
        """Make the batch of a step; an epoch's last is filled up with its first, so that all have one size."""
        epoch, place = divmod(step, self.per_epoch)
        order = self._examples.order(self._plan.seed, epoch)
        places = range(place * self.size, (place + 1) * self.size)
        return assemble([self._choose(int(order[one % len(order)]), epoch, one) for one in places], self._plan)

    def _choose(self, number: int, epoch: int, place: int) -> Choice:
        row = self._examples.rows[number]
        return choose(row, self._plan, np.random.default_rng((self._plan.seed, epoch, place)))


def choose(row: Row, plan: Plan, rng: np.random.Generator) -> Choice:
    """Choose a row's passages at random; other negatives stand in for hard ones that it lacks."""
    right = row.positives[int(rng.integers(len(row.positives))) if plan.shuffle_positives else 0]
    hard = _shuffle(row.hard_negatives, rng)[: plan.hard_negatives]
    others = _shuffle(row.negatives, rng)[: plan.hard_negatives - len(hard) + plan.negatives]
    return Choice(row, (right, *hard, *others))


def assemble(choices: Sequence[Choice], plan: Plan) -> Batch:
    """Lay rows beside each other, and work out which passage counts for which question."""
    ends = np.cumsum([len(one.contexts) for one in choices])
    starts = np.concatenate([[0], ends[:-1]])
    contexts = [context for one in choices for context in one.contexts]
    owners = np.repeat(np.arange(len(choices)), ends - starts)
    own = owners == np.arange(len(choices))[:, None]
    counts = own if plan.is_alone else np.ones_like(own)
    if plan.mask_false_negatives:
        counts = mask_false(counts, own, choices, contexts)
    counts[np.arange(len(choices)), starts] = True
    pairs = tuple((one.title, one.text) for one in contexts)
    return Batch(tuple(one.row.question for one in choices), pairs, starts.astype(np.int64), counts)


def mask_false(
    counts: NDArray[np.bool_], own: NDArray[np.bool_], choices: Sequence[Choice], contexts: Sequence[Context]
) -> NDArray[np.bool_]:
    """Take out the passages that may be right for a question, so that they do not count against it.

    They are those that the row names as right, by id or text, and those that hold its answer; but what a row itself
    names as wrong is wrong, whatever it holds.
    """
    kept = counts.copy()
    names = [name for one in choices for name in map(one.row.name, one.contexts)]
    for number, one in enumerate(choices):
        right = {name for positive in one.row.positives for name in one.row.name(positive)}
        matcher = match_answers(Question("", one.row.question, one.row.answers, one.row.patterns))
        for column in np.flatnonzero(counts[number]).tolist():
            holds = not own[number, column] and matcher.matches(contexts[column].text)
            kept[number, column] = right.isdisjoint(names[column]) and not holds
    return kept


def _shuffle(contexts: Sequence[Context], rng: np.random.Generator) -> list[Context]:
    return [contexts[place] for place in rng.permutation(len(contexts)).tolist()]
