"""Both engines rank an encoder that compares by L2 as brute force does by −‖q − p‖²."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from transformers import BertModel

from hybrid import Passage, create_index, open_index
from hybrid.encoders import Encoder, l2, load_encoder
from hybrid.encoders.checkpoints import read_checkpoint
from hybrid.encoders.exporting import TowerModel, export_encoder
from hybrid.encoders.presets import Card
from hybrid.engines.contract import Index
from tests.conftest import MakeIndex
from tests.tiny_models import VOCABULARY, save_bert

COUNT, ASKED, TOP = 300, 40, 20
#: What two ways to sum float32 may differ by; passages nearer to each other than that have no order.
TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("l2")


@pytest.fixture(scope="module")
def texts() -> list[str]:
    rng = np.random.default_rng(7)
    words = [word for word in VOCABULARY if word.isalpha() and len(word) > 2]
    return [" ".join(rng.choice(words, size=rng.integers(2, 9))) for _ in range(COUNT + ASKED)]


@pytest.fixture(scope="module")
def plain(folder: Path) -> Encoder:
    """Give the towers as they are, for brute force."""
    save_bert(folder / "one", seed=1)
    save_bert(folder / "two", seed=2)
    asks, keeps = (
        TowerModel(BertModel.from_pretrained(folder / side).state_dict(), read_checkpoint(folder / side))
        for side in ("one", "two")
    )
    export_encoder(folder / "dot", asks, keeps, Card(similarity="dot"))
    encoder = load_encoder(str(folder / "dot"), device="cpu", precision="fp32")
    level = l2.find_level(encoder.encode_passages([("", "the moon"), ("", "gravity pulls the ocean")]))
    export_encoder(folder / "l2", asks, keeps, Card(similarity="l2", level=level))
    return encoder


@pytest.fixture(scope="module")
def served(plain: Encoder, folder: Path) -> Encoder:
    assert plain.similarity == "dot"
    return load_encoder(str(folder / "l2"), device="cpu", precision="fp32")


def fill(index: Index, texts: list[str], served: Encoder) -> None:
    made = served.encode_passages([("", text) for text in texts])
    index.add(
        [Passage(f"p{row:03}", text, vector=made[row]) for row, text in enumerate(texts)],
        pair_id=served.pair_id,
        refresh=True,
    )


@pytest.fixture(params=["folder", "cluster"])
def index(request: pytest.FixtureRequest, tmp_path: Path, texts: list[str], served: Encoder) -> Any:
    if request.param == "folder":
        address = str(tmp_path / "index")
        create_index(address, served.make_profile())
    else:
        make_index: MakeIndex = request.getfixturevalue("make_index")
        address = make_index(served.make_profile())
    with open_index(address) as opened:
        fill(opened, texts[:COUNT], served)
        yield opened


def test_dense_hits_are_the_nearest_by_distance(
    index: Index, texts: list[str], plain: Encoder, served: Encoder
) -> None:
    questions, passages = (
        plain.encode_questions(texts[COUNT:]),
        plain.encode_passages([("", t) for t in texts[:COUNT]]),
    )
    asked = served.encode_questions(texts[COUNT:])
    apart: NDArray[np.float64] = (
        (questions[:, None, :].astype(np.float64) - passages[None, :, :].astype(np.float64)) ** 2
    ).sum(axis=2)
    for row, distances in enumerate(apart):
        hits = index.search(texts[COUNT + row], vector=asked[row], mode="dense", k=TOP, dense="exact").hits
        assert len(hits) == TOP
        found = np.array([distances[int(hit.id[1:])] for hit in hits])
        np.testing.assert_allclose(found, np.sort(distances)[:TOP], atol=TOLERANCE)
        assert len({hit.id for hit in hits}) == TOP


def test_both_scores_of_hybrid_hits_are_true(index: Index, texts: list[str], plain: Encoder, served: Encoder) -> None:
    question = texts[3]
    (asked,) = served.encode_questions([question])
    (own,) = plain.encode_questions([question])
    passages = plain.encode_passages([("", text) for text in texts[:COUNT]])
    hits = index.search(question, vector=asked, k=TOP).hits
    constants = []
    for hit in hits:
        assert hit.sim is not None
        constants.append(hit.sim + ((own - passages[int(hit.id[1:])]).astype(np.float64) ** 2).sum())
        assert hit.score == pytest.approx(hit.bm25 + 1.1 * hit.sim, abs=TOLERANCE)
    # sim is −‖q − p‖² and what depends on the question alone.
    np.testing.assert_allclose(constants, constants[0], atol=TOLERANCE)
    assert max(hit.bm25 or 0 for hit in hits) > 0
