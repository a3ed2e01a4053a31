"""Where rankings end: nothing to find, less than was asked for, and passages that only their ids tell apart."""

from typing import Any, Literal

import numpy as np
import pytest

from hybrid import IndexSpec, Passage, open_index
from hybrid.settings import Settings
from tests.conftest import MakeIndex
from tests.exactness import Asked, Bench, Benches, make_benches
from tests.made import make_corpus
from tests.reference import ranked

Mode = Literal["hybrid", "lexical", "dense"]
MODES: list[Mode] = ["hybrid", "lexical", "dense"]
DENSE: list[Literal["ann", "exact"]] = ["ann", "exact"]
NOTHING = ["", "   ", "?!", "the of and", "zzyzx qwghlm"]
#: In the order of their UTF-8 bytes, which is not that of UTF-16: the last is outside the basic plane.
IDS = ["10", "2", "A", "a", "a b", "é", "日", "\uff5e", "😀"]
EQUAL = 200

benches = pytest.fixture(scope="module")(make_benches)


@pytest.fixture(scope="module")
def few(benches: Benches) -> Bench:
    """Give thirty passages; every third has no vector."""
    return benches([_few(number) for number in range(30)])


@pytest.fixture(scope="module", params=[1, 3])
def equal(request: pytest.FixtureRequest, benches: Benches) -> Bench:
    """Give 200 passages that differ in their ids only, written in no order."""
    names = IDS + [f"e{number}" for number in range(EQUAL - len(IDS))]
    order = np.random.default_rng(7).permutation(EQUAL)
    vector = np.linspace(-0.5, 0.9, 8, dtype=np.float32)
    text = "Seven foxes run from the old dogs, and the foxes win."
    passages = [Passage(names[place], text, title="Foxes", vector=vector) for place in order]
    others = [Passage(f"other-{number}", "an old dog", vector=-vector) for number in range(20)]
    return benches([*passages, *others], shards=request.param)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dense", DENSE)
def test_empty_index_gives_no_hits(mode: Mode, dense: Literal["ann", "exact"], make_index: MakeIndex) -> None:
    for shards in (1, 3):
        with open_index(make_index(spec=IndexSpec(shards=shards, replicas=0)), settings=Settings()) as index:
            result = index.search("foxes", vector=np.ones(8), mode=mode, dense=dense)
            assert list(result.hits) == []
            assert not result.question_cut


@pytest.mark.parametrize("question", NOTHING)
def test_question_without_a_term_is_answered_by_sim_alone(question: str, few: Bench) -> None:
    vector = np.linspace(1, -1, 8, dtype=np.float32)
    assert few.check(Asked(question, vector, "lexical")) == ()
    for dense in DENSE:
        hybrid = few.check(Asked(question, vector, "hybrid", dense))
        by_sim = few.check(Asked(question, vector, "dense", dense))
        assert [hit.id for hit in hybrid] == [hit.id for hit in by_sim]
        assert len(hybrid) == 20
        assert {hit.bm25 for hit in (*hybrid, *by_sim)} == {0.0}


@pytest.mark.parametrize("mode", ["hybrid", "dense"])
def test_index_without_a_vector_has_no_dense_side(mode: Mode, benches: Benches) -> None:
    bench = benches([Passage(f"p{number}", f"fox {number}") for number in range(5)])
    for dense in DENSE:
        hits = bench.check(Asked("fox 3", np.ones(8, dtype=np.float32), mode, dense))
        assert len(hits) == (5 if mode == "hybrid" else 0)
        assert all(hit.sim is None for hit in hits)


def test_filter_that_nothing_passes_gives_no_hits(few: Bench) -> None:
    for mode in MODES:
        for dense in DENSE:
            assert list(few.check(Asked("fox", np.ones(8, dtype=np.float32), mode, dense, part=99))) == []


@pytest.mark.parametrize("mode", MODES)
def test_k_above_the_number_of_passages_gives_all_that_is_proposed(mode: Mode, few: Bench) -> None:
    for k in (31, 1000, 10_000, 20_000):
        hits = few.check(Asked("fox", np.ones(8, dtype=np.float32), mode, k=k))
        assert len(hits) == {"hybrid": 30, "lexical": 30, "dense": 20}[mode]


@pytest.mark.parametrize("dense", DENSE)
def test_k_above_depth_gives_the_whole_union(dense: Literal["ann", "exact"], benches: Benches) -> None:
    made = make_corpus()
    bench = benches(made.passages)
    for question, vector in zip(made.questions, made.question_vectors, strict=True):
        hits = bench.check(Asked(question, vector, dense=dense, depth=5, k=50))
        assert 5 <= len(hits) <= 10


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("k", [1, 10, 150, 200, 300])
def test_equal_passages_come_in_the_order_of_their_ids(mode: Mode, k: int, equal: Bench) -> None:
    for dense in DENSE:
        for question in ("foxes", "seven old dogs run from foxes"):
            hits = equal.check(Asked(question, np.ones(8, dtype=np.float32), mode, dense, k=k))
            same = [hit for hit in hits if not hit.id.startswith("other")]
            assert [hit.id for hit in same] == _in_order(equal)[:k]
            assert len({(hit.score, hit.bm25, hit.sim) for hit in same}) == 1


@pytest.mark.parametrize("depth", [10, 50])
def test_equal_passages_tied_at_depth_have_one_score_and_come_in_the_order_of_their_ids(
    depth: int, equal: Bench
) -> None:
    for dense in DENSE:
        asked = Asked("seven old dogs run from foxes", np.ones(8, dtype=np.float32), "hybrid", dense, depth, k=depth)
        hits = equal.check(asked)
        assert [hit.id for hit in hits] == sorted((hit.id for hit in hits), key=str.encode)
        assert len({hit.score for hit in hits}) == 1


@pytest.mark.parametrize("mode", MODES)
def test_the_same_question_gets_the_same_answer_every_time(mode: Mode, equal: Bench) -> None:
    asked = Asked("old foxes", np.ones(8, dtype=np.float32), mode, "ann", depth=50, k=40)
    answers = [[(hit.id, hit.score) for hit in equal.check(asked)] for _ in range(5)]
    assert answers[1:] == answers[:-1]
    with open_index(equal.address, settings=Settings()) as another:
        assert [(hit.id, hit.score) for hit in equal.check(asked, index=another)] == answers[0]


def test_equal_passages_of_which_some_have_no_vector_stand_apart_and_in_order(benches: Benches) -> None:
    vector = np.full(8, 0.5, dtype=np.float32)
    made = [Passage(f"m{n}", "foxes run", vector=vector if n % 2 else None) for n in range(100)]
    bench = benches(made)
    hits = bench.check(Asked("running foxes", vector, k=100))
    scores = [hit.score for hit in hits]
    assert len(set(scores)) == 2
    for score in set(scores):
        some = [hit.id for hit in hits if hit.score == score]
        assert some == sorted(some)


def _few(number: int) -> Passage:
    vector: Any = None if number % 3 == 0 else np.random.default_rng(number).normal(size=8).astype(np.float32)
    return Passage(f"f{number}", f"The fox number {number}", meta={"part": number % 3}, vector=vector)


def _in_order(bench: Bench) -> list[str]:
    rows = np.array([row for row, name in enumerate(bench.ids) if not name.startswith("other")])
    return [bench.ids[row] for row in ranked(np.zeros(len(bench.ids)), rows, bench.ids, len(rows))]
