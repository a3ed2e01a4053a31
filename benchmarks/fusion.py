"""Is the sum better than other fusions? ``python -m benchmarks.fusion --engine local --engine cluster``.

Asks the questions of four data sets through the code of ``hybrid tune`` and prints top-1, 5, 20 and 100 accuracy of
each way to rank, with 95 % intervals. With both engines the same questions are asked of both, and it is told how far
apart the figures are. What is right is told by the passage's id. MiniLM was trained on SQuAD, so it is better on the
first two sets than it would be elsewhere. ``--json`` prints all that was found, the first engine's figures where both
were asked.
"""

import argparse
import json
import secrets
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.judged import COLLECTIONS, SETS, Judged, load_collection, load_set
from hybrid import IndexSpec, create_index, delete_index, open_index
from hybrid.engines.contract import Index
from hybrid.evaluation.bootstrap import Difference, Interval
from hybrid.evaluation.measuring import Judge
from hybrid.evaluation.report import Measured
from hybrid.evaluation.rules import FUSIONS
from hybrid.evaluation.tuning import Plan, Tuning, tune
from hybrid.settings import Settings
from tests import vectors
from tests.exactness import write_settled
from tests.services.discover import opensearch_service

ENGINES = ("local", "cluster")
METRICS = ("top1", "top5", "top20", "top100")
_WIDTH = 22
Found = tuple[Tuning, Measured]


@dataclass(frozen=True, slots=True)
class Gap:
    """How far two engines are apart, over everything that was measured."""

    #: Outcomes, right or wrong down to a rank, and those that are not the same on both.
    outcomes: int
    changed: int
    #: The widest difference between two figures.
    widest: float


def main() -> None:
    """Measure each set on each engine."""
    options, kept = _parse_options(), []
    shown = sys.stderr if options.json else sys.stdout
    with ExitStack() as stack:
        indexes = {engine: stack.enter_context(open_collections(engine)) for engine in options.engine or ["local"]}
        for name in options.set or SETS:
            judged = load_set(name).draw(options.questions, options.seed)
            passages = len(load_collection(judged.collection))
            print(f"\n{name}: {len(judged.questions)} questions, {passages} passages", file=shown, flush=True)
            found = {engine: _measure(opened[judged.collection], judged) for engine, opened in indexes.items()}
            tuning, gap = next(iter(found.values()))[0], _compare(*found.values()) if len(found) > 1 else None
            print(*_describe(tuning, gap), sep="\n", file=shown, flush=True)
            kept.append(_to_json(name, passages, tuning, gap))
    if options.json:
        print(json.dumps(kept, indent=2))


def _measure(index: Index, judged: Judged) -> Found:
    plan = Plan(fusions=FUSIONS)
    tuning, tally = tune(index, judged.questions, judged.vectors, Judge("ids"), plan)
    return tuning, tally.measured()


def _describe(tuning: Tuning, gap: Gap | None) -> Iterator[str]:
    modes = tuning.evaluation.modes
    yield f"{'':10}" + "".join(f"{metric:>{_WIDTH}}" for metric in METRICS)
    for mode, metrics in modes.items():
        yield f"{mode:10}" + "".join(f"{_interval(metrics[metric]):>{_WIDTH}}" for metric in METRICS)
    yield "tuned is better by"
    for mode in modes:
        tests = [
            test.difference for test in tuning.evaluation.tests if test.second == mode and test.metric in METRICS
        ]
        if tests:
            yield f"{mode:10}" + "".join(f"{describe_difference(test):>{_WIDTH}}" for test in tests)
    curve = tuning.curve
    yield f"best λ {curve.best:g} ({curve.low:g} to {curve.high:g}), chosen {curve.chosen:g}; " + "; ".join(
        f"λ {check.chosen:g}, chosen on one half, misses the other's best by {100 * check.missed:.2f}"
        for check in tuning.checks
    )
    if gap is not None:
        differ = (
            f"figures differ by {100 * gap.widest:.3f} points at most, {gap.changed} of {gap.outcomes} outcomes do"
        )
        yield f"both engines: {differ}"


def _compare(first: Found, second: Found) -> Gap:
    changed = total = 0
    widest = 0.0
    for rule, metrics in first[1].items():
        for metric in METRICS:
            one, other = metrics[metric], second[1][rule][metric]
            changed += int((one != other).sum())
            total += len(one)
            widest = max(widest, abs(float(one.mean() - other.mean())))
    return Gap(total, changed, widest)


def _to_json(name: str, passages: int, tuning: Tuning, gap: Gap | None) -> dict[str, Any]:
    engines = None if gap is None else {"outcomes": gap.outcomes, "changed": gap.changed, "widest": gap.widest}
    return {"set": name, "passages": passages, "engines": engines, **tuning.to_json()}


def _interval(one: Interval) -> str:
    return f"{100 * one.mean:.1f} [{100 * one.low:.1f}, {100 * one.high:.1f}]"


def describe_difference(one: Difference) -> str:
    """Write a difference in points."""
    return f"{100 * one.mean:+z.1f} [{100 * one.low:+z.1f}, {100 * one.high:+z.1f}]"


@contextmanager
def open_collections(engine: str) -> Iterator[Mapping[str, Index]]:
    """Give both collections, indexed and settled."""
    with ExitStack() as stack:
        if engine == "local":
            base = stack.enter_context(tempfile.TemporaryDirectory()) + "/"
        else:
            base = f"{stack.enter_context(opensearch_service()).url}/bench-{secrets.token_hex(4)}-"
        opened = {}
        for name in COLLECTIONS:
            create_index(base + name, vectors.PROFILE, IndexSpec(), settings=Settings())
            stack.callback(delete_index, base + name, settings=Settings())
            write_settled(base + name, load_collection(name))
            opened[name] = stack.enter_context(open_index(base + name, settings=Settings()))
        yield opened


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Ways to rank, side by side on real questions.")
    parser.add_argument("--engine", action="append", choices=ENGINES, help="local by default; both are compared")
    parser.add_argument("--set", action="append", choices=SETS, help="all by default")
    parser.add_argument("--questions", type=int, help="of each set; all by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print JSON, and the tables on standard error")
    return parser.parse_args()


if __name__ == "__main__":
    main()
