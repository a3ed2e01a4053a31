"""An index as a dictionary: what it holds, and what every search must give, worked out anew each time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hybrid.passages import Mode, Passage, hash_content
from hybrid.records import BulkReport, State, Status
from tests.agreement import Truth
from tests.reference import Bm25, Proposal, dot_products, propose, union_score

DIMENSION = 3
K1, B = 0.9, 0.4
PRIOR = (1.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """One search; the terms of its question are its words."""

    question: str
    #: None only in mode lexical.
    vector: Sequence[float] | None
    mode: Mode
    lam: float
    depth: int
    k: int
    #: Restricts both sides to passages whose ``meta.part`` is this.
    part: int | None

    @property
    def options(self) -> dict[str, Any]:
        """What ``search`` is given besides the question."""
        return {
            "vector": self.vector,
            "mode": self.mode,
            "lam": self.lam,
            "depth": self.depth,
            "k": self.k,
            "filter": None if self.part is None else {"term": {"meta.part": self.part}},
        }


@dataclass(slots=True)
class Model:
    """Passages by id; those that the encoder refused are remembered until they are written again."""

    passages: dict[str, Passage] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)

    def add(self, passages: Iterable[Passage]) -> BulkReport:
        """Write passages one after the other."""
        report = BulkReport()
        for passage in passages:
            report += BulkReport(updated=1) if passage.id in self.passages else BulkReport(created=1)
            self.passages[passage.id] = passage
            self.failed.discard(passage.id)
        return report

    def delete(self, ids: Sequence[str]) -> BulkReport:
        """Remove passages one after the other."""
        report = BulkReport()
        for passage_id in ids:
            there = self.passages.pop(passage_id, None) is not None
            self.failed.discard(passage_id)
            report += BulkReport(deleted=1) if there else BulkReport(missing=1)
        return report

    def delete_documents(self, document_ids: Sequence[str]) -> BulkReport:
        """Remove the passages of documents."""
        return self.delete([one.id for one in self.passages.values() if document_of(one) in document_ids])

    @property
    def pending(self) -> list[Passage]:
        """What an encoder would be given."""
        return [one for one in self.passages.values() if one.vector is None and one.id not in self.failed]

    def fill(self, outcomes: Mapping[str, ArrayLike | str]) -> None:
        """Take the outcome of each pending passage, by id."""
        for passage_id, outcome in outcomes.items():
            if isinstance(outcome, str):
                self.failed.add(passage_id)
            else:
                self.passages[passage_id] = replace(self.passages[passage_id], vector=outcome)

    def status(self) -> Status:
        """Count."""
        encoded = sum(one.vector is not None for one in self.passages.values())
        failed = len(self.failed)
        return Status(len(self.passages), encoded, len(self.passages) - encoded - failed, failed, deleted=0)

    def states(self) -> dict[str, State]:
        """Give the state of every passage."""
        return {
            one.id: State(document_of(one), hash_content(one), one.passages_total, one.vector is None)
            for one in self.passages.values()
        }

    def ordered(self) -> list[Passage]:
        """Give all passages by the bytes of their ids."""
        return sorted(self.passages.values(), key=lambda one: one.id.encode())

    def truth(self, asked: Asked) -> Truth:
        """Work out what a search must give."""
        passages = self.ordered()
        bm25 = Bm25([f"{one.title} {one.text}".split() for one in passages], K1, B).scores(asked.question.split())
        sim = np.full(len(passages), np.nan)
        if asked.vector is not None:
            sim = dot_products(np.array(asked.vector), _stack(passages))
        allowed = np.array([asked.part in (None, one.meta.get("part")) for one in passages], dtype=np.bool_)
        nowhere = np.zeros(len(passages), dtype=np.int64)
        lexical = propose(bm25, allowed & (bm25 > 0), asked.depth, nowhere)
        dense = propose(sim, allowed & ~np.isnan(sim), asked.depth, nowhere)
        scores = {"hybrid": union_score(bm25, sim, asked.lam, PRIOR), "lexical": bm25, "dense": sim}
        sides: dict[str, tuple[Proposal, ...]] = {
            "hybrid": (lexical, dense),
            "lexical": (lexical,),
            "dense": (dense,),
        }
        ids = [one.id for one in passages]
        places = {name: row for row, name in enumerate(ids)}
        return Truth(ids, places, bm25, sim, scores[asked.mode], sides[asked.mode], PRIOR)


def document_of(passage: Passage) -> str:
    """Give the document that a passage belongs to: itself, if it names none."""
    return passage.document_id or passage.id


def _stack(passages: Sequence[Passage]) -> np.ndarray[Any, np.dtype[np.float64]]:
    nothing = [np.nan] * DIMENSION
    return np.array([nothing if one.vector is None else one.vector for one in passages]).reshape(-1, DIMENSION)
