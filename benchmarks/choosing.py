"""Is a λ that few questions chose better than none? ``python -m benchmarks.choosing``.

Questions are asked once. Then some of them are drawn again and again, a λ is chosen by these, and it is told by how
much that λ is better than 1.1 on all others: on average, and in the worst of twenty draws. Beside the λ that ``tune``
chooses stands the best one, which is the top of the smoothed curve. At last λ is chosen on one half of the questions
and compared with what had been best on the other half, where no passage is right for questions of both.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.fusion import open_collections
from benchmarks.judged import SETS, Judged, load_set
from hybrid.engines.contract import Index
from hybrid.evaluation.asking import ask
from hybrid.evaluation.bootstrap import Floats
from hybrid.evaluation.curves import LAMBDAS, MEAN, choose, find_best, pick_metric
from hybrid.evaluation.evaluating import count_all
from hybrid.evaluation.halves import split
from hybrid.evaluation.measuring import Judge
from hybrid.evaluation.questions import Question
from hybrid.evaluation.rules import weigh
from hybrid.fusion import PAPER_LAMBDA

SIZES = (50, 100, 200, 500)
DRAWS, SPLITS = 80, 20
CHOICES: dict[str, Callable[[Floats], int]] = {
    "best": lambda columns: find_best(LAMBDAS, columns),
    "chosen": lambda columns: choose(LAMBDAS, columns, PAPER_LAMBDA),
}


def main() -> None:
    """Measure each set in a folder; Vaswani has too few questions."""
    parser = argparse.ArgumentParser(description="How λ is chosen from few questions.")
    parser.add_argument("--questions", type=int, help="of each set; all by default")
    parser.add_argument("--json", action="store_true", help="print JSON, and the tables on standard error")
    options = parser.parse_args()
    shown, found = sys.stderr if options.json else sys.stdout, {}
    with open_collections("local") as indexes:
        for name in SETS[:-1]:
            judged = load_set(name).draw(options.questions, 0)
            found[name] = _measure(judged, _ask(indexes[judged.collection], judged))
            print(f"\n{name}, points", *_describe(found[name]), sep="\n", file=shown, flush=True)
    if options.json:
        print(json.dumps(found, indent=2))


def _ask(index: Index, judged: Judged) -> Floats:
    """Give the mean accuracy in points, a row for each question and a column for each λ."""
    rules = [weigh(lam) for lam in LAMBDAS]
    measured = count_all(index, ask(index, judged.questions, judged.vectors), rules, Judge("ids")).measured()
    return 100 * np.stack([pick_metric(measured[rule.name], MEAN) for rule in rules], axis=1)


def _measure(judged: Judged, columns: Floats) -> dict[str, Any]:
    return {
        name: {
            "gains": {str(size): _draw(columns, size, pick) for size in SIZES if 2 * size < len(columns)},
            "halves": _halve(judged.questions, columns, pick),
        }
        for name, pick in CHOICES.items()
    }


def _draw(columns: Floats, size: int, pick: Callable[[Floats], int]) -> dict[str, float]:
    rng, own = np.random.default_rng(1), LAMBDAS.index(PAPER_LAMBDA)
    gains = []
    for _ in range(DRAWS):
        places = rng.permutation(len(columns))
        others = columns[places[size:]].mean(axis=0)
        gains.append(others[pick(columns[places[:size]])] - others[own])
    return {"mean": float(np.mean(gains)), "worst of twenty": float(np.quantile(gains, 0.05))}


def _halve(questions: Sequence[Question], columns: Floats, pick: Callable[[Floats], int]) -> dict[str, float]:
    missed = []
    for seed in range(SPLITS):
        halves = split(questions, seed)
        for known, unknown in ((halves.first, halves.second), (halves.second, halves.first)):
            reached = columns[unknown].mean(axis=0)
            missed.append(reached.max() - reached[pick(columns[known])])
    within = float(np.mean(np.array(missed) <= 0.5))
    return {"missed": float(np.mean(missed)), "most": float(np.max(missed)), "within 0.5": within}


def _describe(found: dict[str, Any]) -> Iterator[str]:
    for name, one in found.items():
        gains = (
            f"{size}: {got['mean']:+z.2f} ({got['worst of twenty']:+z.2f})" for size, got in one["gains"].items()
        )
        yield f"{name:8}by so many questions better than 1.1 (worst of twenty)  " + "   ".join(gains)
        half = one["halves"]
        yield (
            f"{name:8}by one half, on the other missed {half['missed']:.2f}, {half['most']:.2f} at most, "
            f"{half['within 0.5']:.0%} within 0.5"
        )


if __name__ == "__main__":
    main()
