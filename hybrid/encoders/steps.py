"""What follows the transformer: pooling, dense layers, normalisation; read from sentence-transformers' folders."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..errors import ModelError
from .files import read_optional

Kind = Literal["pool", "dense", "layer_norm", "normalize", "truncate", "l2 question", "l2 passage"]
#: In the order in which vectors of several poolings are joined.
POOLINGS = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
ACTIVATIONS = ("Tanh", "Identity", "ReLU", "GELU", "Sigmoid", "SiLU")

#: What the configurations of older poolings call each way.
POOLING_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One module after the transformer."""

    kind: Kind
    #: For people, and for the fingerprint.
    label: str
    #: Numbers that leave it, where it changes how many there are.
    size: int | None = None
    weights: Path | None = None
    activation: str = "Identity"
    #: Of L2: the usual ‖p‖².
    level: float = 0.0


def read_step(kind: str, folder: Path) -> Step | None:
    """Read the module of class ``kind`` in ``folder``; None for one that does nothing once training is over."""
    name = kind.rpartition(".")[2]
    if name == "Dropout":
        return None
    if name not in _READERS:
        raise ModelError(f"The model in {folder.parent} has a module {name}, which hybrid does not run.")
    config = read_optional(folder / "config.json")
    if config.get("module_input_name", "sentence_embedding") != "sentence_embedding" or config.get("use_residual"):
        raise ModelError(f"The model in {folder.parent} has an unusual module {name}, which hybrid does not run.")
    return _READERS[name](config, folder)


def _read_pooling(config: dict[str, Any], folder: Path) -> Step:
    modes = config.get("pooling_mode") or [new for old, new in POOLING_FLAGS.items() if config.get(old)] or "mean"
    names = [modes] if isinstance(modes, str) else list(modes)
    if not set(names) <= set(POOLINGS):
        raise ModelError(f"The model in {folder.parent} pools by {'+'.join(names)}, which hybrid does not run.")
    if config.get("include_prompt") is False:
        raise ModelError(f"The model in {folder.parent} leaves its prompt out of pooling, which hybrid does not run.")
    return Step("pool", "+".join(names))


def _read_dense(config: dict[str, Any], folder: Path) -> Step:
    activation = str(config.get("activation_function", "Tanh")).rpartition(".")[2]
    if activation not in ACTIVATIONS:
        raise ModelError(f"The model in {folder.parent} activates by {activation}, which hybrid does not run.")
    size = int(config["out_features"])
    label = f"dense {config['in_features']}→{size} {activation}"
    return Step("dense", label, size, _weights(folder), activation)


def _read_layer_norm(_: dict[str, Any], folder: Path) -> Step:
    return Step("layer_norm", "layer norm", weights=_weights(folder))


def _read_normalize(_: dict[str, Any], __: Path) -> Step:
    return Step("normalize", "normalize")


def _weights(folder: Path) -> Path:
    path = folder / "model.safetensors"
    if not path.is_file():
        raise ModelError(f"There is no {path.name} in {folder}; pickles are not opened, convert them to safetensors.")
    return path


_READERS = {
    "Pooling": _read_pooling,
    "Dense": _read_dense,
    "LayerNorm": _read_layer_norm,
    "Normalize": _read_normalize,
}
