"""Fixtures: a tiny model, and stages to play on.

``stage`` shares its workers' Redis with the tests of its module; ``own_stage`` has one that it may break.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hybrid.encoders import Encoder, load_encoder
from hybrid.engines.opensearch.client import Client
from tests.faults.stage import Stage, clear_stage, set_stage
from tests.faults.tiny import save_tiny_bert
from tests.faults.troupe import Troupe, troupe_of
from tests.services.discover import Service


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a tiny encoder."""
    return save_tiny_bert(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def encoder(model: Path) -> Encoder:
    return load_encoder(str(model), scale=20.0, backend="numpy")


@pytest.fixture(scope="session")
def new_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of another tiny encoder."""
    return save_tiny_bert(tmp_path_factory.mktemp("models") / "newer", seed=1)


@pytest.fixture(scope="session")
def newer(new_model: Path) -> Encoder:
    return load_encoder(str(new_model), scale=20.0, backend="numpy")


@pytest.fixture(scope="module")
def troupe(opensearch: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Troupe]:
    """Give a troupe that the tests of a module share."""
    with troupe_of(opensearch.url, tmp_path_factory.mktemp("troupe")) as troupe:
        yield troupe


@pytest.fixture
def own_troupe(opensearch: Service, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Troupe]:
    """Give a troupe of the test's own; its Redis keeps its data on disk if the test is marked so."""
    with troupe_of(opensearch.url, tmp_path, persistent=getattr(request, "param", False)) as troupe:
        yield troupe


@pytest.fixture
def stage(troupe: Troupe, raw: Any, encoder: Encoder) -> Iterator[Stage]:
    yield from _play(troupe, raw, encoder)


@pytest.fixture
def own_stage(own_troupe: Troupe, raw: Any, encoder: Encoder) -> Iterator[Stage]:
    yield from _play(own_troupe, raw, encoder)


@pytest.fixture
def client(stage: Stage) -> Iterator[Client]:
    """Give our client of the stage's node."""
    client = Client(stage.upstream, stage.settings)
    yield client
    client.close()


def _play(troupe: Troupe, raw: Any, encoder: Encoder) -> Iterator[Stage]:
    stage = set_stage(troupe, raw, encoder)
    try:
        yield stage
    finally:
        clear_stage(stage)
