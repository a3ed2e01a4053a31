"""Negatives: some questions with their positives go in, and what was taken for each, kind by kind, comes out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..engines.contract import Index
from ..evaluation.questions import Question
from ..evaluation.texts import Texts
from ..passages import SearchResult
from ..requests import SearchOptions, Vectors
from ..training.dpr_json import Context
from .guards import Guard, find_ceiling
from .plan import SEARCHED, Kind, Plan
from .positives import hit_to_context, to_context

#: Passages drawn for a question: so many for each that is wanted, and some more, since guards leave some out.
_DRAWN_FOR_ONE, _DRAWN_MORE = 4, 32
#: Tells the draws of one kind from those of another.
_STREAMS: Mapping[Kind, int] = {"random": 1, "gold": 2}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that has positives."""

    place: int
    question: Question
    positives: tuple[Context, ...]


@dataclass(slots=True)
class Taken:
    """What was taken of one kind, and why other passages were not: how many, and the first."""

    passages: list[Context] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)
    #: The ids of those that a margin could not be applied to: they or the positive have no vector.
    unbounded: list[str] = field(default_factory=list)

    def leave_out(self, reason: str, name: str) -> None:
        """Count a passage that is not taken."""
        self.left_out[reason] += 1
        self.first.setdefault(reason, name)


class Negatives:
    """Finds the negatives of questions in one index."""

    def __init__(self, index: Index, texts: Texts, plan: Plan, pools: Mapping[Kind, Sequence[str]]):
        """``pools`` hold the ids that are drawn from."""
        self._index = index
        self._texts = texts
        self._plan = plan
        self._pools = pools

    def find(self, some: Sequence[Asked], vectors: Vectors | None) -> list[dict[Kind, Taken]]:
        """Give the negatives of some questions, kind by kind."""
        if not some:
            return []
        ceilings = self._find_ceilings(some, vectors)
        guards = [
            Guard(one.question, one.positives, self._plan, ceiling)
            for one, ceiling in zip(some, ceilings, strict=True)
        ]
        taken: list[dict[Kind, Taken]] = [{} for _ in some]
        bounded = self._plan.margin is not None
        for kind, count in self._plan.negatives.items():
            offered = self._offer(kind, count, some, vectors)
            for own, guard, candidates in zip(taken, guards, offered, strict=True):
                own[kind] = _take(candidates, guard, count, bounded=bounded and kind in SEARCHED)
        return taken

    def _offer(
        self, kind: Kind, count: int, some: Sequence[Asked], vectors: Vectors | None
    ) -> Iterable[Iterable[tuple[Context, float | None]]]:
        """Give what might be taken for each question, the best first, with the sim where it is known."""
        if kind in SEARCHED:
            first, last = self._plan.window
            results = self._search(kind, some, vectors)
            return [[(hit_to_context(hit), hit.sim) for hit in result.hits[first - 1 : last]] for result in results]
        return self._draw(kind, count, some)

    def _search(self, kind: Kind, some: Sequence[Asked], vectors: Vectors | None) -> list[SearchResult]:
        _, last = self._plan.window
        options: SearchOptions = {"mode": SEARCHED[kind], "k": last, "dense": self._plan.dense}
        options["depth"] = max(last, self._index.profile.depth)
        given = [None] * len(some) if vectors is None else vectors
        return self._index.search_many([one.question.text for one in some], given, **options)

    def _draw(self, kind: Kind, count: int, some: Sequence[Asked]) -> Iterator[Iterator[tuple[Context, None]]]:
        pool = self._pools[kind]
        size = min(len(pool), _DRAWN_FOR_ONE * count + _DRAWN_MORE)
        names = []
        for one in some:
            rng = np.random.default_rng([self._plan.seed, _STREAMS[kind], one.place])
            names.append([pool[at] for at in rng.choice(len(pool), size, replace=False).tolist()])
        stored = self._texts.get(name for drawn in names for name in drawn)
        for drawn in names:
            yield ((to_context(stored[name]), None) for name in drawn if name in stored)

    def _find_ceilings(self, some: Sequence[Asked], vectors: Vectors | None) -> list[float | None]:
        """Give the highest sim that negatives of each question may have, by the sim of its first positive."""
        if self._plan.margin is None or vectors is None:
            return [None] * len(some)
        ids = sorted({one.positives[0].id for one in some})
        options: SearchOptions = {"mode": "dense", "dense": "exact", "k": len(ids), "depth": len(ids), "text": False}
        options["filter"] = {"ids": {"values": ids}}
        results = self._index.search_many([one.question.text for one in some], vectors, **options)
        sims = [{hit.id: hit.sim for hit in result.hits} for result in results]
        return [
            find_ceiling(own.get(one.positives[0].id), self._plan.margin) for one, own in zip(some, sims, strict=True)
        ]


def _take(candidates: Iterable[tuple[Context, float | None]], guard: Guard, count: int, *, bounded: bool) -> Taken:
    taken = Taken()
    for passage, sim in candidates:
        if len(taken.passages) == count:
            break
        if reason := guard.take(passage, sim):
            taken.leave_out(reason, passage.id)
            continue
        taken.passages.append(passage)
        if bounded and (sim is None or guard.ceiling is None):
            taken.unbounded.append(passage.id)
    return taken
