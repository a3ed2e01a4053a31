"""Fixtures on real services.

One OpenSearch node serves the whole run, with an index of a fresh name per test; three nodes start only for the tests
that ask for them. Where no service can be had a test is skipped with the reason, and fails if ``CI`` is set.
"""

import os
import secrets
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import opensearchpy
import pytest
from hypothesis import settings as hypothesis_settings

from hybrid import IndexSpec, Passage, Profile, create_index, open_index
from hybrid.engines.contract import Index
from hybrid.engines.opensearch.client import Client
from hybrid.engines.opensearch.lifecycle import drop_index
from hybrid.settings import Settings
from tests.commands import Say, speaker
from tests.gateway_server import Server
from tests.services.discover import Service, opensearch_cluster, opensearch_service, redis_service
from tests.services.errors import ServiceUnavailable

hypothesis_settings.register_profile("steady", derandomize=True, deadline=None)
hypothesis_settings.load_profile("steady")

MakeIndex = Callable[..., str]
FillFolder = Callable[..., Index]
S = TypeVar("S")


def pytest_configure() -> None:
    """Hear Ctrl-C, also in a run in the background, and so in all that it starts: some tests press it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def opensearch() -> Iterator[Service]:
    """Give one OpenSearch node, shared by the run."""
    yield from serve(opensearch_service())


@pytest.fixture(scope="module")
def three_nodes() -> Iterator[Service]:
    """Give a cluster of three nodes; it lives as long as one test module."""
    yield from serve(opensearch_cluster(nodes=3))


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Service]:
    """Give a Redis, shared by the run."""
    yield from serve(redis_service())


@pytest.fixture
def client(opensearch: Service) -> Iterator[Client]:
    """Give our client of the shared node."""
    client = Client(opensearch.url, Settings())
    yield client
    client.close()


@pytest.fixture(scope="session")
def direct(opensearch: Service) -> Server:
    """Give the shared node as a search page asks it, to be held against the gateway."""
    return Server(opensearch.url)


@pytest.fixture(scope="session")
def raw(opensearch: Service) -> Iterator[Any]:
    """Give the library's own client of the shared node: for setting things up and looking behind ours."""
    client = opensearchpy.OpenSearch([opensearch.url], timeout=60)
    yield client
    client.close()


@pytest.fixture(scope="module")
def make_index(opensearch: Service) -> Iterator[MakeIndex]:
    """Give a function that creates an index of a fresh name and gives its address; all are dropped after the module.

    ``make_index(profile, spec)`` takes a ``Profile`` (by default 8 dimensions, dot product) and an ``IndexSpec``.
    """
    made: list[str] = []

    def make(profile: Profile | None = None, spec: IndexSpec | None = None) -> str:
        name = f"test-{secrets.token_hex(6)}"
        address = f"{opensearch.url}/{name}"
        create_index(address, profile or small_profile(), spec or IndexSpec(replicas=0), settings=Settings())
        made.append(name)
        return address

    yield make
    client = Client(opensearch.url, Settings())
    for name in made:
        client.run(drop_index(name))
    client.close()


@pytest.fixture(scope="module")
def fill_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FillFolder]:
    """Give a function that opens a new folder with some passages in it; all are closed after the module.

    ``fill_folder(passages, depth=200)`` takes what ``small_profile`` takes, too.
    """
    with ExitStack() as opened:

        def fill(passages: Iterable[Passage], **changes: Any) -> Index:
            folder = str(tmp_path_factory.mktemp("filled") / "index")
            create_index(folder, small_profile(**changes), settings=Settings())
            index = opened.enter_context(open_index(folder, settings=Settings()))
            index.add(passages)
            return index

        yield fill


@pytest.fixture
def hybrid(capsys: pytest.CaptureFixture[str]) -> Say:
    """Give the command, to be called with its arguments."""
    return speaker(capsys)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Keep torch to one thread: on a busy machine those of a tiny model only wait for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a tiny BERT with random weights."""
    from tests.tiny_models import save_bert

    return save_bert(tmp_path_factory.mktemp("models") / "bert")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a tiny sentence transformer with random weights."""
    from tests.tiny_models import save_sentence_transformer

    return save_sentence_transformer(tmp_path_factory.mktemp("models") / "model")


@pytest.fixture
def rng() -> np.random.Generator:
    """Give a seeded source of randomness."""
    return np.random.default_rng(20201116)


def small_profile(**changes: Any) -> Profile:
    """Give a profile for made-up vectors of 8 dimensions."""
    return Profile(**{"pair_id": "made-up", "fingerprint": "0123456789abcdef", "dimension": 8, **changes})


def serve(service: AbstractContextManager[S]) -> Iterator[S]:
    """Give a service, or skip with the reason where none can be had."""
    try:
        with service as running:
            yield running
    except ServiceUnavailable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
