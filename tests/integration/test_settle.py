"""Deleted passages count in BM25 until they are merged away; ``settle`` does that and says when it cannot."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from hybrid import Hit, IndexSpec, Passage, open_index
from hybrid.engines.opensearch import settle
from hybrid.engines.opensearch.client import Client
from hybrid.engines.opensearch.settle import read_share
from hybrid.errors import HybridError, IndexMissingError, IndexStateError
from hybrid.records import Share
from hybrid.settings import Settings
from tests.conftest import MakeIndex
from tests.integration.faults import name_of
from tests.messages import assert_one_clear_line
from tests.services.http_server import Reply, Request
from tests.services.recorder import Answer, Recorder, recorder


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settle, "INTERVAL", 0.1)


def texts(common: str) -> list[Passage]:
    """Give 60 passages, a third of which hold the rare word."""
    return [
        Passage(id=f"p{at:02}", text=f"{common} text {'rare ' * (at % 3 == 0)}{'word ' * (at % 7)}")
        for at in range(60)
    ]


def add(address: str, passages: list[Passage]) -> None:
    with open_index(address, settings=Settings()) as index:
        assert not index.add(passages, refresh=True).failures


def ranking(address: str) -> list[Hit]:
    with open_index(address, settings=Settings()) as index:
        return list(index.search("rare word", mode="lexical", k=60).hits)


def scores(hits: list[Hit]) -> dict[str, float]:
    return {hit.id: hit.bm25 for hit in hits}


def written_twice(make_index: MakeIndex, shards: int) -> tuple[str, str]:
    """Give an index whose passages were rewritten, and one that was written once as the first is now."""
    updated, fresh = (make_index(spec=IndexSpec(shards=shards, replicas=0)) for _ in range(2))
    add(updated, [*texts("first rare"), Passage(id="gone", text="rare rare rare")])
    add(updated, texts("second"))
    with open_index(updated, settings=Settings()) as index:
        index.delete(["gone"], refresh=True)
    add(fresh, texts("second"))
    return updated, fresh


@pytest.mark.parametrize("shards", [1, 3])
def test_rewritten_passages_count_in_bm25_until_they_are_merged_away(
    shards: int, make_index: MakeIndex, client: Client
) -> None:
    updated, fresh = written_twice(make_index, shards)
    share = client.run(read_share(name_of(updated)))
    assert (share.passages, share.settled) == (60, False)
    assert share.deleted >= 60
    assert client.run(read_share(name_of(fresh))).settled
    assert scores(ranking(updated)) != pytest.approx(scores(ranking(fresh)), abs=1e-2)


@pytest.mark.slow
def test_settled_index_scores_as_if_it_had_been_written_once(make_index: MakeIndex) -> None:
    """Shards let go of deleted passages every 30 seconds, so both indexes wait through one such time."""
    pairs = [(shards, *written_twice(make_index, shards)) for shards in (1, 3)]
    for shards, updated, fresh in pairs:
        with open_index(updated, settings=Settings()) as index:
            share = index.settle()
        assert (share.passages, share.deleted, share.settled) == (60, 0, True)
        assert share.segments <= shards
        assert [hit.id for hit in ranking(updated)] == [hit.id for hit in ranking(fresh)]
        assert scores(ranking(updated)) == pytest.approx(scores(ranking(fresh)), abs=1e-5)


def test_empty_index_is_settled(make_index: MakeIndex) -> None:
    with open_index(make_index(), settings=Settings()) as index:
        assert index.settle() == Share(0, 0, 0)


def test_index_that_is_not_there_cannot_be_settled(client: Client) -> None:
    with pytest.raises(IndexMissingError) as raised:
        client.run(settle.settle("test-never-was"))
    assert_one_clear_line(raised.value)


def stats(deleted: int, *, in_copies: int | None = None) -> Any:
    def part(count: int) -> dict[str, Any]:
        return {"docs": {"count": 5, "deleted": count}, "segments": {"count": 1}}

    return {"_all": {"primaries": part(deleted), "total": part(deleted if in_copies is None else in_copies)}}


def scripted(looks: list[Any], task: Callable[[int], Any] = lambda _: {"completed": True}) -> Answer:
    """Answer as a cluster whose statistics are ``looks``, one after the other, the last one for good."""
    seen = {"looks": 0, "tasks": 0}

    def answer(request: Request) -> Reply:
        path, body = request.path.partition("?")[0], {}
        if path.endswith("/_forcemerge"):
            body = {"task": "node:1"}
        if path.startswith("/_tasks/"):
            body = task(seen["tasks"])
            seen["tasks"] += 1
        if "/_stats" in path:
            body = looks[min(seen["looks"], len(looks) - 1)]
            seen["looks"] += 1
        return Reply(200, json.dumps(body).encode())

    return answer


def settle_scripted(answer: Answer, patience: float = 1.0) -> tuple[Share, Recorder]:
    with recorder(answer) as server:
        client = Client(server.url, Settings())
        try:
            return client.run(settle.settle("wiki", patience)), server
        finally:
            client.close()


def steps(server: Recorder) -> list[str]:
    return [request.path.partition("?")[0].strip("/").split("/")[1].partition(",")[0] for request in server.requests]


def test_each_round_flushes_merges_refreshes_and_looks() -> None:
    share, server = settle_scripted(scripted([stats(4), stats(4), stats(0)]))
    assert share == Share(5, 0, 1)
    assert steps(server) == ["_flush", "_forcemerge", "node:1", "_refresh", "_stats"] * 3


def test_deleted_passages_in_copies_of_a_shard_count_as_well() -> None:
    """A question may be answered by any copy."""
    share, server = settle_scripted(scripted([stats(0, in_copies=3), stats(0)]))
    assert share.settled
    assert steps(server).count("_stats") == 2


def test_merge_is_waited_for() -> None:
    task: Callable[[int], Any] = lambda look: {"completed": look >= 3}  # noqa: E731
    _, server = settle_scripted(scripted([stats(0)], task))
    assert steps(server).count("node:1") == 4


def test_passages_that_stay_deleted_are_an_error_with_their_number() -> None:
    with pytest.raises(IndexStateError, match="wiki still holds 4 deleted passages") as raised:
        settle_scripted(scripted([stats(4)]), patience=0.2)
    assert_one_clear_line(raised.value)


@pytest.mark.parametrize(
    "done",
    [
        {"response": {"_shards": {"failed": 1, "failures": [
            {"shard": 0, "index": "wiki", "status": "INTERNAL_SERVER_ERROR",
             "reason": {"type": "io_exception", "reason": "no space left on device"}}]}}},
        {"error": {"type": "io_exception", "reason": "no space left on device"}},
    ],
    ids=["one shard", "whole task"],
)  # fmt: skip
def test_merge_that_fails_is_one_clear_error_with_the_clusters_reason(done: dict[str, Any]) -> None:
    with pytest.raises(HybridError, match="no space left on device") as raised:
        settle_scripted(scripted([stats(4), stats(0)], lambda _: {"completed": True, **done}))
    assert "wiki" in assert_one_clear_line(raised.value)
