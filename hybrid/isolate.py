"""Encode many passages although one of them may be poison: split until it stands alone, and say why it failed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .errors import HybridError
from .passages import Vector
from .records import Filled

if TYPE_CHECKING:
    from .engines.contract import Intake

#: Passages that are encoded and written together where vectors are filled in.
FILL_SIZE = 256

Pairs = Sequence[tuple[str, str]]
_MAX_REASON = 300


def fill_pending(intake: "Intake", encode: Callable[[Pairs], Iterable[Vector]]) -> Iterator[Filled]:
    """Encode what has no vector yet, and give what became of it part by part."""
    return intake.fill_pending(lambda pairs: encode_each(encode, pairs), FILL_SIZE)


def encode_each(encode: Callable[[Pairs], Iterable[Vector]], pairs: Pairs) -> list[Vector | str]:
    """Give for each title and text its vector, or the reason why there is none.

    Errors of our own (a missing model, a full device) concern the whole batch and are passed on.
    """
    if not pairs:
        return []
    try:
        return [_check(vector) for vector in encode(pairs)]
    except HybridError:
        raise
    except Exception as error:  # whatever a model throws at one text must not lose the others
        if len(pairs) == 1:
            return [f"{type(error).__name__}: {error}"[:_MAX_REASON]]
    middle = len(pairs) // 2
    return encode_each(encode, pairs[:middle]) + encode_each(encode, pairs[middle:])


def _check(vector: Vector) -> Vector | str:
    if not np.isfinite(vector).all():
        return "the encoder gives NaN or infinity"
    return vector if np.any(vector) else "the encoder gives zeros, which have no direction"
