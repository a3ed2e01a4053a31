"""What computes vectors: numpy or torch, by what is wanted and what is installed; names do not depend on it."""

import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid import Profile
from hybrid.encoders import load_encoder, load_for_profile, torch_models
from hybrid.encoders.backends import Backend, Means, choose_backend, choose_precision, has_torch
from hybrid.encoders.checkpoints import read_checkpoint
from hybrid.encoders.running import FEW
from hybrid.errors import HybridError, ModelError, UsageError
from tests.messages import assert_one_clear_line
from tests.tiny_models import change_json, save_bert, save_sentence_transformer

EXTRA = 'pip install "hybrid-passage-search[models]"'
PAIRS = [("Tides", "The moon pulls the ocean."), ("", "gravity")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_sentence_transformer(tmp_path_factory.mktemp("models") / "model")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a model that numpy does not run."""
    folder = save_bert(tmp_path_factory.mktemp("models") / "stranger")
    change_json(folder / "config.json", model_type="modernbert")
    return folder


@pytest.fixture(scope="module")
def bf16_profile(folder: Path) -> Profile:
    """Give the profile of an index that was filled by torch in bf16."""
    return load_encoder(str(folder), scale=20.0, precision="bf16", device="cpu").make_profile()


@pytest.fixture(params=["torch", "transformers"])
def without_torch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand for a machine where either library is not installed."""
    monkeypatch.setitem(sys.modules, request.param, None)


def choose(folder: Path, *, bulk: bool, **wanted: Any) -> Backend:
    return choose_backend(Means(**wanted), read_checkpoint(folder), bulk=bulk)


def test_questions_are_numpys_and_passages_torchs_where_it_is_installed(folder: Path) -> None:
    assert choose(folder, bulk=False) == choose(folder, bulk=False, device="cpu") == "numpy"
    assert choose(folder, bulk=True) == "torch"


@pytest.mark.usefixtures("without_torch")
def test_without_torch_passages_are_numpys_too(folder: Path) -> None:
    assert not has_torch()
    assert choose(folder, bulk=True) == choose(folder, bulk=False) == "numpy"


@pytest.mark.parametrize("bulk", [True, False])
def test_what_numpy_cannot_do_is_torchs(bulk: bool, folder: Path, stranger: Path) -> None:
    assert choose(stranger, bulk=bulk) == "torch"
    assert choose(folder, bulk=bulk, device="cuda:0") == "torch"
    assert choose(folder, bulk=bulk, device="cpu,cpu") == "torch"


@pytest.mark.parametrize("bulk", [True, False])
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_wish_counts_on_both_sides(bulk: bool, backend: Backend, folder: Path) -> None:
    assert choose(folder, bulk=bulk, backend=backend) == backend


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ({"backend": "numpy", "device": "cuda:0"}, "Encoding on cuda:0 needs torch, and numpy was asked for"),
        ({"backend": "jax"}, "'jax' is none of numpy, torch and auto"),
    ],
)
def test_wish_that_cannot_be_met_is_one_clear_line(wanted: dict[str, Any], complaint: str, folder: Path) -> None:
    with pytest.raises(HybridError, match=complaint) as raised:
        choose(folder, bulk=True, **wanted)
    assert_one_clear_line(raised.value)


def test_model_that_numpy_does_not_run_says_so_where_numpy_is_wanted(stranger: Path) -> None:
    with pytest.raises(
        ModelError, match=r"The modernbert model in .* needs torch, and numpy was asked for"
    ) as raised:
        choose(stranger, bulk=False, backend="numpy")
    assert EXTRA in assert_one_clear_line(raised.value)


@pytest.mark.usefixtures("without_torch")
@pytest.mark.parametrize("wanted", [{}, {"backend": "torch"}, {"device": "cuda"}])
def test_missing_torch_names_the_extra_before_any_work(wanted: dict[str, Any], stranger: Path) -> None:
    with pytest.raises(ModelError, match="needs t") as raised:
        load_encoder(str(stranger), scale=20.0, **wanted)
    assert EXTRA in assert_one_clear_line(raised.value)


@pytest.mark.parametrize(
    "change",
    [
        {"is_decoder": True},
        {"position_embedding_type": "relative_key"},
        {"hidden_act": "quick_gelu"},
        {"hidden_act": None},
        {"num_hidden_layers": None},
    ],
    ids=str,
)
def test_rare_variant_of_bert_is_left_to_torch(change: dict[str, Any], tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "model")
    assert choose(folder, bulk=False) == "numpy"
    change_json(folder / "config.json", **change)
    assert choose(folder, bulk=False) == "torch"


def test_few_passages_do_not_wait_for_torch(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, open_models = [], torch_models.open_models

    def record(*given: Any) -> Any:
        asked.append(given)
        return open_models(*given)

    monkeypatch.setattr(torch_models, "open_models", record)
    encoder = load_encoder(str(folder), scale=20.0, device="cpu", precision="fp32").load(questions=False)
    few = encoder.encode_passages(PAIRS)
    assert not asked
    many = encoder.encode_passages(PAIRS * FEW)
    assert len(asked) == 1
    np.testing.assert_allclose(many[: len(PAIRS)], few, atol=1e-5)
    load_encoder(str(folder), scale=20.0, device="cpu", backend="torch").encode_passages(PAIRS)
    assert len(asked) == 2


def test_names_and_vectors_do_not_depend_on_the_backend(folder: Path) -> None:
    auto, numpy, torch = (
        load_encoder(str(folder), scale=20.0, precision="fp32", backend=backend)
        for backend in ("auto", "numpy", "torch")
    )
    assert auto.make_profile() == numpy.make_profile() == torch.make_profile()
    for one in (auto, numpy):
        np.testing.assert_allclose(one.encode_questions(["who?"]), torch.encode_questions(["who?"]), atol=1e-4)
        np.testing.assert_allclose(one.encode_passages(PAIRS), torch.encode_passages(PAIRS), atol=1e-5)


@pytest.mark.usefixtures("without_torch")
def test_without_torch_auto_is_fp32(folder: Path) -> None:
    assert load_encoder(str(folder), scale=20.0).passages.tower.precision == "fp32"
    assert load_encoder(str(folder), scale=20.0, backend="numpy").passages.tower.precision == "fp32"


def test_bf16_by_numpy_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="numpy computes in fp32, and bf16 needs torch") as raised:
        load_encoder(str(folder), scale=20.0, precision="bf16", backend="numpy")
    assert EXTRA in assert_one_clear_line(raised.value)
    assert choose_precision(Means(precision="bf16"), "torch") == "bf16"


@pytest.mark.usefixtures("without_torch")
def test_index_of_bf16_is_helped_without_torch_and_its_profile_stays(folder: Path, bf16_profile: Profile) -> None:
    helper = load_for_profile(bf16_profile)
    assert helper.make_profile() == bf16_profile
    fp32 = load_encoder(str(folder), scale=20.0, backend="numpy")
    np.testing.assert_array_equal(helper.encode_passages(PAIRS), fp32.encode_passages(PAIRS))


@pytest.mark.usefixtures("without_torch")
def test_slow_passages_are_told_of_torch_once_and_questions_are_not(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    encoder = load_encoder(str(folder), scale=20.0)
    encoder.encode_questions(["who?"])
    encoder.encode_passages(PAIRS)
    assert caplog.messages == []
    many = PAIRS * (FEW // len(PAIRS) + 1)
    encoder.encode_passages(many)
    encoder.encode_passages(many)
    (line,) = caplog.messages
    assert EXTRA in line
    caplog.clear()
    load_encoder(str(folder), scale=20.0, backend="numpy").encode_passages(many)
    assert caplog.messages == []
