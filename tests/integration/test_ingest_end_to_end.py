"""From a file on the disk to a searchable index in one command, with a real encoder that is tiny."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from hybrid.cli.main import run
from hybrid.encoders import load_encoder
from ingest.documents import Document
from tests.conftest import MakeIndex
from tests.integration.faults import name_of
from tests.integration.feeding import document, stored, write_jsonl
from tests.tiny_models import save_sentence_transformer

SOURCE = [document(f"d{number}", number * 40 + 1) for number in range(6)]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_sentence_transformer(tmp_path / "model")


def test_one_command_makes_the_index_and_fills_it(
    model: Path, make_index: MakeIndex, tmp_path: Path, raw: Any, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    address = f"{make_index()}-made"
    source = write_jsonl(tmp_path / "source.jsonl", SOURCE)
    command = ["ingest", address, str(source), "--encoder", str(model), "--scale", "20", "--json"]
    try:
        assert run([*command, "--words", "50"]) == 0
        first = json.loads(capsys.readouterr().out)
        write_jsonl(source, [*SOURCE[:-1], Document("d5", "New", "other words now")])
        assert run([*command, "--words", "50"]) == 0
        second = json.loads(capsys.readouterr().out)
        assert (first["created"], second["created"], second["updated"], second["deleted"]) == (16, 0, 1, 4)
        assert_vectors_are_of_the_text(stored(raw, address), model)
        assert run(["status", address, "--json"]) == 0
        counts = json.loads(capsys.readouterr().out)
        assert (counts["passages"], counts["encoded"], counts["coverage"]) == (12, 12, 1.0)
    finally:
        raw.indices.delete(index=f"{name_of(address)}-*", ignore_unavailable=True)


def assert_vectors_are_of_the_text(found: dict[str, dict[str, Any]], model: Path) -> None:
    encoder = load_encoder(str(model), scale=20.0)
    field = encoder.make_profile().vector_field
    sources = [hit["_source"] for hit in found.values()]
    wanted = encoder.encode_passages([(one["title"], one["text"]) for one in sources])
    assert_allclose(np.array([one[field] for one in sources], np.float32), wanted, atol=2e-2)
