"""The authors' checkpoints: what is read gives transformers' vectors, what is written is read back the same."""

import dataclasses
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import DPRContextEncoder, DPRQuestionEncoder, DPRReader

from hybrid.encoders import load_encoder
from hybrid.encoders.backends import Means
from hybrid.encoders.digests import hash_file
from hybrid.errors import ModelError
from hybrid.reader.answers import ReadPassage, ReadRequest
from hybrid.reader.folders import read_folder
from hybrid.reader.reader import Reader
from tests.commands import Say, one_line
from tests.full_disks import room
from tests.tiny_models import HIDDEN, POSITIONS, change_json, copy_model, save_bert, save_dpr, save_kin
from tests.unit.test_encoders_dpr import PASSAGES, QUESTIONS, theirs

PARAMS = {
    "do_lower_case": True,
    "pretrained_model_cfg": "bert-base-uncased",
    "encoder_model_type": "hf_bert",
    "pretrained_file": None,
    "projection_dim": 0,
    "sequence_length": POSITIONS,
}
#: Other sums than transformers', of numbers of about 1.
TOLERANCE = 1e-5


class RanError(Exception):
    """Code of a file was run."""


class Trap:
    """What a malicious file holds."""

    def __reduce__(self) -> Any:
        return trigger, ()


def trigger() -> None:
    raise RanError


@pytest.fixture(scope="module")
def dpr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the pair in transformers' own format."""
    root = tmp_path_factory.mktemp("dpr")
    save_dpr(root / "question", passages=False, seed=1)
    save_dpr(root / "passage", passages=True, seed=2)
    return root


@pytest.fixture(scope="module")
def like(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give what the towers were made from."""
    return save_bert(tmp_path_factory.mktemp("base") / "base", seed=9)


def save(path: Path, weights: Mapping[str, Tensor], **changes: Any) -> Path:
    content = {
        "model_dict": dict(weights),
        "optimizer_dict": {"state": {0: {"step": 3}}, "param_groups": [{"lr": 2e-5, "params": [0]}]},
        "scheduler_dict": {"last_epoch": 3, "_last_lr": [2e-5]},
        "offset": 0,
        "epoch": 29,
        "encoder_params": PARAMS,
    }
    torch.save({**content, **changes}, path)
    return path


def weights_of(dpr: Path) -> dict[str, Tensor]:
    """Name the weights of both towers as the authors' code does, with what only it keeps."""
    asked = DPRQuestionEncoder.from_pretrained(dpr / "question").question_encoder.bert_model
    kept = DPRContextEncoder.from_pretrained(dpr / "passage").ctx_encoder.bert_model
    found: dict[str, Tensor] = {}
    for prefix, model in (("question_model.", asked), ("ctx_model.", kept)):
        found |= {f"{prefix}{name}": weight.detach().clone() for name, weight in model.state_dict().items()}
        found[f"{prefix}pooler.dense.weight"] = torch.ones(HIDDEN, HIDDEN)
        found[f"{prefix}pooler.dense.bias"] = torch.zeros(HIDDEN)
        found[f"{prefix}embeddings.position_ids"] = torch.arange(POSITIONS)[None]
    return found


@pytest.fixture
def checkpoint(dpr: Path, tmp_path: Path) -> Path:
    return save(tmp_path / "dpr_biencoder.29.cp", weights_of(dpr))


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("name", ["dpr_biencoder.29.cp", "model.bin"])
def test_vectors_are_those_of_transformers(
    hybrid: Say, dpr: Path, like: Path, tmp_path: Path, backend: Any, name: str
) -> None:
    source = save(tmp_path / name, weights_of(dpr))
    said = hybrid("convert-encoder", source, tmp_path / "out", "--like", like)
    assert (said.code, said.out) == (0, f"{tmp_path / 'out'}\n")
    encoder = load_encoder(str(tmp_path / "out"), device="cpu", precision="fp32", backend=backend)
    expected = theirs(dpr / "question", [question.replace("’", "'") for question in QUESTIONS])
    np.testing.assert_allclose(encoder.encode_questions(QUESTIONS), expected, atol=TOLERANCE)
    titles, texts = zip(*PASSAGES, strict=True)
    expected = theirs(dpr / "passage", texts, titles)
    np.testing.assert_allclose(encoder.encode_passages(PASSAGES), expected, atol=TOLERANCE)
    assert (encoder.similarity, encoder.scale) == ("dot", 1.0)


@pytest.mark.parametrize("flat", [True, False])
def test_length_is_that_of_the_training(hybrid: Say, dpr: Path, like: Path, tmp_path: Path, flat: bool) -> None:
    facts = {"sequence_length": 20} if flat else {"encoder": {"sequence_length": 20, "projection_dim": 0}}
    source = save(tmp_path / "one.cp", weights_of(dpr), encoder_params={"do_lower_case": True, **facts})
    assert hybrid("convert-encoder", source, tmp_path / "out", "--like", like).code == 0
    encoder = load_encoder(str(tmp_path / "out"), device="cpu")
    assert [side.tower.max_length for side in (encoder.questions, encoder.passages)] == [20, 20]


def test_older_files_of_torch_are_read_too(hybrid: Say, dpr: Path, like: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.cp"
    torch.save({"model_dict": weights_of(dpr)}, old, _use_new_zipfile_serialization=False)
    assert not zipfile.is_zipfile(old)
    assert hybrid("convert-encoder", old, tmp_path / "out", "--like", like).code == 0


@pytest.mark.parametrize("pooler", [True, False])
def test_folder_to_file_to_folder_is_the_same(
    hybrid: Say, dpr: Path, like: Path, tmp_path: Path, pooler: bool
) -> None:
    weights = {name: one for name, one in weights_of(dpr).items() if pooler or ".pooler." not in name}
    source = save(tmp_path / "one.cp", weights)
    assert hybrid("convert-encoder", source, tmp_path / "first", "--like", like).code == 0
    assert hybrid("convert-encoder", tmp_path / "first", tmp_path / "two.cp").code == 0
    assert hybrid("convert-encoder", tmp_path / "two.cp", tmp_path / "second", "--like", like).code == 0
    files = sorted(path.relative_to(tmp_path / "first") for path in (tmp_path / "first").rglob("*") if path.is_file())
    assert len(files) > 10
    for path in files:
        assert hash_file(tmp_path / "first" / path) == hash_file(tmp_path / "second" / path), path


def test_file_to_folder_to_file_is_the_same_and_complete(
    hybrid: Say, like: Path, checkpoint: Path, tmp_path: Path
) -> None:
    assert hybrid("convert-encoder", checkpoint, tmp_path / "out", "--like", like).code == 0
    assert hybrid("convert-encoder", tmp_path / "out", tmp_path / "back.cp").code == 0
    before, after = (torch.load(path, weights_only=True) for path in (checkpoint, tmp_path / "back.cp"))
    assert set(after) == set(before)
    assert set(after["encoder_params"]) == set(PARAMS)
    assert after["encoder_params"]["sequence_length"] == POSITIONS
    wanted = {name: one for name, one in before["model_dict"].items() if not name.endswith("position_ids")}
    assert set(after["model_dict"]) == set(wanted)
    for name, weight in wanted.items():
        torch.testing.assert_close(after["model_dict"][name], weight, rtol=0, atol=0)


def test_transformers_pair_becomes_a_file_that_transformers_own_weights_fill(
    hybrid: Say, dpr: Path, tmp_path: Path
) -> None:
    assert hybrid("convert-encoder", dpr, tmp_path / "out.cp").code == 0
    written = torch.load(tmp_path / "out.cp", weights_only=True)["model_dict"]
    for name, weight in weights_of(dpr).items():
        if ".pooler." in name:
            assert not written[name].any()
        elif not name.endswith("position_ids"):
            torch.testing.assert_close(written[name], weight, rtol=0, atol=0)


def test_reader_becomes_a_folder_that_reads_alike(hybrid: Say, like: Path, tmp_path: Path) -> None:
    dpr = save_kin(tmp_path / "reader", "DPRReader")
    own = DPRReader.from_pretrained(dpr).span_predictor.state_dict()
    weights = {name.replace("encoder.bert_model.", "encoder."): one.detach().clone() for name, one in own.items()}
    source = save(tmp_path / "reader.cp", weights, encoder_params={**PARAMS, "sequence_length": 40})
    assert hybrid("convert-encoder", source, tmp_path / "out", "--like", like).code == 0
    passages = (ReadPassage("1", "moon", "gravity pulls the ocean", 9.0), ReadPassage("2", "", "who wrote it", 8.0))
    answers = []
    for folder in (dpr, tmp_path / "out"):
        found = read_folder(folder)
        found = dataclasses.replace(found, card=dataclasses.replace(found.card, max_length=40))
        reader = Reader(found, Means(backend="torch", device="cpu", precision="fp32"))
        (reading,) = reader.read([ReadRequest("who pulls the tides?", passages)])
        answers.append(reading)
    assert read_folder(tmp_path / "out").card.max_length == 40
    assert answers[0] == answers[1]


def test_nothing_in_a_file_is_run(hybrid: Say, dpr: Path, like: Path, tmp_path: Path) -> None:
    source = save(tmp_path / "trap.cp", weights_of(dpr), scheduler_dict=Trap())
    with pytest.raises(RanError):
        torch.load(source, weights_only=False)
    said = hybrid("convert-encoder", source, tmp_path / "out", "--like", like)
    assert said.code == 1
    assert "would run code of its own" in one_line(said)
    assert "save {'model_dict': its model_dict} alone" in said.err
    alone = save(tmp_path / "alone.cp", weights_of(dpr))
    torch.save({"model_dict": torch.load(alone, weights_only=True)["model_dict"]}, alone)
    assert hybrid("convert-encoder", alone, tmp_path / "alone", "--like", like).code == 0
    assert not (tmp_path / "out").exists()


def test_other_files_are_refused_in_one_line(hybrid: Say, dpr: Path, like: Path, tmp_path: Path) -> None:
    weights = weights_of(dpr)
    one_side = {name: one for name, one in weights.items() if name.startswith("ctx_model.")}
    projected = {**weights, "ctx_model.encode_proj.weight": torch.ones(4, HIDDEN)}
    (tmp_path / "text.cp").write_text("no checkpoint", "utf-8")
    (tmp_path / "empty.cp").write_bytes(b"")
    torch.save(weights, tmp_path / "bare.bin")
    cases = {
        "text.cp": "no checkpoint of torch",
        "empty.cp": "no checkpoint of torch",
        "bare.bin": "has no model_dict",
        save(tmp_path / "list.cp", {}, model_dict=[1]).name: "has no model_dict",
        save(tmp_path / "half.cp", one_side).name: "lacks question_model.… or ctx_model.…",
        save(tmp_path / "projected.cp", projected).name: "projection",
        save(tmp_path / "cased.cp", weights, encoder_params={**PARAMS, "do_lower_case": False}).name: "lower case",
    }
    for name, complaint in cases.items():
        said = hybrid("convert-encoder", tmp_path / name, tmp_path / "out", "--like", like)
        assert said.code == 1, name
        assert complaint in one_line(said)
    larger = save_bert(tmp_path / "larger", num_hidden_layers=3)
    said = hybrid("convert-encoder", save(tmp_path / "good.cp", weights), tmp_path / "out", "--like", larger)
    assert "has a num_hidden_layers of 2" in one_line(said)
    assert not (tmp_path / "out").exists()


def test_model_that_it_was_made_from_is_found_by_its_name(hybrid: Say, dpr: Path, like: Path, tmp_path: Path) -> None:
    named = save(tmp_path / "one.cp", weights_of(dpr), encoder_params={**PARAMS, "pretrained_model_cfg": str(like)})
    assert hybrid("convert-encoder", named, tmp_path / "out").code == 0
    lost = save(tmp_path / "two.cp", weights_of(dpr), encoder_params={**PARAMS, "pretrained_model_cfg": "/no/such"})
    said = hybrid("convert-encoder", lost, tmp_path / "other")
    assert "was made from /no/such" in one_line(said)
    assert "--like" in said.err
    (tmp_path / "bare").mkdir()
    facts = {**PARAMS, "pretrained_model_cfg": str(tmp_path / "bare")}
    said = hybrid(
        "convert-encoder", save(tmp_path / "three.cp", weights_of(dpr), encoder_params=facts), tmp_path / "o"
    )
    assert "no config.json" in one_line(said)
    assert "--like" in said.err


def test_file_that_does_not_fit_on_the_disk_is_told_and_not_left(
    hybrid: Say, dpr: Path, like: Path, checkpoint: Path, tmp_path: Path
) -> None:
    with room(8192):
        for source, target in ((dpr, "out.cp"), (checkpoint, "out")):
            options = ("--like", like) if target == "out" else ()
            said = hybrid("convert-encoder", source, tmp_path / target, *options)
            assert said.code == 1
            assert "cannot be written" in one_line(said)
    assert not list(tmp_path.glob("*out*"))
    assert hybrid("convert-encoder", dpr, tmp_path / "new" / "out.cp").code == 0


@pytest.mark.parametrize(
    ("card", "complaint"),
    [
        ({"similarity": "cosine", "scale": 20}, "compares by cosine"),
        ({"similarity": "l2"}, "compares by l2"),
        ({"passage": {"template": "title text"}}, "reads a passage as title text"),
        ({"question": {"prompt": "query: "}}, "has the prompt"),
        ({"question": {"max_length": 12}}, "different numbers of tokens"),
    ],
)
def test_encoder_that_the_authors_code_could_not_run_alike_is_refused(
    hybrid: Say, like: Path, checkpoint: Path, tmp_path: Path, card: dict[str, Any], complaint: str
) -> None:
    assert hybrid("convert-encoder", checkpoint, tmp_path / "out", "--like", like).code == 0
    path = tmp_path / "out" / "hybrid_encoder.json"
    facts = json.loads(path.read_text("utf-8"))
    for name, fact in card.items():
        facts[name] = {**facts.get(name, {}), **fact} if isinstance(fact, dict) else fact
    path.write_text(json.dumps(facts), "utf-8")
    said = hybrid("convert-encoder", tmp_path / "out", tmp_path / "back.cp")
    assert said.code == 1
    assert complaint in one_line(said)
    assert not (tmp_path / "back.cp").exists()


def test_encoder_that_pools_otherwise_is_refused(hybrid: Say, like: Path, tmp_path: Path) -> None:
    assert "makes a vector by mean" in one_line(hybrid("convert-encoder", like, tmp_path / "out.cp"))


def test_half_of_a_pair_is_refused(hybrid: Say, dpr: Path, tmp_path: Path) -> None:
    assert "one tower of a pair" in one_line(hybrid("convert-encoder", dpr / "passage", tmp_path / "out.cp"))


def test_mistakes_in_the_command_are_told(
    hybrid: Say, dpr: Path, like: Path, checkpoint: Path, tmp_path: Path
) -> None:
    assert "is there already" in one_line(hybrid("convert-encoder", checkpoint, tmp_path))
    assert "let TO end with .cp" in one_line(hybrid("convert-encoder", dpr, tmp_path / "out"))
    assert "leave --like out" in one_line(hybrid("convert-encoder", dpr, tmp_path / "out.cp", "--like", like))
    with pytest.raises(ModelError, match="hybrid convert-encoder"):
        load_encoder(str(checkpoint), device="cpu")


def test_weights_in_half_precision_and_of_old_names_are_written_as_of_today(
    hybrid: Say, dpr: Path, like: Path, checkpoint: Path, tmp_path: Path
) -> None:
    assert hybrid("convert-encoder", checkpoint, tmp_path / "out", "--like", like).code == 0
    changed = copy_model(tmp_path / "out", tmp_path / "changed")
    path = changed / "question" / "model.safetensors"
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): one.half()
        for name, one in load_file(path).items()
    }
    save_file(old, path)
    change_json(changed / "hybrid_encoder.json")
    assert hybrid("convert-encoder", changed, tmp_path / "back.cp").code == 0
    written = torch.load(tmp_path / "back.cp", weights_only=True)["model_dict"]
    for name, weight in weights_of(dpr).items():
        if not name.endswith("position_ids"):
            assert written[name].dtype == torch.float32
            torch.testing.assert_close(written[name], weight, rtol=1e-3, atol=1e-3)
