"""Questions that an encoder is judged by while it learns: the right passage's rank among those of all questions."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...errors import UsageError
from ...training.dpr_json import Row
from ..tokens import Pair
from .examples import Places
from .plan import KeepBy, Plan

if TYPE_CHECKING:
    from torch import Tensor

#: The authors' code: so many wrong passages of each kind a question brings along.
WRONG = 30
DEPTHS = (1, 5, 20, 100)
#: Questions that are compared with all passages at once.
_BLOCK = 256


@dataclass(frozen=True, slots=True, eq=False)
class DevSet:
    """Questions, and the passages of all of them; a question's right passages do not stand in each other's way."""

    questions: tuple[str, ...]
    contexts: tuple[Pair, ...]
    #: Column of the passage that is looked for, and columns of all that are right.
    targets: Places
    right: tuple[Places, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """What an encoder is worth on a ``DevSet``; rank 1 is the best."""

    questions: int
    passages: int
    average_rank: float
    #: Share of questions, in percent, whose right passage is among so many.
    top1: float
    top5: float
    top20: float
    top100: float

    def is_better(self, than: float | None, by: KeepBy) -> bool:
        """Tell whether this beats a figure: a lower rank, or a higher share."""
        own = self.get(by)
        return than is None or (own < than if by == "average_rank" else own > than)

    def get(self, name: KeepBy) -> float:
        """Give the figure of that name."""
        value: float = getattr(self, name)
        return value


def make_dev_set(rows: Sequence[Row]) -> DevSet:
    """Pool the passages of all rows that have a right one; a passage that several bring is there once."""
    kept = [row for row in rows if row.positives]
    if not kept:
        raise UsageError("The questions to judge by have no right passage.")
    pool: dict[Pair, int] = {}
    same: dict[tuple[str, ...], set[int]] = defaultdict(set)
    for row in kept:
        for one in (row.positives[0], *row.hard_negatives[:WRONG], *row.negatives[:WRONG]):
            column = pool.setdefault((one.title, one.text), len(pool))
            for name in row.name(one):
                same[name].add(column)
    right = [
        sorted({column for one in row.positives for name in row.name(one) for column in same[name]}) for row in kept
    ]
    return DevSet(
        tuple(row.question for row in kept),
        tuple(pool),
        np.array([pool[row.positives[0].title, row.positives[0].text] for row in kept]),
        tuple(np.array(one) for one in right),
    )


def measure(questions: "Tensor", contexts: "Tensor", dev: DevSet, plan: Plan) -> Figures:
    """Judge vectors; a passage that is as similar as the right one stands before it."""
    import torch

    from .losses import compare

    ranks = []
    for start in range(0, len(dev.questions), _BLOCK):
        scores = compare(questions[start : start + _BLOCK], contexts, plan).float().cpu()
        for number, row in enumerate(scores, start):
            own = float(row[dev.targets[number]])
            row[torch.from_numpy(dev.right[number])] = float("-inf")
            # What is no number beats everything, so that a model that has gone astray is worth nothing.
            ranks.append(1 + int((~(row < own)).sum()))
    found = np.array(ranks)
    shares = {f"top{depth}": round(100 * float((found <= depth).mean()), 2) for depth in DEPTHS}
    return Figures(len(ranks), len(dev.contexts), round(float(found.mean()), 3), **shares)
