"""From a name, and from what an index says, to the encoder; or to one line that says what is wrong."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid import Profile, SimPrior
from hybrid.encoders import load_encoder, load_for_profile
from hybrid.encoders.cards import NAME, read_card, write_card
from hybrid.encoders.presets import DPR, Card, Reading
from hybrid.errors import EncoderMismatchError, ModelError, ProfileError, UsageError
from hybrid.profile import from_meta, to_meta
from hybrid.vectors import length, read_passage_vector, read_question_vector
from tests.messages import assert_one_clear_line
from tests.tiny_models import change_json, copy_model, save_bert, save_dpr, save_sentence_transformer

PAIRS = [("Tides", "The moon pulls the ocean."), ("", "gravity")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_sentence_transformer(tmp_path_factory.mktemp("models") / "model", prompts={"query": "query: "})


def profile_of(folder: Path, **options: Any) -> Profile:
    return load_encoder(str(folder), device="cpu", **{"scale": 20.0, **options}).make_profile()


def test_profile_leads_back_to_the_encoder(folder: Path) -> None:
    first = load_encoder(str(folder), scale=33.0, device="cpu", precision="fp32")
    profile = from_meta(to_meta(first.make_profile(analyzer="standard", lam=0.5)), "wiki")
    assert (profile.analyzer, profile.lam, profile.scale, profile.scale_source) == ("standard", 0.5, 33.0, "given")
    second = load_for_profile(profile, device="cpu")
    assert second.make_profile(analyzer="standard", lam=0.5) == profile
    np.testing.assert_array_equal(first.encode_questions(["who wrote?"]), second.encode_questions(["who wrote?"]))
    np.testing.assert_array_equal(first.encode_passages(PAIRS), second.encode_passages(PAIRS))


def test_vectors_are_in_the_form_that_their_profile_asks_for(folder: Path) -> None:
    encoder = load_encoder(str(folder), scale=20.0, device="cpu")
    profile = encoder.make_profile()
    (question,), (passage, _) = encoder.encode_questions(["who?"]), encoder.encode_passages(PAIRS)
    np.testing.assert_allclose(read_question_vector(question, profile), question, rtol=1e-6)
    np.testing.assert_allclose(read_passage_vector(passage, profile, "p"), passage, rtol=1e-6)
    assert length(passage) <= profile.max_norm


def test_moved_model_is_found_by_name_and_keeps_the_indexs_pair_id(folder: Path, tmp_path: Path) -> None:
    profile = profile_of(folder)
    copy = copy_model(folder, tmp_path / "moved")
    assert load_for_profile(profile, name=str(copy), device="cpu").pair_id == profile.pair_id
    gone = dataclasses.replace(
        profile,
        passage_tower=dataclasses.replace(profile.passage_tower, model=str(tmp_path / "gone")),  # type: ignore[type-var]
        question_tower=dataclasses.replace(profile.question_tower, model=str(tmp_path / "gone")),  # type: ignore[type-var]
    )
    with pytest.raises(ModelError, match=r"There is no folder .*gone") as raised:
        load_for_profile(gone, device="cpu")
    assert_one_clear_line(raised.value)


def test_other_weights_are_refused_with_both_names(folder: Path, tmp_path: Path) -> None:
    profile = profile_of(folder)
    other = save_sentence_transformer(tmp_path / "other", seed=7)
    with pytest.raises(EncoderMismatchError) as raised:
        load_for_profile(profile, name=str(other), device="cpu")
    assert profile.pair_id in assert_one_clear_line(raised.value)
    assert profile_of(other).pair_id.partition("@")[0] in str(raised.value)


def test_prompt_of_the_profile_counts_whatever_the_files_say_by_now(folder: Path, tmp_path: Path) -> None:
    copy = copy_model(folder, tmp_path / "model")
    profile = profile_of(copy)
    change_json(copy / "config_sentence_transformers.json", prompts={"query": "ask: "})
    assert load_for_profile(profile, device="cpu").questions.tower.prompt == "query: "


def test_profile_without_towers_says_so() -> None:
    profile = Profile(pair_id="made-up", fingerprint="0123456789abcdef", dimension=8)
    with pytest.raises(ProfileError, match="made-up does not say how it encodes") as raised:
        load_for_profile(profile)
    assert_one_clear_line(raised.value)


def test_open_scale_is_found_out_later(folder: Path) -> None:
    encoder = load_encoder(str(folder), scale="auto", device="cpu")
    assert np.linalg.norm(encoder.encode_questions(["who?"])) == pytest.approx(1.0, rel=1e-6)
    with pytest.raises(UsageError, match="not found out yet") as raised:
        encoder.make_profile()
    assert_one_clear_line(raised.value)
    found = encoder.with_scale(42.0, "auto", SimPrior(a=1.0, b=0.5))
    profile = found.make_profile()
    assert (profile.scale, profile.scale_source, profile.sim_prior_source) == (42.0, "auto", "auto")
    assert profile.sim_prior == SimPrior(a=1.0, b=0.5)
    assert np.linalg.norm(found.encode_questions(["who?"])) == pytest.approx(42.0, rel=1e-6)
    assert encoder.with_scale(3.0, "auto").sim_prior_source == "default"


def test_card_in_the_folder_says_what_files_do_not(folder: Path, tmp_path: Path) -> None:
    copy = copy_model(folder, tmp_path / "model")
    prior = SimPrior(a=3.0, b=0.5)
    write_card(
        copy, Card(scale=10.0, passage=Reading(prompt="passage: ", max_length=7), sim_prior=prior, measured=True)
    )
    encoder = load_encoder(str(copy), device="cpu")
    assert (encoder.scale, encoder.scale_source) == (10.0, "preset")
    assert (encoder.sim_prior, encoder.sim_prior_source) == (prior, "preset")
    assert (encoder.passages.tower.prompt, encoder.passages.tower.max_length) == ("passage: ", 7)
    assert encoder.questions.tower.prompt == "query: "
    doubled = load_encoder(str(copy), scale=20.0, device="cpu")
    assert doubled.sim_prior == SimPrior(a=6.0, b=1.0)


@pytest.mark.parametrize("card", [Card(), DPR, Card(scale=2.0, question=Reading(prompt="", straight_quotes=False))])
def test_card_comes_back_as_it_was_written(card: Card, tmp_path: Path) -> None:
    write_card(tmp_path, card)
    assert read_card(tmp_path) == card


@pytest.mark.parametrize("text", ["", "[]", '{"colour": 1}', '{"question": {"colour": 1}}', '{"sim_prior": 5}'])
def test_card_that_cannot_be_read_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(ModelError, match=NAME) as raised:
        read_card(tmp_path)
    assert_one_clear_line(raised.value)


def test_two_folders_in_one_are_two_towers(tmp_path: Path) -> None:
    save_sentence_transformer(tmp_path / "made" / "question", pooling="cls", seed=1)
    save_sentence_transformer(tmp_path / "made" / "passage", pooling="cls", seed=2)
    write_card(tmp_path / "made", Card(similarity="cosine", scale=20.0))
    encoder = load_encoder(str(tmp_path / "made"), device="cpu", precision="fp32")
    assert encoder.pair_id.startswith("made@")
    assert encoder.scale == 20.0
    one = {
        side: load_encoder(str(tmp_path / "made" / side), scale=20.0, device="cpu")
        for side in ("question", "passage")
    }
    np.testing.assert_allclose(
        encoder.encode_questions(["who?"]), one["question"].encode_questions(["who?"]), atol=1e-5
    )
    assert encoder.passages.tower.fingerprint == one["passage"].passages.tower.fingerprint
    assert load_for_profile(encoder.make_profile(), device="cpu").pair_id == encoder.pair_id


def test_towers_of_different_width_are_no_pair(tmp_path: Path) -> None:
    save_dpr(tmp_path / "question", passages=False)
    save_dpr(tmp_path / "passage", passages=True, hidden_size=8)
    with pytest.raises(ModelError, match=r"16 numbers, .* of 8; they are no pair") as raised:
        load_encoder(str(tmp_path), device="cpu")
    assert_one_clear_line(raised.value)


def test_unknown_precision_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="'int8' is none of fp32, bf16 and auto"):
        load_encoder(str(folder), scale=20.0, precision="int8", device="cpu")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        ("config.json", "There is no config.json"),
        ("model.safetensors", "There is no model.safetensors"),
        ("tokenizer.json", "There is no tokenizer.json"),
        ("1_Pooling/config.json", None),
        ("modules.json", None),
    ],
)
def test_missing_file_is_named(damage: str, complaint: str | None, folder: Path, tmp_path: Path) -> None:
    copy = copy_model(folder, tmp_path / "model")
    (copy / damage).unlink()
    if complaint is None:
        load_encoder(str(copy), scale=20.0, device="cpu")
        return
    with pytest.raises(ModelError, match=complaint) as raised:
        load_encoder(str(copy), scale=20.0, device="cpu")
    assert_one_clear_line(raised.value)


@pytest.mark.parametrize(
    "damage",
    [
        "config.json",
        "modules.json",
        "tokenizer.json",
        "sentence_bert_config.json",
        "config_sentence_transformers.json",
    ],
)
@pytest.mark.parametrize("content", ["", "{", "[]", "[1]", "null", '"text"'])
def test_garbled_file_is_one_clear_line(damage: str, content: str, folder: Path, tmp_path: Path) -> None:
    copy = copy_model(folder, tmp_path / "model")
    (copy / damage).write_text(content)
    try:
        load_encoder(str(copy), scale=20.0, device="cpu")
    except ModelError as error:
        assert_one_clear_line(error)


def test_pickle_is_not_opened(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "model")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"is a pickle.*convert it to safetensors") as raised:
        load_encoder(str(folder), scale=20.0, device="cpu")
    assert_one_clear_line(raised.value)
