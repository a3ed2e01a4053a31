"""A folder that was exported gives, through ``--encoder``, the vectors of the torch module that it was made of."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoTokenizer, DPRContextEncoder, DPRQuestionEncoder

from hybrid.encoders import Encoder, load_encoder
from hybrid.encoders.checkpoints import read_checkpoint
from hybrid.encoders.exporting import TowerModel, export_encoder
from hybrid.encoders.presets import Card, Reading
from hybrid.encoders.steps import Step
from hybrid.passages import Vector
from tests.tiny_models import save_bert, save_dpr, save_kin, save_sentence_transformer

QUESTIONS = ["what pulls the tides?", "Who wrote the ocean", "who " * 200]
PASSAGES = [("Tides", "The moon pulls the ocean."), ("", "gravity"), ("Moon", "who wrote what? " * 30)]
#: Numbers of these towers are about 1; the sums behind them come in another order.
TOLERANCE = 2e-5


def change(folder: Path, seed: int = 3) -> tuple[Any, TowerModel]:
    """Give a model whose weights are not those in its folder any more, and what is to be exported of it."""
    model = AutoModel.from_pretrained(folder).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn(weight.shape, generator=generator) * 0.1)
    return model, TowerModel(model.state_dict(), read_checkpoint(folder))


def encode(model: Any, folder: Path, texts: list[Any], pooling: str, length: int) -> Vector:
    """Encode one by one with transformers alone."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = []
    for text in texts:
        pair = (text,) if isinstance(text, str) else text
        ids = tokenizer(*pair, truncation=True, max_length=length, return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            hidden = model(input_ids=ids).last_hidden_state[0]
        rows.append((hidden[0] if pooling == "cls" else hidden.mean(0)).numpy())
    return np.array(rows)


def unit(vectors: Vector) -> Vector:
    scaled: Vector = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled


@pytest.fixture(params=["numpy", "torch"])
def backend(request: pytest.FixtureRequest) -> Any:
    return request.param


def load(folder: Path, backend: Any) -> Encoder:
    return load_encoder(str(folder), device="cpu", precision="fp32", backend=backend)


def test_two_towers_with_cosine_scale_prompts_template_and_lengths(tmp_path: Path, backend: Any) -> None:
    question, asked = change(save_bert(tmp_path / "one", seed=1), 4)
    passage, kept = change(save_bert(tmp_path / "two", seed=2), 5)
    card = Card(
        similarity="cosine",
        scale=30.0,
        question=Reading(prompt="query ", max_length=12),
        passage=Reading(prompt="", template="title [SEP] text", max_length=20),
    )
    export_encoder(tmp_path / "pair", asked, kept, card)
    encoder = load(tmp_path / "pair", backend)
    assert (encoder.similarity, encoder.scale, encoder.scale_source) == ("cosine", 30.0, "preset")
    expected = unit(encode(question, tmp_path / "one", [f"query {one}" for one in QUESTIONS], "mean", 12)) * 30
    np.testing.assert_allclose(encoder.encode_questions(QUESTIONS), expected, atol=30 * TOLERANCE)
    pairs = [(title, text) if title else text for title, text in PASSAGES]
    expected = unit(encode(passage, tmp_path / "two", pairs, "mean", 20))
    np.testing.assert_allclose(encoder.encode_passages(PASSAGES), expected, atol=TOLERANCE)


def test_one_tower_with_dot_product_and_another_pooling(tmp_path: Path, backend: Any) -> None:
    model, tower = change(save_bert(tmp_path / "start"))
    tower = dataclasses.replace(tower, checkpoint=dataclasses.replace(tower.checkpoint, steps=(Step("pool", "cls"),)))
    card = Card(similarity="dot", passage=Reading(template="title text"))
    export_encoder(tmp_path / "one", tower, None, card)
    encoder = load(tmp_path / "one", backend)
    assert (encoder.similarity, encoder.scale) == ("dot", 1.0)
    assert encoder.questions.tower.modules == encoder.passages.tower.modules == ("cls",)
    expected = encode(model, tmp_path / "start", QUESTIONS, "cls", 64)
    np.testing.assert_allclose(encoder.encode_questions(QUESTIONS), expected, atol=TOLERANCE)
    texts = [f"{title} {text}".strip() for title, text in PASSAGES]
    expected = encode(model, tmp_path / "start", texts, "cls", 64)
    np.testing.assert_allclose(encoder.encode_passages(PASSAGES), expected, atol=TOLERANCE)


def test_towers_of_dpr_read_as_before_without_their_class(tmp_path: Path, backend: Any) -> None:
    save_dpr(tmp_path / "pair" / "question", passages=False, seed=1)
    save_dpr(tmp_path / "pair" / "passage", passages=True, seed=2)
    asked = DPRQuestionEncoder.from_pretrained(tmp_path / "pair" / "question").question_encoder.bert_model
    kept = DPRContextEncoder.from_pretrained(tmp_path / "pair" / "passage").ctx_encoder.bert_model
    towers = [
        TowerModel(model.state_dict(), read_checkpoint(tmp_path / "pair" / side))
        for model, side in ((asked, "question"), (kept, "passage"))
    ]
    export_encoder(tmp_path / "copy", towers[0], towers[1], Card(similarity="dot"))
    before, after = load(tmp_path / "pair", backend), load(tmp_path / "copy", backend)
    for one, other in ((before.questions, after.questions), (before.passages, after.passages)):
        facts = ("template", "straight_quotes", "max_length", "modules", "prompt")
        assert [getattr(one.tower, fact) for fact in facts] == [getattr(other.tower, fact) for fact in facts]
    np.testing.assert_array_equal(after.encode_questions(QUESTIONS), before.encode_questions(QUESTIONS))
    np.testing.assert_array_equal(after.encode_passages(PASSAGES), before.encode_passages(PASSAGES))


@pytest.mark.parametrize(
    "made",
    [
        {"prompts": {"query": "query: ", "document": "passage: "}},
        {"pooling": ("cls", "mean"), "dense": 8, "layer_norm": True},
        {"pooling": "weightedmean", "normalize": False, "max_length": 12},
    ],
    ids=str,
)
def test_sentence_transformers_reads_what_was_exported(made: dict[str, Any], tmp_path: Path, backend: Any) -> None:
    start = save_sentence_transformer(tmp_path / "start", **made)
    tower = TowerModel(AutoModel.from_pretrained(start).state_dict(), read_checkpoint(start))
    export_encoder(tmp_path / "out", tower, None, Card(similarity="cosine", scale=20.0))
    theirs = SentenceTransformer(str(tmp_path / "out"), device="cpu")
    assert theirs.similarity_fn_name == "cosine"
    encoder, before = load(tmp_path / "out", backend), SentenceTransformer(str(start), device="cpu")
    for model in (before, theirs):
        questions, passages = model.encode_query(QUESTIONS), model.encode_document([text for _, text in PASSAGES])
        np.testing.assert_allclose(encoder.encode_questions(QUESTIONS), unit(questions) * 20, atol=20 * TOLERANCE)
        plain = encoder.encode_passages([("", text) for _, text in PASSAGES])
        np.testing.assert_allclose(plain, unit(passages), atol=TOLERANCE)


def test_other_families_than_bert_are_exported_too(tmp_path: Path, backend: Any) -> None:
    start = save_kin(tmp_path / "start", "MPNetModel", pad_token_id=1)
    model, tower = change(start)
    export_encoder(tmp_path / "out", tower, None, Card(similarity="dot"))
    expected = encode(model, start, QUESTIONS[:2], "mean", 62)
    np.testing.assert_allclose(load(tmp_path / "out", backend).encode_questions(QUESTIONS[:2]), expected, atol=1e-4)


def test_exported_again_it_replaces_the_folder_and_leaves_nothing_beside(tmp_path: Path) -> None:
    _, tower = change(save_bert(tmp_path / "start"))
    out = tmp_path / "deep" / "out"
    names = []
    for similarity in ("dot", "cosine"):
        export_encoder(out, tower, None, Card(similarity=similarity, scale=20.0))
        names.append(load_encoder(str(out), device="cpu").similarity)
    assert names == ["dot", "cosine"]
    assert [one.name for one in out.parent.iterdir()] == ["out"]


def test_same_weights_exported_twice_are_the_same_tower(tmp_path: Path) -> None:
    _, tower = change(save_bert(tmp_path / "start"))
    for name in ("a", "b"):
        export_encoder(tmp_path / name, tower, None, Card(similarity="dot"))
    first, second = (load_encoder(str(tmp_path / name), device="cpu").passages.tower for name in ("a", "b"))
    assert first.fingerprint == second.fingerprint
