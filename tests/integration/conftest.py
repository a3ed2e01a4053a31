"""What tests of ``eval``, ``tune`` and ``batch`` share: the made corpus on both engines, and questions about it.

A module that wants other indexes has fixtures of its own by these names.
"""

from pathlib import Path

import pytest

from tests.conftest import MakeIndex
from tests.integration.evaluating import ENGINES, Asked, fill, write_asked


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
