"""``index.hold``: everything read belongs to one moment, whatever is written meanwhile; alike on both engines."""

import itertools
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid import IndexSpec, Passage, create_index, delete_index, open_index
from hybrid.engines.contract import Index
from hybrid.engines.opensearch.index import OpenSearchIndex
from hybrid.errors import IndexStateError
from hybrid.passages import Mode, SearchResult
from hybrid.settings import Settings
from tests.conftest import FillFolder, MakeIndex, small_profile
from tests.messages import assert_one_clear_line
from tests.services.discover import Service

MODES: tuple[Mode, ...] = ("hybrid", "lexical", "dense")
MANY = 1500


def make_passages(count: int) -> list[Passage]:
    rng = np.random.default_rng(count)
    return [
        Passage(f"p{number:04}", f"moon {'tide ' * (number % 5)}number{number}", vector=rng.normal(size=8))
        for number in range(count)
    ]


@pytest.fixture(params=["folder", "one shard", "three shards"])
def index(request: pytest.FixtureRequest, make_index: MakeIndex, tmp_path: Path) -> Iterator[Index]:
    if request.param == "folder":
        address = str(tmp_path / "index")
        create_index(address, small_profile(), settings=Settings())
    else:
        address = make_index(None, IndexSpec(shards=1 if request.param == "one shard" else 3, replicas=0))
    with open_index(address, settings=Settings()) as opened:
        opened.add(make_passages(60), refresh=True)
        yield opened


def ask_all(index: Index) -> list[SearchResult]:
    """Ask in every mode, by the graph and by a scan, a few hits and all."""
    vector = np.random.default_rng(7).normal(size=8)
    return [
        index.search("moon tide", vector=vector, mode=mode, dense=dense, k=k)
        for mode in MODES
        for dense in ("ann", "exact")
        for k in (5, 60)
    ]


def read(results: list[SearchResult]) -> list[list[tuple[str, float, str]]]:
    return [[(hit.id, round(hit.score, 4), hit.text) for hit in result.hits] for result in results]


def change_much(index: Index) -> None:
    """Add passages that would come first, change others, delete some."""
    vector = np.random.default_rng(7).normal(size=8) * 3
    index.add([Passage(f"new{number}", "moon tide " * 9, vector=vector) for number in range(9)])
    index.add([Passage("p0001", "nothing of it", vector=-vector)])
    index.delete(["p0004", "p0009"], refresh=True)


def test_held_index_answers_as_before_whatever_is_written(index: Index) -> None:
    with index.hold() as held:
        before = read(ask_all(held))
        assert before == read(ask_all(index))
        change_much(index)
        assert read(ask_all(held)) == before
        assert read(ask_all(index)) != before


def test_held_index_gives_texts_and_pages_as_before(index: Index) -> None:
    with index.hold() as held:
        ids = ["p0001", "p0004", "p0009", "new1"]
        texts = {one: passage.text for one, passage in held.fetch(ids).items()}
        change_much(index)
        assert {one: passage.text for one, passage in held.fetch(ids).items()} == texts
        assert texts.keys() == {"p0001", "p0004", "p0009"}
        assert [passage.id for page in held.scan() for passage in page] == [f"p{number:04}" for number in range(60)]
        assert index.fetch(ids).keys() == {"p0001", "new1"}


def test_index_may_be_asked_and_written_after_the_held_one_is_closed(index: Index) -> None:
    index.hold().close()
    change_much(index)
    assert index.search("moon", mode="lexical", k=1).hits[0].id.startswith("new")
    with index.hold() as held:
        assert read(ask_all(held)) == read(ask_all(index))


def test_more_texts_than_one_page_are_given(make_index: MakeIndex) -> None:
    with open_index(make_index(), settings=Settings()) as index:
        index.add((Passage(f"p{number}", f"text {number}") for number in range(MANY)), refresh=True)
        with index.hold() as held:
            found = held.fetch([f"p{number}" for number in range(MANY)])
    assert {one: passage.text for one, passage in found.items()} == {
        f"p{number}": f"text {number}" for number in range(MANY)
    }


def test_held_index_that_is_held_again_stays_at_its_moment(index: Index) -> None:
    with index.hold() as held:
        before = read(ask_all(held))
        change_much(index)
        with held.hold() as again:
            assert read(ask_all(again)) == before
            assert list(again.ids()) == list(held.ids())
        assert read(ask_all(held)) == before


def test_held_folder_stays_at_its_moment_under_other_constants(fill_folder: FillFolder) -> None:
    index = fill_folder(make_passages(60))
    filters = {"term": {"id": "p0003"}}
    with index.hold() as held:
        with index.under(2.0, 0.9) as other:
            before = read(ask_all(other))
        assert before != read(ask_all(held))
        change_much(index)
        with held.under(2.0, 0.9) as other:
            assert (other.profile.k1, other.profile.b, held.profile.k1) == (2.0, 0.9, 0.9)
            assert read(ask_all(other)) == before
            assert other.status() == held.status()
            for one in (other, held):
                assert len(one.search("moon", mode="lexical", filter=filters).hits) == 1
            with other.hold() as again, other.under(0.9, 0.4) as back:
                assert read(ask_all(again)) == before
                assert read(ask_all(back)) == read(ask_all(held))
        assert len(held.fetch(["p0004"])) == 1


def test_index_under_other_constants_follows_what_is_written(fill_folder: FillFolder) -> None:
    index = fill_folder(make_passages(60))
    with index.under(2.0, 0.9) as other:
        change_much(index)
        assert other.fetch(["new1"])


def rewrite(index: Index) -> None:
    (same,) = make_passages(60)[:1]
    index.add([same], refresh=True)


def add_vector(index: Index) -> None:
    index.add([Passage("late", "moon")], refresh=True)
    seen = index.moment()
    list(index.intake().fill_pending(lambda pairs: [np.ones(8, dtype=np.float32) for _ in pairs], 10))
    index.intake().refresh()
    assert index.moment() != seen


def replace(index: Index) -> None:
    index.delete(["p0005"])
    index.add([Passage("other", "moon", vector=np.ones(8))], refresh=True)


@pytest.mark.parametrize(
    "change",
    [rewrite, add_vector, replace, change_much, lambda index: index.delete(["p0005"], refresh=True)],
    ids=["the same again", "a late vector", "one for another", "much", "one less"],
)
def test_moment_has_another_name_after_every_change(index: Index, change: Callable[[Index], None]) -> None:
    with index.hold() as held:
        before = held.moment()
        assert index.moment() == before
        change(index)
        assert held.moment() == before
        assert index.moment() != before
        with index.hold() as newest:
            assert newest.moment() == index.moment()


def test_moment_keeps_its_name_while_nothing_is_written(index: Index) -> None:
    before = index.moment()
    ask_all(index)
    index.add([], refresh=True)
    if isinstance(index, OpenSearchIndex):
        # Merging leaves the passages as they are; a folder has other files afterwards, and other graphs.
        index.settle()
    assert index.moment() == before


def test_writes_on_two_shards_do_not_make_up_for_each_other(make_index: MakeIndex, raw: Any) -> None:
    address = make_index(None, IndexSpec(shards=3, replicas=0))
    name = address.rpartition("/")[2]

    def place(passage_id: str) -> int:
        return int(raw.search_shards(index=name, routing=passage_id)["shards"][0][0]["shard"])

    with open_index(address, settings=Settings()) as index:
        index.add(make_passages(60), refresh=True)
        found = raw.search(index=name, body={"size": 60, "seq_no_primary_term": True, "_source": False})["hits"][
            "hits"
        ]
        numbers = {(place(hit["_id"]), hit["_seq_no"]): hit["_id"] for hit in found}
        sizes = [sum(shard == one for one, _ in numbers) for shard in range(3)]
        least, most = int(np.argmin(sizes)), int(np.argmax(sizes))
        # The number that the smallest shard's next write takes, a passage of the largest has already.
        gone = numbers[most, sizes[least]]
        fresh = next(one for one in map(str, itertools.count()) if place(one) == least)
        before = index.moment()
        index.delete([gone])
        index.add([Passage(fresh, "moon", vector=np.ones(8))], refresh=True)
        after = raw.search(index=name, body={"size": 60, "seq_no_primary_term": True, "_source": False})["hits"][
            "hits"
        ]
        assert sorted(hit["_seq_no"] for hit in after) == sorted(number for _, number in numbers)
        assert index.moment() != before


def test_writes_on_two_indexes_behind_an_alias_do_not_make_up_for_each_other(
    make_index: MakeIndex, raw: Any, opensearch: Service
) -> None:
    addresses = make_index(), make_index()
    alias = f"both-{secrets.token_hex(6)}"
    for address, count in zip(addresses, (4, 3), strict=True):
        raw.indices.put_alias(index=next(iter(raw.indices.get(index=address.rpartition("/")[2]))), name=alias)
        with open_index(address, settings=Settings()) as index:
            index.add(make_passages(4)[:count], refresh=True)
    with open_index(f"{opensearch.url}/{alias}", settings=Settings()) as both:
        before = both.moment()
        assert both.moment() == before
        # The same passage with the same number, now in the other index.
        with open_index(addresses[0], settings=Settings()) as index:
            index.delete(["p0003"], refresh=True)
        with open_index(addresses[1], settings=Settings()) as index:
            index.add(make_passages(4)[3:], refresh=True)
        assert both.moment() != before


@pytest.mark.parametrize("engine", ["folder", "cluster"])
def test_index_that_was_made_anew_is_at_another_moment(engine: str, make_index: MakeIndex, tmp_path: Path) -> None:
    address = str(tmp_path / "index") if engine == "folder" else make_index()
    seen: set[str] = set()
    for _ in range(2):
        if engine == "cluster" or seen:
            delete_index(address, settings=Settings())
        create_index(address, small_profile(), settings=Settings())
        with open_index(address, settings=Settings()) as index:
            index.add(make_passages(60), refresh=True)
            seen.add(index.moment())
    assert len(seen) == 2


def test_held_moment_outlives_two_hours_of_quiet(make_index: MakeIndex, raw: Any) -> None:
    with open_index(make_index(), settings=Settings()) as index, index.hold() as held:
        assert isinstance(held, OpenSearchIndex)
        index.add(make_passages(5), refresh=True)
        ask_all(held)
        held.fetch(["p0001"])
        list(held.scan())
        held.moment()
        known = raw.transport.perform_request("GET", "/_search/point_in_time/_all")["pits"]
        assert [one["keep_alive"] for one in known if one["pit_id"] == held._target.snapshot] == [2 * 60 * 60 * 1000]


@pytest.mark.parametrize(
    "attempt",
    [
        *(lambda held, mode=mode: held.search("moon", vector=np.ones(8), mode=mode) for mode in MODES),
        lambda held: held.fetch(["p0001"]),
        lambda held: list(held.scan()),
        lambda held: list(held.ids()),
        lambda held: held.moment(),
    ],
    ids=[*MODES, "fetch", "scan", "ids", "moment"],
)
@pytest.mark.parametrize("shards", [1, 3])
def test_moment_that_is_gone_is_told_in_one_clear_line(
    shards: int, attempt: Callable[[Index], object], make_index: MakeIndex, raw: Any
) -> None:
    with open_index(make_index(None, IndexSpec(shards=shards, replicas=0)), settings=Settings()) as index:
        index.add(make_passages(5), refresh=True)
        with index.hold() as held:
            assert isinstance(held, OpenSearchIndex)
            raw.transport.perform_request(
                "DELETE", "/_search/point_in_time", body={"pit_id": [held._target.snapshot]}
            )
            with pytest.raises(
                IndexStateError, match=r"a node left.*longer than 2h; give the command again"
            ) as raised:
                attempt(held)
    assert_one_clear_line(raised.value)
