"""The job's proof: every row and every passage is in exactly one column."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of one job: ``rows = accepted + rejected``, ``passages = created + updated + unchanged + duplicate``."""

    rows: int = 0
    accepted: int = 0
    rejected: int = 0
    passages: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicate: int = 0
    #: Surplus passages of documents that became shorter.
    deleted: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, part.name) + getattr(other, part.name) for part in fields(Tally)))

    @classmethod
    def read(cls, counts: Mapping[str, int]) -> Self:
        """Read a tally from a job's record."""
        return cls(**{part.name: int(counts.get(part.name, 0)) for part in fields(cls)})

    @property
    def adds_up(self) -> bool:
        """Whether nothing was lost and nothing counted twice."""
        rows = self.rows == self.accepted + self.rejected
        return rows and self.passages == self.created + self.updated + self.unchanged + self.duplicate

    def proof(self) -> str:
        """Write both equations."""
        mark = "=" if self.adds_up else "≠"
        return (
            f"rows {self.rows} {mark} accepted {self.accepted} + rejected {self.rejected}\n"
            f"passages {self.passages} {mark} created {self.created} + updated {self.updated} "
            f"+ unchanged {self.unchanged} + duplicate {self.duplicate}"
        )
