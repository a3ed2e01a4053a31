"""Questions that a reader is judged by while it learns: with the right passage, and among others."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..answers import ReadOptions, ReadPassage, ReadRequest
from ..measuring import Measured, average, judge_all
from ..reader import AnyReader
from .examples import Example, Source

#: Passages of a question, at most, when it is asked among others.
PASSAGES = 20


@dataclass(frozen=True, slots=True)
class DevSet:
    """Questions with the right passage alone, the same among other passages, and the right answers."""

    alone: tuple[ReadRequest, ...]
    among: tuple[ReadRequest, ...]
    right: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """What a reader is worth on a ``DevSet``."""

    alone: Measured
    among: Measured


def make_dev_set(examples: Iterable[Example]) -> DevSet:
    """Make requests of examples; passages have no score, for nobody retrieved them."""
    kept = list(examples)
    return DevSet(
        alone=tuple(_request(one, one.positives[:1]) for one in kept),
        among=tuple(_request(one, (*one.positives[:1], *one.negatives[: PASSAGES - 1])) for one in kept),
        right=tuple(one.answers for one in kept),
    )


def measure(reader: AnyReader, dev: DevSet, *, among: bool) -> Figures:
    """Judge a reader; ``among`` others costs as many times more as there are passages."""
    alone = average(list(judge_all(reader, dev.alone, dev.right)))
    return Figures(alone, average(list(judge_all(reader, dev.among, dev.right))) if among else alone)


def _request(example: Example, sources: Sequence[Source]) -> ReadRequest:
    passages = (ReadPassage(str(number), one.title, one.text) for number, one in enumerate(sources))
    return ReadRequest(example.question, tuple(passages), ReadOptions(answers=1))
