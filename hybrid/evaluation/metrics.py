"""How good is a ranking? What was found at which rank goes in; numbers from 0 to 1 come out, one a question."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .libraries import need

#: The depths at which the paper counts answers (Karpukhin et al. 2020, Table 2 and figure 1), and the first.
DEPTHS = (1, 5, 20, 100)

Values = NDArray[np.float64]

#: Our names for what ``ir-measures`` computes.
_MEASURES = {"mrr": "RR", "ndcg@10": "nDCG@10", "map": "AP", "recall@20": "R@20", "recall@100": "R@100"}


def name_metrics(depths: Sequence[int], *, judged: bool) -> list[str]:
    """Name what is measured; ``judged`` says that passages or documents are judged by id."""
    return [*(f"top{depth}" for depth in depths), *(_MEASURES if judged else ())]


def find_first(right: Iterable[bool]) -> int | None:
    """Give the first rank, from 1, at which something is right."""
    return next((rank for rank, is_right in enumerate(right, 1) if is_right), None)


def count_found(firsts: Sequence[int | None], depths: Sequence[int] = DEPTHS) -> dict[str, Values]:
    """Give for each depth, named ``top20``, 1 for every question with something right down to there, and 0 else."""
    ranks = np.array([np.inf if first is None else first for first in firsts], dtype=np.float64)
    return {f"top{depth}": (ranks <= depth).astype(np.float64) for depth in depths}


def measure(rankings: Sequence[Sequence[str]], relevant: Sequence[Mapping[str, int]]) -> dict[str, Values]:
    """Give MRR, nDCG@10, MAP and Recall for each question from ranked ids and grades, computed by ``ir-measures``.

    Only the order counts: the tool gets ranks for scores, because it would order equal scores by itself. Passages
    below the end of a ranking are not found, and a question of which nothing is relevant counts 0.
    """
    ir_measures = need("ir_measures", "nDCG, MAP, MRR and Recall")
    measures = {ir_measures.parse_measure(theirs): ours for ours, theirs in _MEASURES.items()}
    # Numbers for names: an id may hold what upsets the tool, and a question may come twice.
    qrels = {str(number): dict(grades) for number, grades in enumerate(relevant)}
    run = {
        str(number): {one: float(len(ranking) - rank) for rank, one in enumerate(dict.fromkeys(ranking))}
        for number, (ranking, _) in enumerate(zip(rankings, relevant, strict=True))
    }
    values: dict[str, Values] = {name: np.zeros(len(relevant)) for name in _MEASURES}
    for found in ir_measures.iter_calc(list(measures), qrels, run):
        values[measures[found.measure]][int(found.query_id)] = found.value
    return values
