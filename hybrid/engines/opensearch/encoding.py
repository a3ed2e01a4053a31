"""From a document's text to what its vector field holds: one vector, or one for each of its passages."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from ...blocks import find_blocks
from ...passages import Vector
from ...profile import Profile
from ...records import Encode
from ...vectors import length, read_passage_vector
from .vector_field import VECTOR

#: A title and a text.
Pair = tuple[str, str]
#: Passages that are encoded and written together: what bounds memory where a document has many.
MOST_PARTS = 2000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Encoded:
    """What goes into the vector field."""

    value: Any
    #: Length of the longest vector inside.
    norm: float


def cut(profile: Profile, pair: Pair) -> list[Pair]:
    """Give what is encoded of a document: the whole, or passage by passage, each with the title."""
    title, text = pair
    if not profile.split_words:
        return [pair]
    return [(title, text[start:end]) for start, end in find_blocks(text, profile.split_words)] or [pair]


def group_by_parts(
    profile: Profile, documents: Iterable[T], read: Callable[[T], Pair], most: int = MOST_PARTS
) -> Iterator[list[T]]:
    """Divide documents into groups of at most ``most`` passages; one that has more stands alone."""
    group: list[T] = []
    size = 0
    for one in documents:
        parts = len(cut(profile, read(one)))
        if group and size + parts > most:
            yield group
            group, size = [], 0
        group.append(one)
        size += parts
    if group:
        yield group


def encode_documents(profile: Profile, documents: Sequence[tuple[str, Pair]], encode: Encode) -> list[Encoded | str]:
    """Encode documents, each an id with title and text; what cannot be encoded gives the reason why."""
    parts = [cut(profile, pair) for _, pair in documents]
    outcomes = iter(encode([part for several in parts for part in several]))
    return [
        _join(profile, document_id, list(islice(outcomes, len(several))))
        for (document_id, _), several in zip(documents, parts, strict=True)
    ]


def _join(profile: Profile, document_id: str, outcomes: Sequence[Vector | str]) -> Encoded | str:
    """Put a document's vectors together; one passage that cannot be encoded spoils it, as its text is not whole."""
    for outcome in outcomes:
        if isinstance(outcome, str):
            return outcome
    vectors = [read_passage_vector(one, profile, document_id) for one in outcomes]
    value = [{VECTOR: vector} for vector in vectors] if profile.split_words else vectors[0]
    return Encoded(value, max(map(length, vectors)))
