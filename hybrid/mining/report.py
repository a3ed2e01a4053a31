"""What was kept, what was left out and why: counts, and the first example of each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..evaluation.validate import Fault
from .negatives import Taken
from .plan import Kind
from .positives import Found
from .wanted import Wanted


@dataclass(slots=True)
class Count:
    """How often something happened, and where first."""

    count: int = 0
    first: str = ""

    def add(self, where: str, count: int = 1) -> None:
        """Count once more, or several times."""
        self.first = self.first or where
        self.count += count


@dataclass(slots=True)
class Kinds:
    """What became of one kind of negatives."""

    taken: Count = field(default_factory=Count)
    #: Questions that have fewer than were wanted.
    short: Count = field(default_factory=Count)
    #: Those taken that a margin could not be applied to.
    unbounded: Count = field(default_factory=Count)
    left_out: dict[str, Count] = field(default_factory=dict)


@dataclass(slots=True)
class Report:
    """All that mining can tell about itself."""

    faults: tuple[Fault, ...] = ()
    questions: int = 0
    #: Questions that an earlier command had dealt with.
    resumed: int = 0
    kept: int = 0
    positives: int = 0
    #: Questions without a positive, by reason.
    dropped: dict[str, Count] = field(default_factory=dict)
    #: Passages that questions bring and that were not taken, by reason; other positives of theirs may have been.
    left_out: dict[str, Count] = field(default_factory=dict)
    negatives: dict[Kind, Kinds] = field(default_factory=dict)

    def add_positives(self, wanted: Wanted, found: Found) -> None:
        """Count a question, and what became of it."""
        name = wanted.question.id
        self.questions += 1
        if found.positives:
            self.kept += 1
        else:
            self.dropped.setdefault(found.dropped, Count()).add(name)
        for reason, gold in found.left_out:
            self.left_out.setdefault(reason, Count()).add(f"{name}: {gold}")

    def add_negatives(self, wanted: Wanted, counts: Mapping[Kind, int], taken: Mapping[Kind, Taken]) -> None:
        """Count what was taken for a question that was kept."""
        name = wanted.question.id
        for kind, count in counts.items():
            own, found = self.negatives.setdefault(kind, Kinds()), taken[kind]
            if found.passages:
                own.taken.add(f"{name}: {found.passages[0].id}", len(found.passages))
            if len(found.passages) < count:
                own.short.add(name)
            if found.unbounded:
                own.unbounded.add(f"{name}: {found.unbounded[0]}", len(found.unbounded))
            for reason, times in found.left_out.items():
                own.left_out.setdefault(reason, Count()).add(f"{name}: {found.first[reason]}", times)

    def rows(self) -> Iterator[tuple[str, str, int, str]]:
        """Give what it is about, what became of it, how often, and the first example."""
        yield "questions", "kept", self.kept, ""
        yield from (("questions", f"dropped: {why}", one.count, one.first) for why, one in self.dropped.items())
        yield "positives", "written", self.positives, ""
        yield from (("positives", f"left out: {why}", one.count, one.first) for why, one in self.left_out.items())
        for kind, own in self.negatives.items():
            yield kind, "written", own.taken.count, own.taken.first
            if own.short.count:
                yield kind, "questions with fewer than wanted", own.short.count, own.short.first
            if own.unbounded.count:
                yield kind, "written without --margin: no vector", own.unbounded.count, own.unbounded.first
            yield from ((kind, f"left out: {why}", one.count, one.first) for why, one in own.left_out.items())
        yield from (("data", fault.name, fault.count, fault.examples[0]) for fault in self.faults)

    def to_json(self) -> dict[str, Any]:
        """Give all of it."""
        return {
            "questions": self.questions,
            "kept": self.kept,
            "dropped": _to_json(self.dropped),
            "positives": {"written": self.positives, "left_out": _to_json(self.left_out)},
            "negatives": {
                kind: {
                    "written": own.taken.count,
                    "short": own.short.count,
                    "unbounded": own.unbounded.count,
                    "left_out": _to_json(own.left_out),
                }
                for kind, own in self.negatives.items()
            },
            "faults": [{"name": one.name, "count": one.count, "examples": one.examples} for one in self.faults],
        }


def _to_json(counts: Mapping[str, Count]) -> dict[str, Any]:
    return {reason: {"count": one.count, "first": one.first} for reason, one in counts.items()}
