"""The asyncio face of an index gives the answers of the other one, also to many questions at once."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pytest

from hybrid import Hit, IndexSpec, Passage, SearchResult, open_async_index
from hybrid.engines.opensearch.index import AsyncOpenSearchIndex
from hybrid.errors import IndexMissingError, VectorError
from hybrid.settings import Settings
from tests.conftest import MakeIndex
from tests.exactness import Bench, Benches, make_benches
from tests.made import make_corpus

MODES: list[Literal["hybrid", "lexical", "dense"]] = ["hybrid", "lexical", "dense"]
AT_ONCE = 20

benches = pytest.fixture(scope="module")(make_benches)


@pytest.fixture(scope="module")
def bench(benches: Benches) -> Bench:
    """Give the made-up corpus with half of its vectors, on two shards."""
    return benches(make_corpus(50).passages, shards=2)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dense", ["ann", "exact"])
def test_async_gives_the_very_hits_that_sync_gives(
    mode: Literal["hybrid", "lexical", "dense"], dense: Literal["ann", "exact"], bench: Bench
) -> None:
    made = make_corpus()
    options: list[dict[str, Any]] = [
        {"vector": vector, "mode": mode, "dense": dense, "k": 30, "lam": lam, "filter": part}
        for vector in made.question_vectors
        for lam, part in ((1.1, None), (0.3, {"term": {"meta.part": 1}}))
    ]
    questions = [question for question in made.questions for _ in range(2)]
    wanted = [bench.index.search(question, **some) for question, some in zip(questions, options, strict=True)]

    async def ask() -> list[SearchResult]:
        async with await open_async_index(bench.address, settings=Settings()) as index:
            assert index.profile == bench.profile
            return [await index.search(question, **some) for question, some in zip(questions, options, strict=True)]

    for got, want in zip(asyncio.run(ask()), wanted, strict=True):
        assert list(got.hits) == list(want.hits)
        assert (got.question, got.mode, got.lam, got.question_cut) == (
            (want.question, want.mode, want.lam, want.question_cut)
        )


def test_twenty_searches_at_once_do_not_mix_up_their_answers(bench: Bench) -> None:
    made = make_corpus()
    places = [number % len(made.questions) for number in range(AT_ONCE)]
    asked = [
        (made.questions[place], made.question_vectors[place] * (1 + number)) for number, place in enumerate(places)
    ]
    wanted = [bench.index.search(question, vector=vector, k=20).hits for question, vector in asked]

    async def ask_all() -> list[SearchResult]:
        async with await open_async_index(bench.address, settings=Settings()) as index:
            return await asyncio.gather(*(index.search(text, vector=vector, k=20) for text, vector in asked))

    assert [list(result.hits) for result in asyncio.run(ask_all())] == [list(hits) for hits in wanted]
    assert len({tuple(hit.score for hit in hits) for hits in wanted}) > AT_ONCE / 2


def test_searching_leaves_the_event_loop_free(bench: Bench) -> None:
    made = make_corpus()

    async def ask_and_tick() -> int:
        ticks = 0
        async with await open_async_index(bench.address, settings=Settings()) as index:
            search = index.search(made.questions[3], vector=made.question_vectors[3], dense="exact", k=100)
            task = asyncio.create_task(search)
            while not task.done():
                ticks += 1
                await asyncio.sleep(0)
            await task
        return ticks

    assert asyncio.run(ask_and_tick()) > 2


def test_passages_written_async_are_found_sync(make_index: MakeIndex) -> None:
    address = make_index(spec=IndexSpec(replicas=0))
    vectors = np.eye(8, dtype=np.float32) * 3

    async def write() -> Sequence[Hit]:
        async with await open_async_index(address, settings=Settings()) as index:
            report = await index.add(
                [Passage(f"p{n}", f"fox {n}", vector=vectors[n]) for n in range(8)], refresh=True
            )
            assert report.created == 8
            assert (await index.settle()).settled
            assert (await index.delete(["p7", "p9"], refresh=True)).missing == 1
            assert index.profile.max_norm >= 3
            return (await index.search("fox 3", vector=vectors[3])).hits

    hits = asyncio.run(write())
    assert hits[0].id == "p3"
    assert hits[0].sim == pytest.approx(9.0)
    assert {hit.id for hit in hits} == {f"p{n}" for n in range(7)}


def test_index_opens_when_it_is_entered_and_closes_behind(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []
    close = AsyncOpenSearchIndex.close

    async def record(index: AsyncOpenSearchIndex) -> None:
        closed.append(index)
        await close(index)

    async def enter(address: str) -> None:
        async with open_async_index(address, settings=Settings()) as index:
            assert (await index.search("fox", mode="lexical", k=1)).mode == "lexical"
            assert not closed

    monkeypatch.setattr(AsyncOpenSearchIndex, "close", record)
    asyncio.run(enter(bench.address))
    assert len(closed) == 1
    with pytest.raises(IndexMissingError):
        asyncio.run(enter(f"{bench.address}-that-is-not-there"))


def test_async_raises_the_same_clear_errors(bench: Bench) -> None:
    async def ask_wrongly() -> None:
        async with await open_async_index(bench.address, settings=Settings()) as index:
            await index.search("fox", vector=[1.0, 2.0])

    async def open_nothing() -> None:
        await open_async_index(f"{bench.address}-that-is-not-there", settings=Settings())

    with pytest.raises(VectorError, match="the index holds vectors of 8"):
        asyncio.run(ask_wrongly())
    with pytest.raises(IndexMissingError):
        asyncio.run(open_nothing())


def test_search_that_is_given_up_leaves_the_index_usable(bench: Bench) -> None:
    made = make_corpus()

    async def give_up_and_ask_again() -> Sequence[Hit]:
        async with await open_async_index(bench.address, settings=Settings()) as index:
            for _ in range(5):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(index.search(made.questions[0], vector=made.question_vectors[0]), 1e-6)
            return (await index.search(made.questions[0], vector=made.question_vectors[0])).hits

    started = time.monotonic()
    hits = asyncio.run(give_up_and_ask_again())
    assert list(hits) == list(bench.index.search(made.questions[0], vector=made.question_vectors[0]).hits)
    assert time.monotonic() - started < 20
