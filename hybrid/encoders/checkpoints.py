"""A model's folder as it was read: which files there are, and what they say about the way from tokens to a vector.

Reads folders of sentence-transformers (``modules.json``), plain transformers, and transformers' DPR classes. Nothing
is run; pickles are refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ModelError
from .files import read_json, read_object, read_optional
from .places import CONFIG
from .steps import Step, read_step

_MODULES = "modules.json"
_WEIGHTS = "model.safetensors"
_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json", "model.pt")
#: Learned positions of these begin after the padding id.
_OFFSET_POSITIONS = frozenset({"camembert", "mpnet", "roberta", "xlm-roberta", "xlm-roberta-xl"})
_DPR = "dpr"
_DEFAULT_LENGTH = 512
#: Written where a tokenizer has no limit of its own.
_NO_LENGTH = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What one tower is made of."""

    #: Where the transformer and its tokenizer lie.
    folder: Path
    config: Mapping[str, Any]
    weights: tuple[Path, ...]
    steps: tuple[Step, ...]
    dimension: int
    max_length: int
    #: Whether text is lower-cased before the tokenizer sees it.
    lowercase: bool = False
    prompts: Mapping[str, str] = field(default_factory=dict)
    #: ``dot``, ``cosine``, … where sentence-transformers says so.
    similarity: str | None = None

    @property
    def is_dpr(self) -> bool:
        """Whether this is one tower of transformers' DPR."""
        return bool(self.config.get("model_type") == _DPR)

    @property
    def normalizes(self) -> bool:
        """Whether vectors leave with length 1."""
        return any(step.kind == "normalize" for step in self.steps)


def read_checkpoint(root: Path) -> Checkpoint:
    """Read the model in ``root``."""
    modules = read_json(root / _MODULES) if (root / _MODULES).is_file() else []
    folder = root / (modules[0]["path"] if modules else "")
    own = read_optional(folder / "sentence_bert_config.json")
    said = read_optional(root / "config_sentence_transformers.json")
    config = read_object(folder / CONFIG)
    _check_transformer(root, modules, own)
    steps = _read_steps(root, modules, config, said.get("truncate_dim"))
    return Checkpoint(
        folder=folder,
        config=config,
        weights=_find_weights(folder),
        steps=steps,
        dimension=_measure(config, steps, root),
        max_length=_read_length(folder, config, own),
        lowercase=bool(own.get("do_lower_case")),
        prompts={name: text for name, text in (said.get("prompts") or {}).items() if text},
        similarity=said.get("similarity_fn_name"),
    )


def _check_transformer(root: Path, modules: list[Any], own: Mapping[str, Any]) -> None:
    kind = modules[0]["type"].rpartition(".")[2] if modules else "Transformer"
    if kind != "Transformer":
        raise ModelError(f"The model in {root} starts with a module {kind}, which hybrid does not run.")
    method = (own.get("modality_config") or {}).get("text", {}).get("method_output_name", "last_hidden_state")
    if method != "last_hidden_state" or "message" in (own.get("modality_config") or {}):
        raise ModelError(f"The model in {root} reads chats or gives {method}, which hybrid does not run.")


def _read_steps(root: Path, modules: list[Any], config: Mapping[str, Any], truncate: int | None) -> tuple[Step, ...]:
    found = [read_step(module["type"], root / module["path"]) for module in modules[1:]]
    steps = [step for step in found if step is not None]
    if not modules:
        steps.append(Step("pool", "cls" if config.get("model_type") == _DPR else "mean"))
    if steps[0].kind != "pool":
        raise ModelError(f"The model in {root} does not pool right after its transformer, so hybrid cannot run it.")
    if config.get("projection_dim"):
        raise ModelError(f"The model in {root} has DPR's projection, which hybrid does not run.")
    if truncate:
        steps.append(Step("truncate", f"first {truncate}", size=truncate))
    return tuple(steps)


def _measure(config: Mapping[str, Any], steps: tuple[Step, ...], root: Path) -> int:
    size = find_width(config, root) * len(steps[0].label.split("+"))
    for step in steps:
        size = step.size or size
    return size


def find_width(config: Mapping[str, Any], root: Path) -> int:
    """Give how many numbers a transformer makes of a token."""
    hidden = next((config[name] for name in ("hidden_size", "d_model", "dim") if name in config), None)
    if hidden is None:
        raise ModelError(f"{root / CONFIG} does not say how wide its vectors are.")
    return int(hidden)


def _read_length(folder: Path, config: Mapping[str, Any], own: Mapping[str, Any]) -> int:
    """Give how many tokens the model reads: what its makers set, within the positions that it has learned."""
    tokenizer = read_optional(folder / "tokenizer_config.json")
    said = own.get("max_seq_length") or tokenizer.get("model_max_length") or _NO_LENGTH
    positions = int(config.get("max_position_embeddings") or config.get("n_positions") or _NO_LENGTH)
    if config.get("model_type") in _OFFSET_POSITIONS:
        positions -= int(config.get("pad_token_id") or 0) + 1
    length = min(int(said), positions)
    return length if length < _NO_LENGTH else _DEFAULT_LENGTH


def _find_weights(folder: Path) -> tuple[Path, ...]:
    whole, index = folder / _WEIGHTS, folder / f"{_WEIGHTS}.index.json"
    if whole.is_file():
        return (whole,)
    if index.is_file():
        return tuple(folder / name for name in sorted(set(read_object(index)["weight_map"].values())))
    if any((folder / name).is_file() for name in _PICKLES):
        raise ModelError(
            f"The model in {folder} is a pickle, which could run any code, so it is not opened: convert it to "
            "safetensors first."
        )
    raise ModelError(f"There is no {_WEIGHTS} in {folder}, so there is no whole model.")
