"""An encoder that compares by L2 is served as a dot product: the order of −‖q − p‖², in numpy and in torch."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from transformers import BertModel

from hybrid.encoders import Encoder, l2, load_encoder, load_for_profile
from hybrid.encoders.checkpoints import read_checkpoint
from hybrid.encoders.exporting import TowerModel, export_encoder
from hybrid.encoders.presets import Card
from hybrid.errors import EncoderMismatchError, ModelError, UsageError, VectorError
from hybrid.fusion import MAX_SHIFT, PAPER_LAMBDA, SimPrior, lift, shift
from hybrid.requests import make_request
from tests.messages import assert_one_clear_line
from tests.tiny_models import change_json, save_bert

QUESTIONS = ["what pulls the tides?", "Who wrote the ocean", "gravity"]
PASSAGES = [("", f"{one} {other}") for one in ("moon", "tide", "ocean", "who") for other in ("pulls", "wrote", "the")]
Numbers = NDArray[np.float64]


def export(root: Path, similarity: Any, level: float | None = None) -> Path:
    """Write the same pair of towers with another measure."""
    towers = []
    for side, seed in (("question", 1), ("passage", 2)):
        start = root / f"start-{side}"
        if not start.is_dir():
            save_bert(start, seed=seed)
        towers.append(TowerModel(BertModel.from_pretrained(start).state_dict(), read_checkpoint(start)))
    export_encoder(root / f"{similarity}{level}", towers[0], towers[1], Card(similarity=similarity, level=level))
    return root / f"{similarity}{level}"


def load(folder: Path, backend: Any = "auto") -> Encoder:
    return load_encoder(str(folder), device="cpu", precision="fp32", backend=backend)


def squared_distances(questions: Any, passages: Any) -> Numbers:
    """Give ‖q − p‖² by the definition."""
    apart = questions[:, None, :].astype(np.float64) - passages[None, :, :].astype(np.float64)
    distances: Numbers = (apart**2).sum(axis=2)
    return distances


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("level", [None, 12.5])
def test_dot_products_order_as_distances_do(tmp_path: Path, backend: Any, level: float | None) -> None:
    plain, served = load(export(tmp_path, "dot"), backend), load(export(tmp_path, "l2", level), backend)
    questions, passages = plain.encode_questions(QUESTIONS), plain.encode_passages(PASSAGES)
    sims = served.encode_questions(QUESTIONS).astype(np.float64) @ served.encode_passages(PASSAGES).T
    squares = (questions.astype(np.float64) ** 2).sum(axis=1, keepdims=True)
    expected = squares + (level or 0) - squared_distances(questions, passages)
    np.testing.assert_allclose(sims, expected, atol=2e-3 if backend == "torch" else 1e-4)
    np.testing.assert_array_equal(np.argsort(-sims), np.argsort(squared_distances(questions, passages)))
    # Another order than that of the dot product, so that the test tells them apart.
    assert (np.argsort(-(questions @ passages.T)) != np.argsort(-sims)).any()


def test_without_a_level_vectors_are_the_plain_ones(tmp_path: Path) -> None:
    plain, served = load(export(tmp_path, "dot")), load(export(tmp_path, "l2"))
    questions, passages = plain.encode_questions(QUESTIONS), plain.encode_passages(PASSAGES)
    squares = (passages.astype(np.float64) ** 2).sum(axis=1)
    np.testing.assert_allclose(
        served.encode_questions(QUESTIONS), np.column_stack([2 * questions, -np.ones(3)]), rtol=1e-5
    )
    np.testing.assert_allclose(served.encode_passages(PASSAGES), np.column_stack([passages, squares]), rtol=1e-5)


def test_index_finds_its_encoder_again_and_refuses_another_level(tmp_path: Path) -> None:
    folder = export(tmp_path, "l2", 12.5)
    encoder = load(folder)
    profile = encoder.make_profile()
    assert (profile.similarity, profile.scale, profile.dimension) == ("dot", 1.0, 17)
    assert profile.passage_tower is not None
    assert profile.passage_tower.modules == ("mean", "l2 passage 12.5")
    again = load_for_profile(profile, device="cpu")
    np.testing.assert_array_equal(again.encode_questions(QUESTIONS), encoder.encode_questions(QUESTIONS))
    # What the index holds counts, not what the card says by now.
    change_json(folder / "hybrid_encoder.json", level=99.0)
    assert load_for_profile(profile, device="cpu").pair_id == encoder.pair_id
    assert load(folder).pair_id != encoder.pair_id
    with pytest.raises(EncoderMismatchError):
        load_for_profile(profile, name=str(tmp_path / "start-passage"), device="cpu")


def test_distances_take_no_scale_and_no_level_below_zero(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"compares by L2.*leave --scale out") as raised:
        load_encoder(str(export(tmp_path, "l2")), scale=20.0, device="cpu")
    assert_one_clear_line(raised.value)
    with pytest.raises(ModelError, match="level -1") as refused:
        load(export(tmp_path, "l2", -1))
    assert_one_clear_line(refused.value)


@pytest.mark.parametrize("scale", [1.0, 10.0, 15.0])
def test_level_keeps_long_vectors_within_the_limit_of_fusion(scale: float, rng: np.random.Generator) -> None:
    """Lengths differ by a tenth, as all-MiniLM's do."""
    made = rng.normal(size=(2000, 768)) * (scale / np.sqrt(768)) * rng.normal(1, 0.1, size=(2000, 1))
    passages, questions = made.astype(np.float32), (made[:50] * 1.05).astype(np.float32)
    levels = {"plain": 0.0, "found": l2.find_level(passages)}
    lifts = {}
    for name, level in levels.items():
        long = np.linalg.norm(l2.extend_questions(questions, level), axis=1).max()
        longest = np.linalg.norm(l2.extend_passages(passages, level), axis=1).max()
        lifts[name] = shift(PAPER_LAMBDA, lift(float(long), float(longest), SimPrior(1, 1)))
    assert lifts["found"] < MAX_SHIFT
    if scale > 9:
        assert lifts["plain"] > MAX_SHIFT
        assert lifts["found"] < 6 * PAPER_LAMBDA * levels["found"]


def test_question_beyond_the_limit_is_still_refused(tmp_path: Path) -> None:
    profile = dataclasses.replace(load(export(tmp_path, "l2")).make_profile(), max_norm=1e4)
    with pytest.raises(VectorError, match="BM25 would be lost"):
        make_request("tides", profile, vector=np.ones(17))
