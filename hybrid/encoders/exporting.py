"""From towers as training or conversion left them to a folder that ``--encoder`` takes.

The folder is one of sentence-transformers, with a card for what that cannot say: title and text, the scale, L2. A
pair has one such folder each, ``question`` and ``passage``. Weights are safetensors.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from ..training.states import new_folder
from .cards import NAME, merge, write_card
from .checkpoints import Checkpoint, find_width
from .finding import PASSAGE, QUESTION
from .places import CONFIG, WANTED
from .presets import DPR, Card
from .steps import POOLING_FLAGS, Step

_WEIGHTS = "model.safetensors"
#: What makes the tokenizer of a model, as far as it is there.
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json")
_MODULES = "sentence_transformers.models."
_CLASSES = {"pool": "Pooling", "dense": "Dense", "layer_norm": "LayerNorm", "normalize": "Normalize"}
_SIMILARITIES = {"dot": "dot", "cosine": "cosine", "l2": "euclidean"}


@dataclass(frozen=True, slots=True, eq=False)
class TowerModel:
    """One tower: its transformer's weights, and the checkpoint that says all else.

    ``weights`` are those of the transformer alone, by the names that transformers gives them
    (``model.state_dict()``). Tokenizer, sizes, pooling, the steps after pooling and how many tokens are read come
    from ``checkpoint``; ``dataclasses.replace(checkpoint, steps=…, max_length=…)`` changes them.
    """

    weights: Mapping[str, Tensor]
    checkpoint: Checkpoint


def export_encoder(target: Path, question: TowerModel, passage: TowerModel | Path | None, card: Card) -> None:
    """Write a folder that ``--encoder`` takes, instead of the one that may be there; it appears whole or not at all.

    Without ``passage`` one tower does both; a folder is copied, and encodes as before. ``card`` says what the vectors
    mean: ``similarity`` "dot", "cosine" (with ``scale``) or "l2" (with ``level``, see ``l2.find_level``), and how
    each side reads; what it leaves out is taken from the checkpoints.
    """
    with new_folder(target) as fresh:
        if passage is None:
            _write_tower(fresh, question, card)
        else:
            _write_tower(fresh / QUESTION, question, card)
            if isinstance(passage, Path):
                _copy(passage, fresh / PASSAGE)
            else:
                _write_tower(fresh / PASSAGE, passage, card)
        write_card(fresh, merge(card, DPR) if question.checkpoint.is_dpr else card)


def write_model(folder: Path, weights: Mapping[str, Tensor], config: Mapping[str, Any], tokenizer: Path) -> None:
    """Write a transformer, its configuration, and the tokenizer of another folder."""
    folder.mkdir(exist_ok=True)
    save_file({name: weight.detach().cpu().contiguous() for name, weight in weights.items()}, folder / _WEIGHTS)
    # The library keeps the file to its owner, and workers may run as somebody else.
    (folder / _WEIGHTS).chmod(0o644)
    _write(folder / CONFIG, config)
    for name in _TOKENIZER:
        if (tokenizer / name).is_file():
            shutil.copy(tokenizer / name, folder / name)


def _copy(source: Path, target: Path) -> None:
    """Copy a model without what others than hybrid read of it, and without an encoder's card."""
    for pattern in WANTED:
        for path in sorted(source.rglob(pattern)):
            place = target / path.relative_to(source)
            if path.name != NAME:
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, place)


def _write_tower(folder: Path, tower: TowerModel, card: Card) -> None:
    checkpoint = tower.checkpoint
    config = dict(checkpoint.config)
    if checkpoint.is_dpr:
        # Without the class around it this is a BERT.
        config |= {"model_type": "bert", "architectures": ["BertModel"]}
    write_model(folder, tower.weights, config, checkpoint.folder)
    _write(
        folder / "sentence_bert_config.json",
        {"max_seq_length": checkpoint.max_length, "do_lower_case": checkpoint.lowercase},
    )
    sizes = [step.size for step in checkpoint.steps if step.kind == "truncate"]
    said = {
        "prompts": {**checkpoint.prompts, **_prompts(card)},
        "similarity_fn_name": _SIMILARITIES.get(card.similarity or ""),
        "truncate_dim": min(filter(None, sizes), default=None),
    }
    _write(folder / "config_sentence_transformers.json", said)
    kept = [step for step in checkpoint.steps if step.kind in _CLASSES]
    names = [f"{number}_{_CLASSES[step.kind]}" for number, step in enumerate(kept, 1)]
    for step, name in zip(kept, names, strict=True):
        _write_step(folder / name, step, find_width(config, checkpoint.folder))
    types = ["Transformer", *(_CLASSES[step.kind] for step in kept)]
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"{_MODULES}{kind}"}
        for number, (kind, path) in enumerate(zip(types, ["", *names], strict=True))
    ]
    _write(folder / "modules.json", modules)


def _prompts(card: Card) -> dict[str, str]:
    """Give the prompts by the names that sentence-transformers knows."""
    both = {"query": card.question.prompt, "document": card.passage.prompt}
    return {name: prompt for name, prompt in both.items() if prompt is not None}


def _write_step(folder: Path, step: Step, width: int) -> None:
    """Write a module after the transformer; one that has weights is copied."""
    folder.mkdir()
    if step.kind == "pool":
        flags = {flag: way in step.label.split("+") for flag, way in POOLING_FLAGS.items()}
        _write(folder / CONFIG, {"word_embedding_dimension": width, **flags})
    if step.weights:
        shutil.copy(step.weights, folder / step.weights.name)
        shutil.copy(step.weights.with_name(CONFIG), folder / CONFIG)


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
