"""Is there a rule that is better than the sum at every k? ``python -m benchmarks.beyond``.

Each family of rules has parameters; those are taken that do best on one half of the questions about SQuAD's
sentences, by the mean of top-1, 5, 20 and 100. One rule has five weights that are learned from the same half. Printed
is by how much the rule is then better than the sum, whose λ is chosen in the same way, on questions that nothing was
chosen by: the other half, XQuAD, PolicyQA and Vaswani. A rule holds up if it is nowhere worse beyond chance, and
somewhere better beyond chance, and at no k worse on the mean of all sets. ``--json`` prints all differences.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import product
from typing import Any

import numpy as np

from benchmarks.fusion import METRICS, describe_difference, open_collections
from benchmarks.judged import SETS, Judged, load_set
from benchmarks.learning import learn
from hybrid.engines.contract import Index
from hybrid.evaluation.asking import ask
from hybrid.evaluation.bootstrap import Difference, compare
from hybrid.evaluation.curves import MEAN, pick_metric
from hybrid.evaluation.evaluating import count_all
from hybrid.evaluation.fusion_rules import (
    Candidates,
    Ranks,
    Scores,
    add_head_bonus,
    add_reciprocal_ranks,
    add_true_scores,
)
from hybrid.evaluation.halves import split
from hybrid.evaluation.measuring import Judge
from hybrid.evaluation.metrics import Values
from hybrid.evaluation.report import Measured
from hybrid.evaluation.rules import Rule

SUM = "sum"
LAMBDAS = (0.5, 0.6, 0.75, 0.85, 0.95, 1.1, 1.3, 1.5)
#: Beside another parameter, λ is tried close to where the sum is best.
NEAR = (0.75, 0.85, 1.0)
#: A BM25 and a sim that are usual for the best passage.
USUAL_BM25, USUAL_SIM = 20.0, 10.0


def main() -> None:
    """Ask all questions once, choose, and compare."""
    options = _parse_options()
    sets = {name: load_set(name).draw(options.questions, 0) for name in SETS}
    halves = split(sets[SETS[0]].questions)
    with open_collections("local") as indexes:
        families = dict(_families())
        families["learned weights"] = [_learn(indexes[sets[SETS[0]].collection], sets[SETS[0]], halves.first)]
        rules = [rule for family in families.values() for rule in family]
        found = {name: _measure(indexes[judged.collection], judged, rules) for name, judged in sets.items()}
    known, unknown = (_pick(found[SETS[0]], places) for places in (halves.first, halves.second))
    held_out = {f"{SETS[0]}, other half": unknown, **{name: found[name] for name in SETS[1:]}}
    best_sum, kept = _choose(known, families[SUM]), {}
    shown = sys.stderr if options.json else sys.stdout
    for family, members in families.items():
        best = _choose(known, members)
        reached = "/".join(f"{100 * known[best][metric].mean():.1f}" for metric in METRICS)
        print(f"\n{family}: {best}, {reached} where it was chosen; against the sum:", file=shown)
        differences = {
            name: compare([(measured[best][metric], measured[best_sum][metric]) for metric in METRICS])
            for name, measured in held_out.items()
        }
        for name, found_there in differences.items():
            print(f"  {name:28}" + "".join(f"{describe_difference(one):>22}" for one in found_there), file=shown)
        kept[family] = {"rule": best, "holds": _holds(differences.values()), **_to_json(differences)}
    print("\nhold up:", ", ".join(name for name, one in kept.items() if one["holds"]) or "none", file=shown)
    if options.json:
        print(json.dumps(kept, indent=2))


def _holds(differences: Iterable[Sequence[Difference]]) -> bool:
    """Tell whether a rule is better, and not only on one set."""
    sets = list(differences)
    every = [one for found in sets for one in found]
    means = np.mean([[one.mean for one in found] for found in sets], axis=0)
    return all(one.high >= 0 for one in every) and any(one.low > 0 for one in every) and bool((means >= 0).all())


def _to_json(differences: Mapping[str, Sequence[Difference]]) -> dict[str, Any]:
    return {
        "better by": {
            name: {metric: asdict(one) for metric, one in zip(METRICS, found, strict=True)}
            for name, found in differences.items()
        }
    }


def _learn(index: Index, judged: Judged, places: Ranks) -> Rule:
    questions = [judged.questions[place] for place in places.tolist()]
    linear = learn(one for some in ask(index, questions, judged.vectors[places]) for one in some)
    return Rule(str(linear), linear)


def _measure(index: Index, judged: Judged, rules: Sequence[Rule]) -> Measured:
    return count_all(index, ask(index, judged.questions, judged.vectors), rules, Judge("ids")).measured()


def _families() -> Iterator[tuple[str, list[Rule]]]:
    yield SUM, [_rule(add_true_scores, lam=lam) for lam in LAMBDAS]
    yield "reciprocal ranks", [_rule(add_reciprocal_ranks)]
    yield (
        "bonus for the head of either list",
        [
            _rule(add_head_bonus, weight=lam, bonus=bonus, half=half)
            for lam, bonus, half in product(NEAR, (2.0, 4.0, 6.0), (5.0, 20.0))
        ],
    )
    yield (
        "sum and reciprocal ranks",
        [_rule(_add_ranks, lam=lam, bonus=bonus) for lam, bonus in product(NEAR, (1.0, 2.0, 4.0))],
    )
    yield (
        "sum and shares of each side's best",
        [_rule(_add_shares, lam=lam, weight=weight) for lam, weight in product(NEAR, (5.0, 10.0, 20.0))],
    )
    yield (
        "the larger side counts more",
        [_rule(_favour_larger, lam=lam, weight=weight) for lam, weight in product(NEAR, (0.2, 0.5, 1.0))],
    )
    yield (
        "a mixture of what each side and the sum hold for likely",
        [
            _rule(_mix, lam=0.85, heat=heat, lexical=lexical, dense=dense)
            for heat, lexical, dense in product((1.5, 3.0), (0.1, 0.25), (0.1, 0.25))
        ],
    )
    powers = (-0.5, -0.25, 0.25, 0.5)
    yield "λ by the best BM25", [_rule(_by_best_bm25, lam=lam, power=power) for lam, power in product(NEAR, powers)]
    yield "λ by the best sim", [_rule(_by_best_sim, lam=lam, power=power) for lam, power in product(NEAR, powers)]
    yield (
        "λ by how far both lists agree",
        [_rule(_by_agreement, lam=lam, power=power) for lam, power in product(NEAR, powers)],
    )
    depths = ((50, 50), (100, 100), (200, 200), (50, 2000), (200, 2000), (2000, 50), (2000, 200))
    yield (
        "depth of each side",
        [Rule(f"lam={lam:g} depths={deep}", _sum(lam), _within(*deep)) for lam, deep in product(NEAR, depths)],
    )


def _rule(score: Callable[..., Scores], **parameters: float) -> Rule:
    name = " ".join([score.__name__.strip("_"), *(f"{key}={value:g}" for key, value in parameters.items())])
    return Rule(name, lambda found: score(found, **parameters))


def _sum(lam: float) -> Callable[[Candidates], Scores]:
    return lambda found: add_true_scores(found, lam)


def _within(lexical: int, dense: int) -> Callable[[Candidates], np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    def held(found: Candidates) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        sides = ((found.rank_bm25, lexical), (found.rank_dense, dense))
        one, other = ((ranks > 0) & (ranks <= depth) for ranks, depth in sides)
        return one | other

    return held


def _add_ranks(found: Candidates, lam: float, bonus: float, half: float = 20.0) -> Scores:
    return add_true_scores(found, lam) + bonus * (_decay(found.rank_bm25, half) + _decay(found.rank_dense, half))


def _add_shares(found: Candidates, lam: float, weight: float) -> Scores:
    shares = found.bm25 / max(_best(found.bm25), 1.0) + lam * found.sim / max(_best(found.sim), 1.0)
    return add_true_scores(found, lam) + weight * shares


def _favour_larger(found: Candidates, lam: float, weight: float) -> Scores:
    return add_true_scores(found, lam) + weight * np.maximum(found.bm25, lam * found.sim)


def _mix(found: Candidates, lam: float, heat: float, lexical: float, dense: float) -> Scores:
    """Add likelihoods: with some chance one side alone is right, else the sum is."""
    both = (1 - lexical - dense) * _likelihoods(add_true_scores(found, lam), heat)
    return both + lexical * _likelihoods(found.bm25, heat) + dense * _likelihoods(found.sim, heat)


def _by_best_bm25(found: Candidates, lam: float, power: float) -> Scores:
    return add_true_scores(found, lam * (max(_best(found.bm25), 1.0) / USUAL_BM25) ** power)


def _by_best_sim(found: Candidates, lam: float, power: float) -> Scores:
    return add_true_scores(found, lam * (max(_best(found.sim), 1.0) / USUAL_SIM) ** power)


def _by_agreement(found: Candidates, lam: float, power: float) -> Scores:
    heads = [(ranks > 0) & (ranks <= 20) for ranks in (found.rank_bm25, found.rank_dense)]
    shared = 1 + np.count_nonzero(heads[0] & heads[1])
    return add_true_scores(found, lam * (shared / 5) ** power)


def _likelihoods(scores: Scores, heat: float) -> Scores:
    raised: Scores = np.exp((scores - scores.max(initial=-np.inf)) / heat)
    likely: Scores = raised / raised.sum()
    return likely


def _decay(ranks: Ranks, half: float) -> Scores:
    return np.where(ranks > 0, half / (half + ranks), 0.0)


def _best(values: Scores) -> float:
    return float(values.max(initial=0.0))


def _choose(known: Measured, rules: Sequence[Rule]) -> str:
    return max((rule.name for rule in rules), key=lambda name: pick_metric(known[name], MEAN).mean())


def _pick(measured: Measured, places: Ranks) -> dict[str, Mapping[str, Values]]:
    return {rule: {metric: column[places] for metric, column in found.items()} for rule, found in measured.items()}


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Rules that might be better than the sum.")
    parser.add_argument("--questions", type=int, help="of each set; all by default")
    parser.add_argument("--json", action="store_true", help="print JSON, and the tables on standard error")
    return parser.parse_args()


if __name__ == "__main__":
    main()
