"""A tiny BERT made of random numbers without torch, so that a process that uses it is there in a moment."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

HIDDEN = 16
POSITIONS = 64
#: A word whose passages the encoder cannot read: its vector is NaN.
POISON = "poison"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *_LETTERS, "the", "tide", "ocean", "other", POISON]


def save_tiny_bert(folder: Path, seed: int = 0) -> Path:
    """Write the model; another seed makes other vectors."""
    rng = np.random.default_rng(seed)

    def draw(*shape: int) -> NDArray[np.float32]:
        return rng.normal(scale=0.5, size=shape).astype(np.float32)

    words = draw(len(VOCABULARY), HIDDEN)
    words[VOCABULARY.index(POISON)] = np.nan
    weights = {
        "embeddings.word_embeddings.weight": words,
        "embeddings.position_embeddings.weight": draw(POSITIONS, HIDDEN),
        "embeddings.token_type_embeddings.weight": draw(2, HIDDEN),
    }
    layer = "encoder.layer.0."
    linear = ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"]
    for name in (*linear, "intermediate.dense", "output.dense"):
        weights[f"{layer}{name}.weight"] = draw(HIDDEN, HIDDEN)
        weights[f"{layer}{name}.bias"] = draw(HIDDEN)
    for name in ("embeddings.LayerNorm", f"{layer}attention.output.LayerNorm", f"{layer}output.LayerNorm"):
        weights[f"{name}.weight"] = np.ones(HIDDEN, dtype=np.float32)
        weights[f"{name}.bias"] = np.zeros(HIDDEN, dtype=np.float32)
    folder.mkdir(parents=True)
    save_file(weights, folder / "model.safetensors")
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY), "utf-8")
    (folder / "config.json").write_text(json.dumps(_CONFIG), "utf-8")
    return folder


_CONFIG = {
    "model_type": "bert",
    "hidden_size": HIDDEN,
    "intermediate_size": HIDDEN,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "hidden_act": "gelu",
    "max_position_embeddings": POSITIONS,
    "pad_token_id": 0,
    "vocab_size": len(VOCABULARY),
}
