"""``index.hold``: everything read belongs to one moment, whatever is written meanwhile; alike on both engines."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hybrid import IndexSpec, Passage, create_index, open_index
from hybrid.engines.contract import Index
from hybrid.passages import Mode, SearchResult
from hybrid.settings import Settings
from tests.conftest import MakeIndex, small_profile

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
