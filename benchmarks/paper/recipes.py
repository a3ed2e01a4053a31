"""What is trained for each row: a ``Recipe``, which with a ``Budget`` makes a plan of training."""

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass
from typing import Literal

from benchmarks.paper.budgets import Budget
from hybrid.encoders.presets import Measure
from hybrid.encoders.training.plan import COSINE_SCALE, Loss, Plan

Kind = Literal["random", "gold"]
Start = Literal["cut", "whole"]

#: The batch that a budget's learning rate is for. Adam's steps are as long as the rate says, so with fewer and larger
#: batches it grows by the root of their size; else small batches would win by the number of their steps.
_RATED_BATCH = 32
#: The learning rate of what has learnt already, as a part of that of what begins anew.
_GENTLE = 0.2
#: What of a budget every training depends on.
_DECIDING = ("lr", "towers", "model", "cut_layers", "own_ways")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One way to train; all that is not said is as in the paper's best row of Table 3, but for the batch."""

    #: Whether anything is learnt; else the encoder is tested as it begins.
    trained: bool = True
    #: Sets to learn from.
    sets: tuple[str, ...] = ("sentences",)
    #: Sets to test on.
    tests: tuple[str, ...] = ("sentences",)
    batch: int = 32
    in_batch: bool = True
    #: Passages high in BM25's list that are not right.
    hard: int = 1
    #: Other passages that a question brings along, and what they are: any, or those that are right for others.
    own: int = 0
    kind: Kind | None = None
    similarity: Measure = "dot"
    loss: Loss = "nll"
    #: Whether positives only hold the answer.
    distant: bool = False
    questions: int | None = None
    #: Whether all questions of both halves are taken, whatever the budget.
    whole: bool = False
    start: Start = "cut"

    def make_plan(self, budget: Budget, seed: int) -> Plan:
        """Give the plan of one training."""
        return Plan(
            epochs=self._epochs(budget),
            batch=self.batch,
            hard_negatives=self.hard,
            negatives=self.own,
            in_batch=self.in_batch,
            loss=self.loss,
            similarity=self.similarity,
            scale=COSINE_SCALE if self.similarity == "cosine" else None,
            towers=budget.towers,
            max_length=self._length(budget),
            lr=self._rate(budget),
            mask_false_negatives=budget.own_ways,
            reinit_layers=budget.cut_layers if self.start == "cut" else 0,
            # An epoch is over in minutes; states are for longer ones.
            save_every=10**6,
            seed=seed,
        )

    def _length(self, budget: Budget) -> int:
        return budget.whole_length if self.whole else budget.max_length

    def _epochs(self, budget: Budget) -> int:
        if not self.trained:
            return 0
        return budget.whole_epochs if self.whole else budget.epochs

    def _rate(self, budget: Budget) -> float:
        if not budget.own_ways:
            return budget.lr
        gentle = _GENTLE if self.start == "whole" else 1.0
        return budget.lr * gentle * math.sqrt(self.batch / _RATED_BATCH)

    def count_rows(self, budget: Budget) -> int | None:
        """Give how many questions of each set are learnt from; None is all."""
        return None if self.whole else self.questions or budget.questions

    def count_tests(self, budget: Budget) -> int | None:
        """Give how many questions of each set are tested; None is all."""
        return None if self.whole else budget.tested

    def digest(self, budget: Budget) -> str:
        """Name what is trained with it, so that results are kept apart."""
        as_it_is = not self.trained and self.start == "whole"
        said = {name: getattr(budget, name) for name in (("model",) if as_it_is else _DECIDING)}
        shown = (self._epochs(budget), 0 if as_it_is else self._length(budget))
        told = [dataclasses.asdict(self), said, shown, self.count_rows(budget), self.count_tests(budget)]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]


def _own(kind: str, count: int) -> Recipe:
    """Give a row of Table 3's top block: questions with their own passages only, and as many a step as in batch-8."""
    alone = Recipe(batch=8, in_batch=False)
    if kind == "bm25":
        return dataclasses.replace(alone, hard=count)
    return dataclasses.replace(alone, hard=0, own=count, kind="random" if kind == "random" else "gold")


_BEST = Recipe()
#: By table and row. Rows that the paper has stand under its names.
RECIPES: dict[str, dict[str, Recipe]] = {
    "3": {
        **{f"{kind}-7": _own(kind, 7) for kind in ("random", "bm25", "gold")},
        "batch-8": Recipe(batch=8, hard=0),
        "batch-32": Recipe(batch=32, hard=0),
        "batch-128": Recipe(batch=128, hard=0),
        "batch-32+1": _BEST,
        "batch-32+2": Recipe(hard=2),
        "batch-128+1": Recipe(batch=128),
    },
    "3-own": {f"{kind}-{count}": _own(kind, count) for count in (31, 127) for kind in ("random", "bm25", "gold")},
    "5": {
        "gold": Recipe(sets=("answered",), tests=("answered",)),
        "distant": Recipe(sets=("answered",), tests=("answered",), distant=True),
    },
    "6": {
        "dot-nll": _BEST,
        "dot-triplet": Recipe(loss="triplet"),
        "l2-nll": Recipe(similarity="l2"),
        "l2-triplet": Recipe(similarity="l2", loss="triplet"),
        "cosine-nll": Recipe(similarity="cosine"),
    },
    "cross": {
        "untrained": Recipe(trained=False, tests=("sentences", "policyqa", "vaswani")),
        "sentences": Recipe(tests=("sentences", "policyqa", "vaswani")),
        "policyqa": Recipe(sets=("policyqa",), tests=("sentences", "policyqa", "vaswani")),
        "both": Recipe(sets=("sentences", "policyqa"), tests=("sentences", "policyqa", "vaswani")),
    },
    "half": {
        "minilm": Recipe(trained=False, whole=True, start="whole"),
        "minilm, trained": Recipe(similarity="cosine", whole=True, start="whole"),
        "cut": Recipe(trained=False, whole=True),
        "cut, trained": Recipe(whole=True),
    },
}


#: What the names of rows end in that begin with the encoder as it is; claims do not count them.
AS_IT_IS = ", as it is"


def find_recipes(table: str, budget: Budget) -> dict[str, Recipe]:
    """Give a table's recipes by row, and those that begin with the encoder as it is; none where none is trained."""
    if table == "half":
        return RECIPES[table]
    recipes = RECIPES.get(table, {})
    if table == "figure1":
        # The largest is the row of another table.
        sizes = {str(size): None if size == budget.questions else size for size in budget.sizes}
        recipes = {row: Recipe(questions=size) for row, size in sizes.items()}
    whole = {f"{row}{AS_IT_IS}": dataclasses.replace(recipe, start="whole") for row, recipe in recipes.items()}
    return {**recipes, **whole}
