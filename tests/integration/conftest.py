"""What tests share: of ``eval``, ``tune`` and ``batch`` the made corpus on both engines, and questions about it; of
ingestion small steps, and a file of rejects.

A module that wants other indexes has fixtures of its own by these names.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest import batches, job
from tests.commands import Say
from tests.conftest import MakeIndex
from tests.integration.adopting import make_adopter, open_shop
from tests.integration.evaluating import ENGINES, Asked, fill, write_asked
from tests.services.discover import Service


@pytest.fixture(scope="module")
def addresses(make_index: MakeIndex, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give an index of each engine, by the engine's name."""
    return {engine: fill(engine, make_index, tmp_path_factory.mktemp(engine)) for engine in ENGINES}


@pytest.fixture(params=ENGINES)
def address(request: pytest.FixtureRequest, addresses: dict[str, str]) -> str:
    """Give the index of each engine in turn."""
    return addresses[request.param]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, addresses: dict[str, str]) -> Asked:
    """Give files of questions about them."""
    return write_asked(tmp_path_factory.mktemp("asked"), addresses["local"])


@pytest.fixture
def fresh(request: pytest.FixtureRequest, make_index: MakeIndex, tmp_path: Path) -> str:
    """Give an index of the engine that is asked for, which may be written to."""
    return fill(request.param, make_index, tmp_path)


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a job write few passages at a time, and its record after each."""
    monkeypatch.setattr(batches, "MAX_PASSAGES", 8)
    monkeypatch.setattr(job, "SAVE_INTERVAL", 0.0)


@pytest.fixture
def rejects(tmp_path: Path) -> Path:
    """Give a place for the rows that are left out."""
    return tmp_path / "rejects.jsonl"


@pytest.fixture
def name(raw: Any) -> Iterator[str]:
    """Give the name of a team's plain index, a shop."""
    yield from open_shop(raw)


@pytest.fixture
def adopt(hybrid: Say, opensearch: Service, name: str, model: Path) -> Callable[..., Any]:
    """Give a function that adopts the shop, and gives what was said."""
    return make_adopter(hybrid, opensearch.url, name, "title,body", model)
