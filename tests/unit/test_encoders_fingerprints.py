"""An encoder's names change with whatever moves a vector, and with nothing else."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from hybrid.encoders import load_encoder
from hybrid.encoders.cards import write_card
from hybrid.encoders.presets import Card, Reading
from hybrid.towers import Tower, is_same_pair, name_pair, read_tower
from tests.tiny_models import change_json, copy_model, save_sentence_transformer

TOWER = Tower(
    model="some/model",
    weights_sha256="a" * 64,
    tokenizer_sha256="b" * 64,
    config_sha256="c" * 64,
    modules=("mean", "normalize"),
    dimension=384,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_sentence_transformer(tmp_path_factory.mktemp("models") / "model", dense=8)


def names(folder: Path) -> tuple[str, str]:
    encoder = load_encoder(str(folder), scale=20.0, device="cpu")
    return encoder.passages.tower.fingerprint, encoder.pair_id


def change_weights(folder: Path, name: str = "") -> None:
    path = folder / name / "model.safetensors"
    weights = load_file(path)
    first = min(weights)
    save_file({**weights, first: np.nextafter(weights[first], np.float32(9))}, path, {"format": "pt"})


def change_vocabulary(folder: Path) -> None:
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    content["model"]["vocab"]["a"], content["model"]["vocab"]["b"] = content["model"]["vocab"]["b"], 5
    path.write_text(json.dumps(content))


CHANGES: dict[str, Callable[[Path], None]] = {
    "weights": change_weights,
    "weights of the dense module": lambda folder: change_weights(folder, "2_Dense"),
    "vocabulary": change_vocabulary,
    "epsilon": lambda folder: change_json(folder / "config.json", layer_norm_eps=1e-5),
    "heads": lambda folder: change_json(folder / "config.json", num_attention_heads=4),
    "pooling": lambda folder: change_json(folder / "1_Pooling" / "config.json", pooling_mode="cls"),
    "prompt": lambda folder: change_json(
        folder / "config_sentence_transformers.json", prompts={"document": "passage: "}
    ),
    "max length": lambda folder: change_json(folder / "sentence_bert_config.json", max_seq_length=32),
    "case": lambda folder: change_json(folder / "sentence_bert_config.json", do_lower_case=True),
    "template": lambda folder: write_card(folder, Card(passage=Reading(template="title [SEP] text"))),
    "quotes": lambda folder: write_card(folder, Card(passage=Reading(straight_quotes=True))),
}


@pytest.mark.parametrize("change", CHANGES)
def test_change_that_moves_vectors_changes_both_names(change: str, folder: Path, tmp_path: Path) -> None:
    copy = copy_model(folder, tmp_path / "model")
    if change == "case":
        # This tokenizer lowers everything anyway, so only a model that does not is changed by it.
        change_tokenizer = json.loads((copy / "tokenizer.json").read_text())
        change_tokenizer["normalizer"]["lowercase"] = False
        (copy / "tokenizer.json").write_text(json.dumps(change_tokenizer))
    before = names(copy)
    CHANGES[change](copy)
    fingerprint, pair_id = names(copy)
    assert fingerprint != before[0]
    assert not is_same_pair(pair_id, before[1])


def test_question_side_changes_the_pair_and_not_the_fingerprint(folder: Path, tmp_path: Path) -> None:
    copy = copy_model(folder, tmp_path / "model")
    change_json(copy / "config_sentence_transformers.json", prompts={"query": "query: "})
    assert names(copy)[0] == names(folder)[0]
    assert not is_same_pair(names(copy)[1], names(folder)[1])


def test_copy_has_the_same_names(folder: Path, tmp_path: Path) -> None:
    copy = copy_model(folder, tmp_path / "elsewhere")
    assert names(copy)[0] == names(folder)[0]
    assert is_same_pair(names(copy)[1], names(folder)[1])
    assert names(copy)[1].startswith("elsewhere@")


def test_habits_of_whoever_saved_it_do_not_count(folder: Path, tmp_path: Path) -> None:
    copy = copy_model(folder, tmp_path / "model")
    change_json(copy / "config.json", transformers_version="4.8.2", _name_or_path="x", use_cache=True, dtype=None)
    tokenizer = json.loads((copy / "tokenizer.json").read_text())
    tokenizer["truncation"] = {"direction": "Right", "max_length": 128, "strategy": "LongestFirst", "stride": 0}
    (copy / "tokenizer.json").write_text(json.dumps(tokenizer, indent=7))
    (copy / "README.md").write_text("A model.")
    assert names(copy) == names(folder)


def test_precision_does_not_change_the_names(folder: Path) -> None:
    both = [load_encoder(str(folder), scale=20.0, precision=one, device="cpu") for one in ("fp32", "bf16")]
    assert both[0].pair_id == both[1].pair_id
    assert both[0].passages.tower.precision != both[1].passages.tower.precision


@pytest.mark.parametrize("fact", [field.name for field in dataclasses.fields(Tower)])
def test_each_fact_counts_unless_it_is_beside_the_point(fact: str) -> None:
    others: dict[str, Any] = {
        "weights_sha256": "d" * 64,
        "tokenizer_sha256": "d" * 64,
        "config_sha256": "d" * 64,
        "modules": ("cls",),
        "dimension": 8,
        "template": "title text",
        "max_length": 8,
        "lowercase": True,
        "straight_quotes": True,
        "precision": "bf16",
    }
    changed = dataclasses.replace(TOWER, **{fact: others.get(fact, "other")})
    assert (changed.fingerprint == TOWER.fingerprint) is (fact in {"model", "precision"})


def test_fingerprint_is_what_it_was_in_the_first_release() -> None:
    assert TOWER.fingerprint == "738c847546dfee32447b59f7a401d219"
    assert name_pair("some/model", TOWER, TOWER) == "some/model@9d06fefc30ba"


def test_tower_comes_back_from_json() -> None:
    meta = json.loads(json.dumps(dataclasses.asdict(TOWER)))
    assert read_tower({**meta, "colour": "blue"}) == TOWER


@pytest.mark.parametrize(
    "changes",
    [
        {"weights_sha256": "short"},
        {"dimension": 0},
        {"dimension": True},
        {"max_length": "512"},
        {"modules": [1]},
        {"modules": None},
        {"template": "anything"},
        {"precision": "int8"},
        {"lowercase": "yes"},
        {"prompt": None},
    ],
)
def test_tower_that_cannot_be_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises((TypeError, ValueError)):
        read_tower({**dataclasses.asdict(TOWER), **changes})
