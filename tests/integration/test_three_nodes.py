"""A cluster of three nodes ranks like one node, and loses one of them without losing a hit."""

import secrets
from collections.abc import Iterator

import numpy as np
import opensearchpy
import pytest

from hybrid import Hit, IndexSpec, Passage, create_index, delete_index, open_index
from hybrid.settings import Settings
from tests.conftest import small_profile
from tests.services.discover import Service

QUESTION = "quick foxes and lazy dogs"
WORDS = ("quick", "fox", "lazy", "dog", "jumps", "over", "river", "stone")


@pytest.fixture(scope="module")
def passages() -> list[Passage]:
    """Give 600 passages, a tenth of them without a vector."""
    rng = np.random.default_rng(3)
    return [
        Passage(
            f"p{number:03}",
            " ".join(rng.choice(WORDS, size=rng.integers(3, 30))),
            vector=rng.normal(size=8) if number % 10 else None,
        )
        for number in range(600)
    ]


@pytest.fixture(scope="module")
def addresses(three_nodes: Service, passages: list[Passage]) -> Iterator[tuple[str, str]]:
    """Give the same passages twice: spread over three shards with a copy each, and in one shard."""
    profile, made = small_profile(max_norm=10.0), []
    for spec in (IndexSpec(shards=3, replicas=1), IndexSpec(shards=1, replicas=0)):
        address = f"{three_nodes.url}/test-{secrets.token_hex(6)}"
        create_index(address, profile, spec, settings=Settings())
        with open_index(address, settings=Settings()) as index:
            assert index.add(passages, refresh=True).created == len(passages)
        made.append(address)
    spread, whole = made
    yield spread, whole
    for address in made:
        delete_index(address, settings=Settings())


def ask(address: str, **options: object) -> list[Hit]:
    vector = np.random.default_rng(4).normal(size=8)
    with open_index(address, settings=Settings()) as index:
        return list(index.search(QUESTION, vector=vector, k=100, **options).hits)  # type: ignore[arg-type]


def assert_same(one: list[Hit], other: list[Hit]) -> None:
    assert [hit.id for hit in one] == [hit.id for hit in other]
    assert [hit.score for hit in one] == pytest.approx([hit.score for hit in other], abs=1e-4)
    assert [hit.bm25 for hit in one] == pytest.approx([hit.bm25 for hit in other], abs=1e-4)


@pytest.mark.parametrize("mode", ["hybrid", "lexical", "dense"])
@pytest.mark.parametrize("dense", ["ann", "exact"])
def test_three_shards_on_three_nodes_rank_like_one(addresses: tuple[str, str], mode: str, dense: str) -> None:
    spread, whole = addresses
    assert_same(ask(spread, mode=mode, dense=dense), ask(whole, mode=mode, dense=dense))


def test_statistics_of_each_shard_alone_score_differently(addresses: tuple[str, str]) -> None:
    spread, _ = addresses
    alone = {hit.id: hit.bm25 for hit in ask(spread, mode="lexical", idf="shard")}
    assert any(abs(alone.get(hit.id, 0.0) - hit.bm25) > 1e-3 for hit in ask(spread, mode="lexical"))


def test_shards_are_really_on_three_nodes(three_nodes: Service, addresses: tuple[str, str]) -> None:
    name = addresses[0].rpartition("/")[2]
    client = opensearchpy.OpenSearch([three_nodes.url])
    client.cluster.health(index=name, wait_for_status="green", timeout=60)
    shards = client.cat.shards(index=name, format="json")
    client.close()
    assert len({shard["node"] for shard in shards}) == 3
    assert {shard["prirep"] for shard in shards} == {"p", "r"}
