"""A rule with few weights, learned: questions whose passage is known go in, a linear rule of fusion comes out.

The weights make the right passage as likely as can be among the best of a question's candidates, where likelihoods
are the softmax of the scores.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.evaluation.asking import Asked
from hybrid.evaluation.fusion_rules import Candidates, Scores

#: What the rule adds up.
FEATURES = ("bm25", "sim", "head of BM25's list", "head of sim's list", "head of either")
#: Rank at which being at the head counts half.
HALF = 20.0
#: Candidates of each question that are learned from: the best by the plain sum.
_LEARNED = 150
_STEPS, _RATE = 600, 0.05

Table = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """A rule that adds weighted features."""

    weights: Sequence[float]

    def __call__(self, found: Candidates) -> Scores:
        """Give the scores of candidates."""
        scores: Scores = _features(found) @ np.array(self.weights)
        return scores

    def __str__(self) -> str:
        first = self.weights[0]
        return ", ".join(f"{name} {weight / first:.2f}" for name, weight in zip(FEATURES, self.weights, strict=True))


def learn(asked: Iterable[Asked]) -> Linear:
    """Learn from questions of which one passage is right, by gradient descent (Adam)."""
    tables, starts, right = [], [0], []
    for one in asked:
        features = _features(one.candidates)
        best = np.argsort(-(features[:, 0] + features[:, 1]), kind="stable")[:_LEARNED]
        (places,) = np.nonzero([one.candidates.ids[place] in one.question.relevant for place in best.tolist()])
        if len(places):
            tables.append(features[best])
            right.append(starts[-1] + int(places[0]))
            starts.append(starts[-1] + len(best))
    table = np.concatenate(tables)
    spread = table.std(axis=0)
    return Linear(tuple((_descend(table / spread, np.array(starts[:-1]), np.array(right)) / spread).tolist()))


def _descend(table: Table, starts: NDArray[np.int64], right: NDArray[np.int64]) -> Table:
    sizes = np.diff([*starts, len(table)])
    weights = np.array([1.0, 1.0, *[0.0] * (table.shape[1] - 2)])
    speed, energy = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, _STEPS + 1):
        scores = table @ weights
        likely = np.exp(scores - np.repeat(np.maximum.reduceat(scores, starts), sizes))
        likely /= np.repeat(np.add.reduceat(likely, starts), sizes)
        gradient = (likely @ table - table[right].sum(axis=0)) / len(starts)
        speed, energy = 0.9 * speed + 0.1 * gradient, 0.99 * energy + 0.01 * gradient**2
        weights -= _RATE * (speed / (1 - 0.9**step)) / (np.sqrt(energy / (1 - 0.99**step)) + 1e-9)
    return weights


def _features(found: Candidates) -> Table:
    heads = [np.where(ranks > 0, HALF / (HALF + ranks), 0.0) for ranks in (found.rank_bm25, found.rank_dense)]
    return np.stack([found.bm25, found.sim, *heads, np.maximum(*heads)], axis=1)
