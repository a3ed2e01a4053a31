"""DPR's two towers give what transformers' own classes give, read as the paper's authors read it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    DPRContextEncoder,
    DPRContextEncoderTokenizer,
    DPRQuestionEncoder,
    DPRQuestionEncoderTokenizer,
)

from hybrid.encoders import Encoder, load_encoder
from hybrid.errors import UsageError
from hybrid.passages import Vector
from tests.messages import assert_one_clear_line
from tests.tiny_models import POSITIONS, change_json, save_dpr

PASSAGES = [
    ("Tides", "The moon pulls the ocean."),
    ("Moon", "gravity"),
    ("A title of many words indeed", "who wrote what, the tides or the ocean? " * 3),
    ("the ocean " * 30, "the tides " * 30),
]
QUESTIONS = ["what pulls the tides?", "Who wrote the moon’s tides?", "who " * 200]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("dpr")
    save_dpr(root / "question", passages=False, seed=1)
    save_dpr(root / "passage", passages=True, seed=2)
    return root


@pytest.fixture(scope="module", params=["numpy", "torch"])
def encoder(folder: Path, request: pytest.FixtureRequest) -> Encoder:
    return load_encoder(str(folder), device="cpu", precision="fp32", backend=request.param)


def theirs(folder: Path, texts: Sequence[str], titles: Sequence[str] | None = None) -> Vector:
    """Encode one by one, unpadded, with nothing but token ids, cut to the positions that the model has."""
    model: Any
    if titles is None:
        model, tokenizer = (
            kind.from_pretrained(folder) for kind in (DPRQuestionEncoder, DPRQuestionEncoderTokenizer)
        )
    else:
        model, tokenizer = (kind.from_pretrained(folder) for kind in (DPRContextEncoder, DPRContextEncoderTokenizer))
    pairs = [(text,) for text in texts] if titles is None else zip(titles, texts, strict=True)
    rows = []
    for pair in pairs:
        ids = tokenizer(*pair, truncation=True, max_length=POSITIONS, return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            rows.append(model(input_ids=ids).pooler_output[0].numpy())
    return np.array(rows)


def test_passages_are_those_of_transformers(folder: Path, encoder: Encoder) -> None:
    titles, texts = zip(*PASSAGES, strict=True)
    expected = theirs(folder / "passage", texts, titles)
    np.testing.assert_allclose(encoder.encode_passages(PASSAGES), expected, atol=1e-5)


def test_questions_are_those_of_transformers_with_straight_quotes(folder: Path, encoder: Encoder) -> None:
    expected = theirs(folder / "question", [question.replace("’", "'") for question in QUESTIONS])
    np.testing.assert_allclose(encoder.encode_questions(QUESTIONS), expected, atol=1e-5)
    curly = theirs(folder / "question", QUESTIONS)
    assert np.abs(curly[1] - expected[1]).max() > 1e-3


def test_passage_without_title_is_its_text_alone(folder: Path, encoder: Encoder) -> None:
    vectors = encoder.encode_passages([("", "gravity"), (" \t", "gravity")])
    model = DPRContextEncoder.from_pretrained(folder / "passage")
    tokenizer = DPRContextEncoderTokenizer.from_pretrained(folder / "passage")
    with torch.inference_mode():
        alone = model(input_ids=tokenizer("gravity", return_tensors="pt")["input_ids"]).pooler_output.numpy()
    np.testing.assert_allclose(vectors, np.repeat(alone, 2, axis=0), atol=1e-5)


def test_input_is_cls_title_sep_text_sep_and_keeps_its_separator_when_cut(encoder: Encoder) -> None:
    tokens = encoder.passages.tokens
    (short,) = tokens.read([("moon", "the tides")])
    marks = {name: tokens.read([("", name)])[0][1] for name in ("[CLS]", "[SEP]", "moon", "the", "tides")}
    expected = [marks[name] for name in ("[CLS]", "moon", "[SEP]", "the", "tides", "[SEP]")]
    assert short.tolist() == expected
    (long,) = tokens.read([("moon", "tides " * 500)])
    assert len(long) == POSITIONS
    assert (long[0], long[-1]) == (marks["[CLS]"], marks["[SEP]"])


def test_neighbours_and_their_padding_do_not_matter(encoder: Encoder) -> None:
    together = encoder.encode_passages(PASSAGES)
    alone = np.concatenate([encoder.encode_passages([passage]) for passage in PASSAGES])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_dot_products_are_used_as_they_are(encoder: Encoder) -> None:
    assert (encoder.similarity, encoder.scale, encoder.scale_source) == ("dot", 1.0, "dot")
    lengths = np.linalg.norm(encoder.encode_passages(PASSAGES), axis=1)
    assert lengths.max() > 1.5


def test_towers_say_how_they_read(encoder: Encoder) -> None:
    question, passage = encoder.questions.tower, encoder.passages.tower
    assert (question.template, passage.template) == ("text", "title [SEP] text")
    assert (question.straight_quotes, passage.straight_quotes) == (True, False)
    assert question.modules == passage.modules == ("cls",)
    assert question.max_length == passage.max_length == POSITIONS
    assert question.lowercase


def test_papers_length_holds_where_the_model_could_read_more(tmp_path: Path) -> None:
    save_dpr(tmp_path / "question", passages=False, max_position_embeddings=512)
    save_dpr(tmp_path / "passage", passages=True, max_position_embeddings=512)
    encoder = load_encoder(str(tmp_path), device="cpu")
    assert encoder.passages.tower.max_length == encoder.questions.tower.max_length == 256


def test_two_models_with_a_comma_between_are_a_pair_too(folder: Path, encoder: Encoder) -> None:
    pair = load_encoder(f"{folder / 'question'}, {folder / 'passage'}", device="cpu", precision="fp32")
    assert pair.passages.tower.fingerprint == encoder.passages.tower.fingerprint
    np.testing.assert_allclose(pair.encode_questions(QUESTIONS), encoder.encode_questions(QUESTIONS), atol=1e-5)


def test_one_tower_alone_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="one tower of a pair; name both") as raised:
        load_encoder(str(folder / "passage"), device="cpu")
    assert_one_clear_line(raised.value)


def test_scale_makes_no_sense_for_a_dot_product(folder: Path) -> None:
    for scale in (20.0, "auto"):
        with pytest.raises(UsageError, match=r"compares by dot product.*leave --scale out") as raised:
            load_encoder(str(folder), scale=scale, device="cpu")
        assert_one_clear_line(raised.value)


def test_vocabulary_alone_is_tokenizer_enough(encoder: Encoder, tmp_path: Path) -> None:
    for side in ("question", "passage"):
        save_dpr(tmp_path / side, passages=side == "passage", seed={"question": 1, "passage": 2}[side])
        (tmp_path / side / "tokenizer.json").unlink()
    change_json(tmp_path / "question" / "tokenizer_config.json", do_lower_case=True)
    old = load_encoder(str(tmp_path), device="cpu", precision="fp32")
    np.testing.assert_allclose(old.encode_questions(QUESTIONS), encoder.encode_questions(QUESTIONS), atol=1e-5)
    np.testing.assert_allclose(old.encode_passages(PASSAGES), encoder.encode_passages(PASSAGES), atol=1e-5)
