"""One training and what comes of it: a recipe and a seed in, the ranks of what is right for test questions out."""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.paper.budgets import Budget
from benchmarks.paper.figures import Run
from benchmarks.paper.recipes import Recipe
from benchmarks.paper.rows import make_rows
from benchmarks.paper.sets import Set, load_set
from benchmarks.paper.splits import spread
from hybrid.encoders import Encoder, load_encoder
from hybrid.encoders.training.loop import Told, Training
from hybrid.training.dpr_json import Row

#: Questions whose similarities to all passages are held at a time.
_AT_ONCE = 256
#: Seconds between two words of progress.
_SAY_EVERY = 20

Ranks = list[int | None]


def run_recipe(recipe: Recipe, budget: Budget, seed: int, device: str | None = None) -> Run:
    """Train by a recipe and test what comes out."""
    started = time.perf_counter()
    rows = gather_rows(recipe, budget, seed) if _begins_anew(recipe) else []
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "encoder"
        name = train(target, recipe, budget, seed, rows, device) if _begins_anew(recipe) else budget.model
        trained = time.perf_counter()
        encoder = load_encoder(name, device=device)
        ranks = {one: rank_right(encoder, load_set(one), recipe.count_tests(budget)) for one in recipe.tests}
    facts = {
        "rows": len(rows),
        "train_s": round(trained - started, 1),
        "test_s": round(time.perf_counter() - trained, 1),
    }
    return Run(table="", row="", seed=seed, ranks=ranks, facts=facts)


def gather_rows(recipe: Recipe, budget: Budget, seed: int) -> list[Row]:
    """Give the rows of all sets that a recipe learns from."""
    count = recipe.count_rows(budget)
    return [row for name in recipe.sets for row in make_rows(recipe, load_set(name), count, seed)]


def train(
    target: Path, recipe: Recipe, budget: Budget, seed: int, rows: Sequence[Row], device: str | None = None
) -> str:
    """Train an encoder into a folder, and name it."""
    training = Training(target, budget.model, recipe.make_plan(budget, seed), rows, None, device)
    training.run(_say_progress())
    return str(target)


def rank_right(encoder: Encoder, asked: Set, count: int | None) -> Ranks:
    """Give the rank of the best passage that is right, for test questions evenly spread, among all passages."""
    places = spread(asked.test, count).tolist()
    passages = encoder.encode_passages([("", text) for text in asked.passages])
    questions = encoder.encode_questions([asked.questions[place] for place in places])
    ranks: Ranks = []
    for start in range(0, len(places), _AT_ONCE):
        sims = questions[start : start + _AT_ONCE] @ passages.T
        for own, place in zip(sims, places[start : start + _AT_ONCE], strict=True):
            right = np.array(sorted(asked.right[place]))
            best = right[np.argmax(own[right])]
            before = np.flatnonzero(own == own[best]) < best
            ranks.append(1 + int((own > own[best]).sum() + before.sum()))
    return ranks


def _begins_anew(recipe: Recipe) -> bool:
    return recipe.trained or recipe.start == "cut"


def _say_progress() -> Callable[[Told], None]:
    """Say now and then how far it is."""
    said = [time.monotonic()]

    def tell(told: Told) -> None:
        if told.loss is not None and time.monotonic() - said[0] > _SAY_EVERY:
            said[0] = time.monotonic()
            print(f"  step {told.step} of {told.steps}, loss {told.loss:.3f}", file=sys.stderr, flush=True)

    return tell
