"""The weights of a transformer of BERT's kin, found by its family's names and seen to fit together."""

from dataclasses import dataclass

from ..errors import ModelError
from .layers import Numbers
from .layouts import Layout, Sizes
from .weights import Weights

_WORDS = "embeddings.word_embeddings.weight"
_POSITIONS = "embeddings.position_embeddings.weight"
_NORM = "embeddings.LayerNorm"
#: Distances that MPNet tells apart.
_DISTANCES = 32

#: A weight and its bias.
Pair = tuple[Numbers, Numbers]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """The weights of one layer."""

    query: Pair
    key: Pair
    value: Pair
    mixed: Pair
    mixed_norm: Pair
    wide: Pair
    narrow: Pair
    norm: Pair


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """The weights of a transformer."""

    words: Numbers
    #: What a token's position adds; the embedding of its type, 0, is added in.
    positions: Numbers
    norm: Pair
    layers: tuple[Layer, ...]
    distances: Numbers | None


def read_network(weights: Weights, layout: Layout, sizes: Sizes) -> Network:
    """Find a family's weights, and see that they fit together."""
    prefix = find_prefix(weights)
    words = weights.take(prefix + _WORDS)
    width = words.shape[1]
    if width % sizes.heads:
        raise ModelError(f"{weights.path} cannot be read: {sizes.heads} heads do not share {width} numbers evenly.")
    positions = weights.take(prefix + _POSITIONS)
    if layout.types:
        positions = positions + weights.take(f"{prefix}{layout.types}.weight")[0]
    distances = f"{prefix}{layout.distances}.weight" if layout.distances else None
    places = [prefix + layout.layer.format(number) for number in range(sizes.layers)]
    return Network(
        words=words,
        positions=positions,
        norm=_take_norm(weights, prefix + _NORM, width),
        layers=tuple(_read_layer(weights, place, layout, width) for place in places),
        distances=weights.take(distances, _DISTANCES, sizes.heads) if distances else None,
    )


def _read_layer(weights: Weights, prefix: str, layout: Layout, width: int) -> Layer:
    wide = weights.take(f"{prefix}{layout.wide}.bias").size
    return Layer(
        query=_take_linear(weights, prefix + layout.query, width, width),
        key=_take_linear(weights, prefix + layout.key, width, width),
        value=_take_linear(weights, prefix + layout.value, width, width),
        mixed=_take_linear(weights, prefix + layout.mixed, width, width),
        mixed_norm=_take_norm(weights, prefix + layout.mixed_norm, width),
        wide=_take_linear(weights, prefix + layout.wide, wide, width),
        narrow=_take_linear(weights, prefix + layout.narrow, width, wide),
        norm=_take_norm(weights, prefix + layout.norm, width),
    )


def _take_linear(weights: Weights, name: str, outputs: int, inputs: int) -> Pair:
    return weights.take(f"{name}.weight", outputs, inputs), weights.take(f"{name}.bias", outputs)


def _take_norm(weights: Weights, name: str, width: int) -> Pair:
    """Take weight and bias by their names of today, or by those of the first releases."""
    parts = ("gamma", "beta") if f"{name}.gamma" in weights.names else ("weight", "bias")
    return weights.take(f"{name}.{parts[0]}", width), weights.take(f"{name}.{parts[1]}", width)


def find_prefix(weights: Weights) -> str:
    """Give what stands before every name: a class that holds the transformer puts its own name there."""
    found = [name.removesuffix(_WORDS) for name in weights.names if name.endswith(_WORDS)]
    return found[0] if len(found) == 1 else ""
