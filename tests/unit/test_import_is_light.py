"""A client of a cluster needs neither models nor a queue."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "transformers", "sentence_transformers", "tokenizers", "celery", "redis", "faiss", "botocore"}


@pytest.mark.parametrize("module", ["hybrid", "hybrid.engines.opensearch.index", "mappings"])
def test_import_leaves_heavy_libraries_out(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert module.split(".")[0] in loaded
    assert not HEAVY & loaded
