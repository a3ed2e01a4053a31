"""Hashes that name a model by its content: the same after copying, different after any change that moves a vector."""

import hashlib
import json
from typing import Any

from .checkpoints import Checkpoint
from .digests import hash_file
from .files import read_object

#: Written into a model's configuration by whoever saved it last, without any effect on its vectors.
_NOISE = frozenset(
    {
        "_name_or_path",
        "architectures",
        "attention_probs_dropout_prob",
        "bos_token_id",
        "classifier_dropout",
        "dtype",
        "eos_token_id",
        "gradient_checkpointing",
        "hidden_dropout_prob",
        "id2label",
        "initializer_range",
        "label2id",
        "tie_word_embeddings",
        "torch_dtype",
        "transformers_version",
        "use_cache",
    }
)
#: Parts of tokenizer.json that hold habits of padding and cutting; both are ours to decide.
_HABITS = ("padding", "truncation", "version")


def hash_weights(checkpoint: Checkpoint) -> str:
    """Give the sha256 of the weights; of a single file it is the one that ``sha256sum`` prints."""
    paths = [*checkpoint.weights, *(step.weights for step in checkpoint.steps if step.weights)]
    hashes = [hash_file(path) for path in paths]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def hash_tokenizer(checkpoint: Checkpoint) -> str:
    """Give the sha256 of what turns text into tokens."""
    path, vocabulary = checkpoint.folder / "tokenizer.json", checkpoint.folder / "vocab.txt"
    if vocabulary.is_file() and not path.is_file():
        return hash_file(vocabulary)
    return _hash_json({name: value for name, value in read_object(path).items() if name not in _HABITS})


def hash_config(checkpoint: Checkpoint) -> str:
    """Give the sha256 of the numbers that the transformer runs by."""
    kept = {name: fact for name, fact in checkpoint.config.items() if name not in _NOISE and fact is not None}
    return _hash_json(kept)


def _hash_json(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
