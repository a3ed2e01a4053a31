"""Models of sentence-transformers give what ``encode_query`` and ``encode_document`` give, in the index's form."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from hybrid.encoders import Encoder, load_encoder
from hybrid.errors import ModelError, UsageError
from hybrid.passages import Vector
from tests.messages import assert_one_clear_line
from tests.tiny_models import change_json, save_bert, save_roberta, save_sentence_transformer

QUESTIONS = ["what pulls the tides?", "Who wrote the ocean", "", "who " * 200]
TEXTS = ["The moon pulls the ocean.", "gravity", "who wrote what, the tides or the ocean? " * 3, "tides " * 200]
E5 = {"query": "query: ", "document": "passage: "}
BGE = {"query": "what the ocean wrote: "}
SCALE = 20.0


def load(folder: Path, **options: Any) -> Encoder:
    return load_encoder(str(folder), device="cpu", **{"precision": "fp32", "scale": SCALE, **options})


def unit(vectors: Vector) -> Vector:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Vector = vectors / lengths
    return scaled


def assert_same(folder: Path, **options: Any) -> None:
    """Compare what numpy and torch give with what sentence-transformers gives."""
    theirs = SentenceTransformer(str(folder), device="cpu")
    questions, passages = theirs.encode_query(QUESTIONS), theirs.encode_document(TEXTS)
    for backend in ("numpy", "torch"):
        encoder = load(folder, backend=backend, **options)
        if encoder.similarity == "cosine":
            questions, passages = unit(questions) * SCALE, unit(passages)
        np.testing.assert_allclose(encoder.encode_questions(QUESTIONS), questions, atol=1e-4)
        np.testing.assert_allclose(encoder.encode_passages([("", text) for text in TEXTS]), passages, atol=1e-5)


@pytest.mark.parametrize(
    "made",
    [
        {"prompts": E5},
        {"prompts": BGE, "pooling": "cls"},
        {"dense": 8},
        {"dense": 8, "activation": "GELU", "normalize": False},
        {"dense": 8, "activation": "ReLU", "normalize": False},
        {"dense": 8, "activation": "Sigmoid", "normalize": False},
        {"dense": 8, "activation": "SiLU", "normalize": False},
        {"dense": 8, "activation": "Identity", "layer_norm": True},
        {"dense": 8, "normalize": False, "similarity": "dot"},
        {"normalize": False},
        {"pooling": "max"},
        {"pooling": "mean_sqrt_len_tokens", "normalize": False, "similarity": "dot"},
        {"pooling": "weightedmean"},
        {"pooling": "lasttoken"},
        {"pooling": ("cls", "mean"), "dense": 8},
        {"max_length": 12},
    ],
    ids=str,
)
def test_vectors_are_those_of_sentence_transformers(made: dict[str, Any], tmp_path: Path) -> None:
    folder = save_sentence_transformer(tmp_path / "model", **made)
    scale = None if made.get("similarity") == "dot" else SCALE
    encoder = load(folder, scale=scale)
    assert encoder.dimension == encoder.encode_passages([("", "tides")]).shape[1]
    assert_same(folder, scale=scale)


def test_older_files_are_read_alike(tmp_path: Path) -> None:
    folder = save_sentence_transformer(tmp_path / "model", pooling="cls", max_length=20)
    new = load(folder)
    pooling = {"word_embedding_dimension": 16, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 20, "do_lower_case": true}')
    (folder / "config_sentence_transformers.json").write_text('{"__version__": {"sentence_transformers": "2.0.0"}}')
    change_json(folder / "tokenizer_config.json", model_max_length=512)
    modules = json.loads((folder / "modules.json").read_text())
    for module in modules:
        module["type"] = "sentence_transformers.models." + module["type"].rpartition(".")[2]
    (folder / "modules.json").write_text(json.dumps(modules))
    old = load(folder)
    assert old.passages.tower.fingerprint == new.passages.tower.fingerprint
    assert_same(folder)


def test_plain_transformer_is_pooled_by_mean(tmp_path: Path) -> None:
    assert_same(save_bert(tmp_path / "model"))


def test_model_whose_positions_begin_after_padding_is_not_overrun(tmp_path: Path) -> None:
    encoder = load(save_roberta(tmp_path / "model"))
    assert encoder.passages.tower.max_length == 63
    assert np.isfinite(encoder.encode_passages([("", "tides " * 500)])).all()


def test_dimensions_beyond_the_models_own_limit_are_dropped(tmp_path: Path) -> None:
    folder = save_sentence_transformer(tmp_path / "model")
    change_json(folder / "config_sentence_transformers.json", truncate_dim=6)
    assert load(folder).dimension == 6
    assert_same(folder)


def test_passage_prompt_may_be_called_passage(tmp_path: Path) -> None:
    folder = save_sentence_transformer(tmp_path / "model", prompts={"query": "query: ", "passage": "passage: "})
    theirs = SentenceTransformer(str(folder), device="cpu").encode(TEXTS, prompt_name="passage")
    np.testing.assert_allclose(load(folder).encode_passages([("", text) for text in TEXTS]), theirs, atol=1e-5)


def test_title_stands_before_the_text_and_after_the_prompt(tmp_path: Path) -> None:
    folder = save_sentence_transformer(tmp_path / "model", prompts=E5)
    theirs = SentenceTransformer(str(folder), device="cpu").encode_document(["Tides gravity", "gravity"])
    ours = load(folder).encode_passages([("Tides", "gravity"), ("  ", "gravity")])
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_questions_have_the_scale_as_length_and_passages_one(tmp_path: Path) -> None:
    encoder = load(save_sentence_transformer(tmp_path / "model", normalize=False), scale=37.5)
    np.testing.assert_allclose(np.linalg.norm(encoder.encode_questions(QUESTIONS), axis=1), 37.5, rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(encoder.encode_passages([("", TEXTS[0])]), axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("made", "similarity"),
    [
        ({"similarity": "dot", "normalize": False}, "dot"),
        ({"similarity": "dot", "normalize": True}, "cosine"),
        ({"similarity": "cosine", "normalize": False}, "cosine"),
    ],
)
def test_similarity_follows_from_the_files(made: dict[str, Any], similarity: str, tmp_path: Path) -> None:
    folder = save_sentence_transformer(tmp_path / "model", **made)
    assert load(folder, scale=None if similarity == "dot" else SCALE).similarity == similarity


def test_unknown_scale_is_asked_for(tmp_path: Path) -> None:
    folder = save_sentence_transformer(tmp_path / "model")
    with pytest.raises(UsageError, match=r"its scale .* is not known: say --scale X, or --scale auto") as raised:
        load(folder, scale=None)
    assert_one_clear_line(raised.value)


@pytest.mark.parametrize("scale", [0, -1.0, float("nan"), float("inf")])
def test_impossible_scale_is_refused(scale: float, tmp_path: Path) -> None:
    folder = save_sentence_transformer(tmp_path / "model")
    with pytest.raises(UsageError, match="is not a number above 0"):
        load(folder, scale=scale)


@pytest.mark.parametrize(
    ("module", "config", "complaint"),
    [
        ("sentence_transformers.models.CNN", {}, "has a module CNN"),
        ("somebodys.own.Reader", {}, "has a module Reader"),
        ("sentence_transformers.models.Dense", {"activation_function": "os.system", "out_features": 1}, "by system"),
        ("sentence_transformers.models.Pooling", {"pooling_mode": "magic"}, "pools by magic"),
        ("sentence_transformers.models.Pooling", {"include_prompt": False}, "leaves its prompt out of pooling"),
    ],
)
def test_module_that_cannot_be_run_is_named(
    module: str, config: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    folder = save_sentence_transformer(tmp_path / "model")
    modules = json.loads((folder / "modules.json").read_text())
    modules[1]["type"] = module
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=complaint) as raised:
        load(folder)
    assert_one_clear_line(raised.value)


def test_model_that_compares_by_manhattan_distance_is_refused(tmp_path: Path) -> None:
    folder = save_sentence_transformer(tmp_path / "model")
    change_json(folder / "config_sentence_transformers.json", similarity_fn_name="manhattan")
    with pytest.raises(ModelError, match="compares by manhattan"):
        load(folder)


def test_euclidean_model_is_compared_by_l2(tmp_path: Path) -> None:
    encoder = load(save_sentence_transformer(tmp_path / "l2", similarity="euclidean", normalize=False), scale=None)
    assert encoder.passages.tower.modules == ("mean", "l2 passage 0.0")
    theirs = SentenceTransformer(str(tmp_path / "l2"), device="cpu")
    distances = -theirs.similarity(theirs.encode_query(QUESTIONS), theirs.encode_document(TEXTS)).numpy()
    sims = encoder.encode_questions(QUESTIONS) @ encoder.encode_passages([("", text) for text in TEXTS]).T
    np.testing.assert_array_equal(np.argsort(-sims), np.argsort(distances))


def test_text_that_is_no_text_is_encoded_all_the_same(tmp_path: Path) -> None:
    encoder = load(save_sentence_transformer(tmp_path / "model"))
    texts = ["", " ", "\0", "\ud800 half a surrogate pair", "x" * 1_000_000, "\U0001f30a"]
    vectors = encoder.encode_passages([(text, text) for text in texts])
    assert np.isfinite(vectors).all()
    assert encoder.encode_questions([]).shape == (0, encoder.dimension)
    assert encoder.encode_passages([]).shape == (0, encoder.dimension)
