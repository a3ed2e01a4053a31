"""Is the sum better than other fusions? ``python -m benchmarks.fusion --engine local --engine cluster``.

Asks the questions of four data sets through the code of ``hybrid tune`` and prints top-1, 5, 20 and 100 accuracy of
each way to rank, with 95 % intervals. With both engines the same questions are asked of both, and it is told how far
apart the figures are. What is right is told by the passage's id. MiniLM was trained on SQuAD, so it is better on the
first two sets than it would be elsewhere.
"""

import argparse
import secrets
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

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
Found = tuple[Tuning, Measured]


def main() -> None:
    """Measure each set on each engine."""
    options = _parse_options()
    with ExitStack() as stack:
        indexes = {engine: stack.enter_context(open_collections(engine)) for engine in options.engine or ["local"]}
        for name in options.set or SETS:
            judged = load_set(name).draw(options.questions, options.seed)
            found = {engine: _measure(opened[judged.collection], judged) for engine, opened in indexes.items()}
            _say(f"\n{name}: {len(judged.questions)} questions, {len(load_collection(judged.collection))} passages")
            for line in _describe(next(iter(found.values()))[0]):
                _say(line)
            if len(found) > 1:
                _say(_compare(*found.values()))


def _measure(index: Index, judged: Judged) -> Found:
    plan = Plan(fusions=FUSIONS)
    tuning, tally = tune(index, judged.questions, judged.vectors, Judge("ids"), plan)
    return tuning, tally.measured()


def _describe(tuning: Tuning) -> Iterator[str]:
    modes = tuning.evaluation.modes
    yield f"{'':10}" + "".join(f"{metric:>20}" for metric in METRICS)
    for mode, metrics in modes.items():
        yield f"{mode:10}" + "".join(f"{_interval(metrics[metric]):>20}" for metric in METRICS)
    yield "tuned is better by"
    for mode in modes:
        tests = [
            test.difference for test in tuning.evaluation.tests if test.second == mode and test.metric in METRICS
        ]
        if tests:
            yield f"{mode:10}" + "".join(f"{describe_difference(test):>20}" for test in tests)
    curve = tuning.curve
    yield f"best λ {curve.best:g} ({curve.low:g} to {curve.high:g}); " + "; ".join(
        f"λ {check.chosen:g}, chosen on one half, misses the other's best by {100 * check.missed:.2f}"
        for check in tuning.checks
    )


def _compare(first: Found, second: Found) -> str:
    """Tell how far two engines are apart, over everything that was measured."""
    changed = total = 0
    widest = 0.0
    for rule, metrics in first[1].items():
        for metric in METRICS:
            one, other = metrics[metric], second[1][rule][metric]
            changed += int((one != other).sum())
            total += len(one)
            widest = max(widest, abs(float(one.mean() - other.mean())))
    return f"both engines: figures differ by {100 * widest:.3f} points at most, {changed} of {total} outcomes do"


def _interval(one: Interval) -> str:
    return f"{100 * one.mean:.1f} [{100 * one.low:.1f}, {100 * one.high:.1f}]"


def describe_difference(one: Difference) -> str:
    """Write a difference in points."""
    return f"{100 * one.mean:+.1f} [{100 * one.low:+.1f}, {100 * one.high:+.1f}]"


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
    return parser.parse_args()


def _say(line: str) -> None:
    print(line, file=sys.stdout, flush=True)


if __name__ == "__main__":
    main()
