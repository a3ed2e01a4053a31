"""What is compared: modes, λs and rules of fusion by name, each of which ranks the same candidates."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..fusion import is_weight
from .fusion_rules import (
    Candidates,
    Ranks,
    Scores,
    add_head_bonus,
    add_min_max,
    add_reciprocal_ranks,
    add_true_scores,
    add_z_scores,
    fill_minimum,
    fill_zero,
    order,
)

HYBRID, LEXICAL, DENSE = "hybrid", "lexical", "dense"
MODES = (HYBRID, LEXICAL, DENSE)
#: Rules of fusion as they are done elsewhere; those that weigh sim do so with the index's λ.
FUSIONS = ("rrf", "min-max", "z-score", "minimum", "zero", "head")


@dataclass(frozen=True, slots=True)
class Rule:
    """A way to rank candidates."""

    name: str
    score: Callable[[Candidates], Scores]
    #: Which candidates it ranks; all of them where it says nothing.
    holds: Callable[[Candidates], NDArray[np.bool_]] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """The best of a question's candidates by one rule: their places among them, and their scores."""

    places: Ranks
    scores: Scores


def choose_rules(modes: Sequence[str], lambdas: Iterable[float], fusions: Iterable[str], lam: float) -> list[Rule]:
    """Give the rules of those names; ``lam`` is the index's λ, ``lambdas`` are more of them."""
    for name in modes:
        if name not in MODES:
            raise UsageError(f"{name!r} is no mode; say some of {', '.join(MODES)}.")
    rules = [_mode(name, lam) for name in modes]
    rules += [weigh(value) for value in lambdas]
    rules += [_fusion(name, lam) for name in fusions]
    return list({rule.name: rule for rule in rules}.values())


def weigh(lam: float) -> Rule:
    """Give the rule that adds λ times sim."""
    if not is_weight(lam):
        raise UsageError(f"lambda is {lam}; say a finite number of 0 or more.")
    return Rule(f"lambda {lam:g}", partial(add_true_scores, lam=lam))


def cut_depth(depth: int, lam: float) -> Rule:
    """Give the rule that adds λ times sim, as if each list had ended at ``depth``."""
    return Rule(
        f"depth {depth}",
        partial(add_true_scores, lam=lam),
        lambda found: _within(found.rank_bm25, depth) | _within(found.rank_dense, depth),
    )


def pick_best(candidates: Candidates, rule: Rule, k: int) -> Best:
    """Give the best k, ties by id."""
    held = np.arange(len(candidates.ids)) if rule.holds is None else np.flatnonzero(rule.holds(candidates))
    scores = rule.score(candidates)[held]
    if len(held) > k:
        reached = scores >= np.partition(scores, len(scores) - k)[-k]
        held, scores = held[reached], scores[reached]
    chosen = order([candidates.ids[place] for place in held.tolist()], scores)[:k]
    return Best(held[chosen], scores[chosen])


def _mode(name: str, lam: float) -> Rule:
    if name == LEXICAL:
        return Rule(name, lambda found: found.bm25, lambda found: found.rank_bm25 > 0)
    if name == DENSE:
        return Rule(name, lambda found: found.sim, lambda found: found.rank_dense > 0)
    return Rule(name, partial(add_true_scores, lam=lam))


def _within(ranks: Ranks, depth: int) -> NDArray[np.bool_]:
    return (ranks > 0) & (ranks <= depth)


def _fusion(name: str, lam: float) -> Rule:
    scores: dict[str, Callable[[Candidates], Scores]] = {
        "rrf": add_reciprocal_ranks,
        "min-max": add_min_max,
        "z-score": add_z_scores,
        "minimum": partial(fill_minimum, lam=lam),
        "zero": partial(fill_zero, lam=lam),
        "head": add_head_bonus,
    }
    if name not in scores:
        raise UsageError(f"{name!r} is no rule of fusion; say some of {', '.join(FUSIONS)}.")
    return Rule(name, scores[name])
