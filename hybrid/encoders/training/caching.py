"""Gradients of a batch that is larger than memory (Gao et al. 2021): exact, at the price of a second forward pass.

A batch is cut into parts. All parts go through the towers without a gradient, the loss is taken of all their vectors,
and then each part goes through again, with the same dropout, to hand its vectors' gradient on to the weights. Where
everything fits, the first pass keeps what the second would compute.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .. import batching
from ..tokens import Ids
from .losses import Slope
from .processes import Together
from .towers import Side, Towers

#: Padded tokens whose computation is kept at once: about 5 GB for BERT base on a processor, 20 GB on a GPU.
CPU_CHUNK = 8192
GPU_CHUNK = 32_768
#: Padded tokens of a part. Dropout is drawn part by part, so neither chunks nor processes decide how parts are cut.
CPU_PART = 1024
GPU_PART = 8192


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Texts of one side that go through a tower together, and where their vectors belong."""

    side: Side
    rows: list[int]
    texts: list[Ids]
    #: Of dropout.
    seed: int

    @property
    def tokens(self) -> int:
        """Count the tokens with padding."""
        return len(self.texts) * max(map(len, self.texts))


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """The two sides of a batch as token ids."""

    questions: Sequence[Ids]
    contexts: Sequence[Ids]

    def cut(self, size: int, seed: Sequence[int]) -> list[Part]:
        """Cut both sides into parts of like length, ``size`` padded tokens each; every process gets the same ones."""
        sides: list[tuple[Side, Sequence[Ids]]] = [("question", self.questions), ("passage", self.contexts)]
        found = [
            (side, rows, [texts[row] for row in rows])
            for side, texts in sides
            for rows in batching.plan_batches([len(one) for one in texts], size)
        ]
        seeds = np.random.SeedSequence(list(seed)).generate_state(len(found), np.uint64).tolist()
        return [Part(*one, seed=number >> 1) for one, number in zip(found, seeds, strict=True)]


def find_part(chunk: int, device: torch.device) -> int:
    """Give the padded tokens that go through a tower together."""
    return min(chunk, CPU_PART if device.type == "cpu" else GPU_PART)


def find_chunk(wanted: int | None, device: torch.device) -> int:
    """Give the padded tokens whose computation may be kept at once."""
    return wanted or (CPU_CHUNK if device.type == "cpu" else GPU_CHUNK)


def backpropagate(
    towers: Towers,
    texts: Texts,
    parts: Sequence[Part],
    chunk: int,
    differentiate: Callable[[Tensor, Tensor], Slope],
    together: Together,
) -> Slope:
    """Add the gradient of a batch's loss to the weights' and give the loss; every process does its share of parts."""
    own = together.share(parts)
    keeps = sum(part.tokens for part in own) <= chunk
    with torch.set_grad_enabled(keeps):
        made = [_encode(towers, part) for part in own]
    questions, contexts = collect(texts, own, made, towers, together)
    if not keeps:
        made.clear()
    slope = differentiate(questions, contexts)
    for number, part in enumerate(own):
        vectors = made[number] if keeps else _encode(towers, part)
        slopes = slope.questions if part.side == "question" else slope.contexts
        vectors.backward(slopes[part.rows])  # type: ignore[no-untyped-call]
    together.add_gradients(towers.parameters())
    return slope


def encode(towers: Towers, texts: Texts, parts: Sequence[Part], together: Together) -> tuple[Tensor, Tensor]:
    """Give the vectors of both sides, without a gradient and without dropout."""
    own = together.share(parts)
    towers.eval()
    with torch.no_grad():
        made = [towers(part.side, part.texts) for part in own]
    return collect(texts, own, made, towers, together)


def collect(
    texts: Texts, own: Sequence[Part], made: Sequence[Tensor], towers: Towers, together: Together
) -> tuple[Tensor, Tensor]:
    """Put the vectors of all processes' parts into the order of the texts."""
    sides: dict[Side, Tensor] = {
        "question": torch.zeros(len(texts.questions), towers.dimension, device=towers.device),
        "passage": torch.zeros(len(texts.contexts), towers.dimension, device=towers.device),
    }
    for part, vectors in zip(own, made, strict=True):
        sides[part.side][part.rows] = vectors.detach()
    for one in sides.values():
        together.add(one)
    return sides["question"], sides["passage"]


def _encode(towers: Towers, part: Part) -> Tensor:
    towers.train()
    torch.manual_seed(part.seed)
    vectors: Tensor = towers(part.side, part.texts)
    return vectors
