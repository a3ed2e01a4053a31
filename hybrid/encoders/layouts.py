"""BERT and its kin: what each family calls its weights and numbers, and how it counts positions.

They differ in names, in where positions begin, and in a bias that MPNet adds by distance; all else is the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .layers import ACTIVATIONS

_EPSILON = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What sets a family apart; names of weights leave ``.weight`` and ``.bias`` out."""

    layer: str = "encoder.layer.{}."
    query: str = "attention.self.query"
    key: str = "attention.self.key"
    value: str = "attention.self.value"
    mixed: str = "attention.output.dense"
    mixed_norm: str = "attention.output.LayerNorm"
    wide: str = "intermediate.dense"
    narrow: str = "output.dense"
    norm: str = "output.LayerNorm"
    types: str | None = "embeddings.token_type_embeddings"
    #: A bias by distance.
    distances: str | None = None
    #: Whether positions are those of tokens other than padding, counted from the padding id on.
    skips_padding: bool = False
    #: The only padding id that a family knows.
    padding: int | None = None
    #: Fields of the configuration.
    layers: str = "num_hidden_layers"
    heads: str = "num_attention_heads"
    activation: str = "hidden_act"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What a configuration says of the computation."""

    layers: int
    heads: int
    activation: str
    epsilon: float
    padding: int


_BERT = Layout()
_ROBERTA = Layout(skips_padding=True)
_DISTILBERT = Layout(
    layer="transformer.layer.{}.",
    query="attention.q_lin",
    key="attention.k_lin",
    value="attention.v_lin",
    mixed="attention.out_lin",
    mixed_norm="sa_layer_norm",
    wide="ffn.lin1",
    narrow="ffn.lin2",
    norm="output_layer_norm",
    types=None,
    layers="n_layers",
    heads="n_heads",
    activation="activation",
)
_MPNET = Layout(
    query="attention.attn.q",
    key="attention.attn.k",
    value="attention.attn.v",
    mixed="attention.attn.o",
    mixed_norm="attention.LayerNorm",
    types=None,
    distances="encoder.relative_attention_bias",
    skips_padding=True,
    padding=1,
)
LAYOUTS = {
    "bert": _BERT,
    "camembert": _ROBERTA,
    "distilbert": _DISTILBERT,
    "dpr": _BERT,
    "mpnet": _MPNET,
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
}


def is_known(config: Mapping[str, Any]) -> bool:
    """Tell whether a configuration is of one of these families, and of none of its rare variants."""
    layout = LAYOUTS.get(str(config.get("model_type")))
    if layout is None:
        return False
    return (
        not config.get("is_decoder")
        and config.get("position_embedding_type", "absolute") == "absolute"
        and layout.padding in (None, config.get("pad_token_id"))
        and all(isinstance(config.get(name), int) for name in (layout.layers, layout.heads))
        and config.get(layout.activation) in ACTIVATIONS
    )


def read_sizes(config: Mapping[str, Any]) -> Sizes:
    """Read a configuration that is known."""
    layout = LAYOUTS[config["model_type"]]
    return Sizes(
        layers=config[layout.layers],
        heads=config[layout.heads],
        activation=config[layout.activation],
        epsilon=float(config.get("layer_norm_eps", _EPSILON)),
        padding=int(config.get("pad_token_id") or 0),
    )
