"""Tiny random checkpoints, made on the spot in the formats that models come in: seeded, a few kilobytes, no network.

Weights are larger than a fresh model's, so that every token, position and padding mistake moves a vector visibly.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, LayerNorm, Normalize, Pooling, Transformer
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    DPRConfig,
    DPRContextEncoder,
    DPRQuestionEncoder,
    RobertaConfig,
    RobertaModel,
)

_LETTERS = "abcdefghijklmnopqrstuvwxyz'’.,?:"
_WORDS = ["the", "moon", "tide", "tides", "gravity", "pulls", "ocean", "who", "what", "wrote", "query", "passage"]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *_LETTERS, *(f"##{one}" for one in _LETTERS), *_WORDS]
HIDDEN = 16
POSITIONS = 64
_SIZES: dict[str, Any] = {
    "vocab_size": len(VOCABULARY),
    "hidden_size": HIDDEN,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": POSITIONS,
}


def save_bert(folder: Path, seed: int = 0, **sizes: Any) -> Path:
    """Write a plain BERT with its tokenizer, as transformers does."""
    return _save(BertModel(BertConfig(**{**_SIZES, **sizes})), folder, seed)


def save_roberta(folder: Path, seed: int = 0) -> Path:
    """Write a RoBERTa, whose positions begin after the padding id; its tokenizer is BERT's, for simplicity."""
    config = RobertaConfig(**_SIZES, pad_token_id=0, bos_token_id=2, eos_token_id=3)
    return _save(RobertaModel(config), folder, seed)


def save_kin(folder: Path, kind: str, seed: int = 0, **sizes: Any) -> Path:
    """Write a model of another family than BERT's: ``CamembertModel``, ``DistilBertModel``, ``MPNetModel``, …."""
    model = getattr(transformers, kind)
    return _save(model(model.config_class(**{**_SIZES, **sizes})), folder, seed)


def save_dpr(folder: Path, *, passages: bool, seed: int = 0, **sizes: Any) -> Path:
    """Write one tower of DPR, as transformers does."""
    tower = DPRContextEncoder if passages else DPRQuestionEncoder
    return _save(tower(DPRConfig(**{**_SIZES, **sizes})), folder, seed)


def save_sentence_transformer(
    folder: Path,
    *,
    pooling: str | tuple[str, ...] = "mean",
    dense: int | None = None,
    activation: str = "Tanh",
    layer_norm: bool = False,
    normalize: bool = True,
    prompts: Mapping[str, str] | None = None,
    similarity: str | None = None,
    max_length: int | None = None,
    seed: int = 0,
) -> Path:
    """Write a model of sentence-transformers, as it does."""
    plain = save_bert(folder.with_name(f"{folder.name}-plain"), seed)
    modules: list[Any] = [Transformer(str(plain), max_seq_length=max_length)]
    modules.append(Pooling(HIDDEN, pooling))
    if dense:
        torch.manual_seed(seed + 1)
        width = HIDDEN * (1 if isinstance(pooling, str) else len(pooling))
        modules.append(Dense(width, dense, activation_function=getattr(torch.nn, activation)()))
    if layer_norm:
        modules.append(_blur(LayerNorm(dense or HIDDEN), seed + 2))
    if normalize:
        modules.append(Normalize())
    model = SentenceTransformer(
        modules=modules,
        prompts=dict(prompts or {}),
        similarity_fn_name=similarity,  # type: ignore[arg-type]
        device="cpu",
    )
    model.save(str(folder), create_model_card=False)
    return folder


def change_json(path: Path, **changes: Any) -> None:
    """Change fields of a JSON file; None takes one out."""
    content = {**json.loads(path.read_text("utf-8")), **changes}
    path.write_text(json.dumps({name: value for name, value in content.items() if value is not None}), "utf-8")


def copy_model(source: Path, target: Path) -> Path:
    """Copy a model's folder."""
    return Path(shutil.copytree(source, target))


def _blur(model: Any, seed: int) -> Any:
    """Give every weight a random value."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return model


def _save(model: Any, folder: Path, seed: int) -> Path:
    _blur(model, seed)
    folder.mkdir(parents=True)
    model.save_pretrained(folder)
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(VOCABULARY), "utf-8")
    BertTokenizer(vocab=str(vocabulary)).save_pretrained(folder)
    return folder
