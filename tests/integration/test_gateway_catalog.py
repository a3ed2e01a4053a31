"""What the gateway knows of its indexes follows what becomes of them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid import IndexSpec
from hybrid.cli.serve import load_encoder
from hybrid.encoders import Encoder
from hybrid.encoders import load_encoder as load_model
from hybrid.engines.opensearch.client import Client
from hybrid.engines.opensearch.lifecycle import change_profile, open_target
from hybrid.gateway.catalog import Catalog
from hybrid.gateway.served import Served
from hybrid.gateway.upstream import Upstream
from hybrid.settings import Settings
from tests.conftest import MakeIndex
from tests.services.discover import Service
from tests.services.http_server import Reply
from tests.services.recorder import always, forwarding, recorder
from tests.tiny_models import save_sentence_transformer


@pytest.fixture
def encoder(tmp_path: Path) -> Encoder:
    return load_model(str(save_sentence_transformer(tmp_path / "model")), scale=20.0)


def run(url: str, names: list[str], act: Callable[[Catalog], Awaitable[None]]) -> None:
    served = {name: Served(shown=name, name=name) for name in names}

    async def work() -> None:
        async with Upstream(url, Settings()) as upstream:
            catalog = Catalog(served, upstream, load_encoder)
            await catalog.refresh()
            await act(catalog)
            catalog.close()

    asyncio.run(work())


async def length_of_question(catalog: Catalog, name: str) -> float:
    known = catalog.known(Served(shown=name, name=name))
    assert known is not None
    assert known.target is not None
    questions = catalog.questions(known.target)
    assert questions is not None
    return float(np.linalg.norm(await questions.encode("who?")))


def test_each_index_has_questions_of_its_own_scale(
    encoder: Encoder, make_index: MakeIndex, opensearch: Service, client: Client
) -> None:
    scales = (20.0, 7.0)
    profiles = [encoder.with_scale(scale, "given").make_profile() for scale in scales]
    names = [make_index(profile, IndexSpec(replicas=0)).rpartition("/")[2] for profile in profiles]

    async def act(catalog: Catalog) -> None:
        found = [await length_of_question(catalog, name) for name in names]
        assert found == pytest.approx(scales, rel=1e-5)
        # A scale that is found out later, as --scale auto does.
        target = client.run(open_target(names[0]))
        client.run(change_profile(target, lambda profile: replace(profile, scale=11.0)))
        await catalog.refresh()
        assert await length_of_question(catalog, names[0]) == pytest.approx(11.0, rel=1e-5)
        assert await length_of_question(catalog, names[1]) == pytest.approx(7.0, rel=1e-5)

    run(opensearch.url, names, act)


def test_a_cluster_that_goes_away_is_told_and_what_was_known_is_kept(
    encoder: Encoder, make_index: MakeIndex, opensearch: Service
) -> None:
    name = make_index(encoder.make_profile(), IndexSpec(replicas=0)).rpartition("/")[2]
    with recorder(forwarding(opensearch.url)) as recorded:

        async def act(catalog: Catalog) -> None:
            assert catalog.describe() == {"status": "ready", "indexes": {name: "ready"}}
            recorded.answer = always(Reply(503, b'{"error": {"type": "x", "reason": "no cluster manager"}}'))
            await catalog.refresh()
            told: Any = catalog.describe()
            assert told["status"] == "not ready"
            assert "no cluster manager" in told["indexes"][name]
            assert catalog.known(Served(shown=name, name=name)) is not None
            recorded.answer = forwarding(opensearch.url)
            await catalog.refresh()
            assert catalog.describe()["status"] == "ready"

        run(recorded.url, [name], act)
