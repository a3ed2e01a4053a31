"""Are two texts the same passage, though cut or prepared in different ways? They share runs of words, or do not."""

from collections.abc import Collection

from ..evaluation.tokens import words

#: Words of a run; texts that have nothing to do with each other share hardly any of so many.
_RUN = 5

Runs = frozenset[tuple[str, ...]]


def cut_runs(text: str) -> Runs:
    """Give all runs of words of a text, signs left out; a shorter text is a run by itself."""
    tokens = words(text)
    return frozenset(tuple(tokens[at : at + _RUN]) for at in range(max(1, len(tokens) - _RUN + 1)))


def share_of_shorter(one: Runs, other: Runs) -> float:
    """Give which share of the shorter text stands in the longer one."""
    return len(one & other) / min(len(one), len(other))


def likeness(one: Runs, other: Runs) -> float:
    """Give which share of both together they have in common; 1 for equal texts."""
    return len(one & other) / len(one | other)


def covered(part: Runs, whole: Collection[tuple[str, ...]]) -> float:
    """Give which share of a part stands in a whole."""
    return len(part.intersection(whole)) / len(part)
