"""An index on a cluster takes another tower for its questions without a passage being encoded, and gives it back."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from transformers import BertModel

from hybrid import Passage, open_index
from hybrid.encoders import load_encoder
from hybrid.encoders.checkpoints import read_checkpoint
from hybrid.encoders.exporting import TowerModel, export_encoder
from hybrid.encoders.presets import Card
from hybrid.fusion import SimPrior
from tests.commands import Say
from tests.conftest import MakeIndex
from tests.tiny_models import save_bert

TEXTS = ("the moon pulls the ocean", "gravity", "who wrote the tides")


def read_mapping(raw: Any, name: str) -> Any:
    (body,) = raw.indices.get_mapping(index=name).values()
    return body["mappings"]["properties"]


def test_questions_change_and_passages_stay(make_index: MakeIndex, raw: Any, hybrid: Say, tmp_path: Path) -> None:
    towers = []
    for seed in (1, 2, 3):
        folder = save_bert(tmp_path / str(seed), seed=seed)
        towers.append(TowerModel(BertModel.from_pretrained(folder).state_dict(), read_checkpoint(folder)))
    export_encoder(tmp_path / "before", towers[0], towers[1], Card(similarity="dot"))
    export_encoder(tmp_path / "after", towers[2], tmp_path / "before" / "passage", Card(similarity="dot"))
    before, after = (
        load_encoder(str(tmp_path / name), device="cpu", precision="fp32") for name in ("before", "after")
    )
    assert before.pair_id != after.pair_id
    tuned = {"min_sim": 3.5, "sim_prior": SimPrior(5.0, 2.0), "sim_prior_source": "tune", "lam": 0.7}
    address = make_index(before.make_profile(**tuned))
    vectors = before.encode_passages([("", text) for text in TEXTS])
    with open_index(address) as index:
        index.add([Passage(str(row), text, vector=vectors[row]) for row, text in enumerate(TEXTS)], refresh=True)
    name = address.rpartition("/")[2]
    mapping = read_mapping(raw, name)
    for encoder, made in ((after, "after"), (before, "before")):
        said = hybrid("reencode", address, "--encoder", tmp_path / made)
        assert (said.code, said.out) == (0, f"questions use {encoder.pair_id}\n"), said.err
        # Both were found out with the tower before; only the first change has a least sim to drop.
        assert ("the least sim of 3.5 is gone" in said.err) == (made == "after")
        with open_index(address) as index:
            assert index.profile == dataclasses.replace(
                encoder.make_profile(lam=0.7), max_norm=index.profile.max_norm
            )
            hits = index.search("what pulls the tides", mode="dense", k=3).hits
        wanted = encoder.encode_questions(["what pulls the tides"])[0] @ vectors.T
        assert [hit.id for hit in hits] == [str(row) for row in np.argsort(-wanted)]
        np.testing.assert_allclose([hit.sim or 0.0 for hit in hits], -np.sort(-wanted), atol=1e-3)
    assert read_mapping(raw, name) == mapping
