"""Checkpoints of the authors' own DPR code (github.com/facebookresearch/DPR): read, and written.

A file holds ``{model_dict, optimizer_dict, scheduler_dict, offset, epoch, encoder_params}``; ``model_dict`` has both
towers under ``question_model.`` and ``ctx_model.``, by the names that transformers gives a BERT. There is no
tokenizer in it and no number of heads: both come from another model, by default that which ``encoder_params`` names.
Only tensors and plain values are opened (``weights_only``); a file that needs more is refused.
"""

import dataclasses
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import ModelError
from ..towers import Tower
from ..training.states import new_file
from .cards import merge
from .checkpoints import Checkpoint
from .choices import choose_measure
from .exporting import TowerModel, export_encoder
from .files import read_object
from .finding import find
from .loading import describe_towers, read_towers
from .networks import find_prefix
from .places import CONFIG, find_folder, find_local
from .presets import DPR, Measure
from .steps import Step
from .tokens import is_lowercase
from .weights import Weights

SUFFIXES = (".cp", ".bin")
QUESTION, PASSAGE, READER = "question_model.", "ctx_model.", "encoder."

_BERT = ("bert", "dpr")
#: The paper's (§5).
_LENGTH = 256
#: Stand before names of weights that are not on the way to a vector in every class that holds them.
_POOLER, _POSITIONS = "pooler.", "embeddings.position_ids"
_PARTS = ("embeddings.", "encoder.", _POOLER)
#: What google's BERTs are called, by the size of their vocabulary, where vectors have 768 numbers.
_BASES = {30522: "bert-base-uncased", 28996: "bert-base-cased"}
_BASE_WIDTH = 768
_GOOGLE = "google-bert"


@dataclass(frozen=True, slots=True, eq=False)
class Saved:
    """What a file holds, as far as it is of use here."""

    path: Path
    weights: Mapping[str, Tensor]
    #: ``encoder_params``.
    facts: Mapping[str, Any]

    @property
    def is_reader(self) -> bool:
        """Whether this is a reader."""
        return any(name.startswith("qa_outputs.") for name in self.weights)

    def take(self, prefix: str) -> dict[str, Tensor]:
        """Give the weights of one transformer, without those that are not on the way to a vector."""
        found = {
            name.removeprefix(prefix): weight for name, weight in self.weights.items() if name.startswith(prefix)
        }
        found.pop(_POSITIONS, None)
        pooler = found.get(f"{_POOLER}dense.weight")
        # A pooler of zeros is one that was never there, see ``write_file``.
        fake = pooler is not None and not pooler.any()
        return {name: one for name, one in found.items() if not (fake and name.startswith(_POOLER))}


def read_file(path: Path) -> Saved:
    """Open a checkpoint; nothing in it is run."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path) or None)
    except Exception as error:  # torch raises whatever its parts raise
        raise ModelError(
            f"{path} is not opened: it is no checkpoint of torch, or one that would run code of its own; only "
            "tensors and plain values are read. Where you trust it, save {'model_dict': its model_dict} alone."
        ) from error
    weights = content.get("model_dict") if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not all(isinstance(weight, Tensor) for weight in weights.values()):
        raise ModelError(f"{path} is no checkpoint of the authors' DPR: it has no model_dict with weights.")
    facts = content.get("encoder_params")
    facts = facts if isinstance(facts, dict) else {}
    # Later releases keep what concerns the encoder one level below.
    inner = facts.get("encoder")
    saved = Saved(path, weights, {**facts, **inner} if isinstance(inner, dict) else facts)
    wanted = (READER,) if saved.is_reader else (QUESTION, PASSAGE)
    if not all(saved.take(prefix) for prefix in wanted):
        raise ModelError(
            f"{path} is no checkpoint of the authors' DPR: it lacks {'… or '.join(wanted)}… in model_dict."
        )
    if saved.facts.get("projection_dim") or any(".encode_proj." in name for name in weights):
        raise ModelError(f"{path} has DPR's projection, which hybrid does not run.")
    return saved


def find_like(saved: Saved, like: str | None) -> Checkpoint:
    """Give what the file lacks, tokenizer and configuration: those of ``like``, or of what it was made from."""
    folder, config = _read_like(find(like).passage.folder) if like else _find_base(saved)
    if config.get("model_type") not in _BERT:
        raise ModelError(f"{saved.path} holds BERTs; the model in {folder} is a {config.get('model_type')} model.")
    width = int(config["hidden_size"])
    length = min(int(saved.facts.get("sequence_length") or _LENGTH), int(config["max_position_embeddings"]))
    checkpoint = Checkpoint(
        folder=folder,
        config={**config, "model_type": "bert", "architectures": ["BertModel"]},
        weights=(),
        steps=(Step("pool", "cls"),),
        dimension=width,
        max_length=length,
    )
    _compare(saved, checkpoint)
    return checkpoint


def import_encoder(saved: Saved, like: Checkpoint, target: Path) -> None:
    """Write both towers as a folder that ``--encoder`` takes."""
    asks, keeps = (dataclasses.replace(one, max_length=like.max_length) for one in (DPR.question, DPR.passage))
    # What sims to expect is known of the paper's own size; of another model nobody measured it.
    prior = DPR.sim_prior if like.dimension == _BASE_WIDTH else None
    card = dataclasses.replace(DPR, question=asks, passage=keeps, sim_prior=prior)
    question, passage = (TowerModel(saved.take(prefix), like) for prefix in (QUESTION, PASSAGE))
    export_encoder(target, question, passage, card)


def write_file(name: str, target: Path) -> None:
    """Write the encoder called ``name`` as the authors' code reads it; one that it could not run alike is refused."""
    found = find(name)
    question, passage = read_towers(found)
    card = merge(found.card, DPR) if passage.is_dpr else found.card
    described = describe_towers(found, question, passage, card)
    complaint = _find_obstacle(choose_measure(card, question, passage), *described, question, passage)
    if complaint:
        raise ModelError(f"The authors' code cannot run {name}: {complaint}.")
    towers = {QUESTION: _read_weights(question), PASSAGE: _read_weights(passage)}
    config = passage.config
    base = _BASES.get(int(config["vocab_size"])) if passage.dimension == _BASE_WIDTH else None
    facts = {
        "do_lower_case": is_lowercase(passage),
        "pretrained_model_cfg": base or str(passage.folder.resolve()),
        "encoder_model_type": "hf_bert",
        "pretrained_file": None,
        "projection_dim": 0,
        "sequence_length": max(tower.max_length for tower in described),
    }
    content = {
        "model_dict": {prefix + key: one for prefix, weights in towers.items() for key, one in weights.items()},
        "optimizer_dict": {},
        "scheduler_dict": {},
        "offset": 0,
        "epoch": 0,
        "encoder_params": facts,
    }
    with new_file(target) as fresh:
        torch.save(content, fresh)


def _find_base(saved: Saved) -> tuple[Path, dict[str, Any]]:
    """Find the model that the towers were made from, and its configuration."""
    base = str(saved.facts.get("pretrained_model_cfg") or _BASES[30522])
    try:
        return _read_like(find_local(base) or find_folder(base if "/" in base else f"{_GOOGLE}/{base}"))
    except ModelError as error:
        raise ModelError(f"{saved.path} was made from {base}: {error} Or say --like MODEL, one like it.") from error


def _read_like(folder: Path) -> tuple[Path, dict[str, Any]]:
    return folder, read_object(folder / CONFIG)


def _compare(saved: Saved, like: Checkpoint) -> None:
    """Refuse a configuration that is another model's."""
    weights = saved.take(READER if saved.is_reader else PASSAGE)
    words, positions = (weights.get(f"embeddings.{name}_embeddings.weight") for name in ("word", "position"))
    inner = weights.get("encoder.layer.0.intermediate.dense.weight")
    if words is None or positions is None or inner is None:
        raise ModelError(f"{saved.path} holds no BERT: it lacks weights of its embeddings or of its first layer.")
    layers = {name.split(".")[2] for name in weights if name.startswith("encoder.layer.")}
    names = ("vocab_size", "hidden_size", "max_position_embeddings", "intermediate_size", "num_hidden_layers")
    sizes = (*words.shape, len(positions), len(inner), len(layers))
    for name, size in zip(names, sizes, strict=True):
        if like.config.get(name) != size:
            raise ModelError(
                f"{saved.path} has a {name} of {size}, the model in {like.folder} {like.config.get(name)}; say "
                "--like MODEL, one of the same size and vocabulary."
            )
    lowers = saved.facts.get("do_lower_case")
    if lowers is not None and bool(lowers) != is_lowercase(like):
        raise ModelError(
            f"{saved.path} {'reads' if lowers else 'does not read'} all text as lower case, other than the tokenizer "
            f"in {like.folder}; say --like MODEL, one with its tokenizer."
        )


def _find_obstacle(
    measure: Measure, asking: Tower, kept: Tower, question: Checkpoint, passage: Checkpoint
) -> str | None:
    """Give what the authors' code has no place for; it straightens the quotes of questions itself."""
    for one, tower in ((question, asking), (passage, kept)):
        if one.config.get("model_type") not in _BERT:
            return f"it is made of {one.config.get('model_type')}, not of BERT"
        if tower.modules != ("cls",):
            return f"it makes a vector by {', '.join(tower.modules)}, not of the first token alone"
        if tower.prompt:
            return f"it has the prompt {tower.prompt!r}"
    if measure != "dot":
        return f"it compares by {measure}, not by dot product"
    if kept.template != DPR.passage.template:
        return f"it reads a passage as {kept.template}, not as {DPR.passage.template}"
    return None if asking.max_length == kept.max_length else "its towers read different numbers of tokens"


def _read_weights(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """Give a BERT's weights by transformers' names of today, with the pooler that the authors' code wants to find."""
    weights = Weights(checkpoint.weights)
    prefix = find_prefix(weights)
    found: dict[str, Tensor] = {}
    for name in sorted(weights.names):
        own = name.removeprefix(prefix)
        if name.startswith(prefix) and own.startswith(_PARTS):
            today = own.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
            found[today] = torch.from_numpy(weights.take(name).copy())
    width = int(checkpoint.config["hidden_size"])
    missing = {"pooler.dense.weight": torch.zeros(width, width), "pooler.dense.bias": torch.zeros(width)}
    return {**missing, **found}
