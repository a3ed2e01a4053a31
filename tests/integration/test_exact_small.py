"""The top 100 equals the reference on made data: every mode, depth, weight and layout of the index."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import pytest

from hybrid import IndexSpec
from tests.agreement import Tallies
from tests.conftest import MakeIndex
from tests.exactness import Asked, Bench, count_segments, read_bm25, write_in_segments, write_settled
from tests.made import make_corpus
from tests.reference import Bm25, explained_bm25

DEPTHS = (10, 100, 2000)
LAMBDAS = (0.0, 0.3, 1.1, 5.0)
PARTS = (None, 1)
PORTIONS = 12


@dataclass(frozen=True, slots=True)
class Layout:
    """How the index lies on the cluster, and how many percent of its vectors are missing."""

    shards: int
    settled: bool
    missing: int

    def __str__(self) -> str:
        state = "settled" if self.settled else "segments"
        return f"{self.shards}-shards-{state}-{self.missing}%-missing"


LAYOUTS = [
    *(Layout(1, True, missing) for missing in (0, 10, 50, 90, 100)),
    *(Layout(3, False, missing) for missing in (0, 10, 50, 90, 100)),
    *(Layout(1, False, missing) for missing in (0, 50)),
    *(Layout(3, True, missing) for missing in (0, 50)),
]

BenchOf = Callable[[Layout], Bench]


@pytest.fixture(scope="module")
def bench_of(make_index: MakeIndex, raw: Any) -> Iterator[BenchOf]:
    """Give a function that builds the index of a layout, once."""
    made: dict[Layout, Bench] = {}
    lexicon: list[Bm25] = []

    def build(layout: Layout) -> Bench:
        if layout not in made:
            passages = make_corpus(layout.missing).passages
            address = make_index(spec=IndexSpec(shards=layout.shards, replicas=0))
            if layout.settled:
                write_settled(address, passages)
            else:
                write_in_segments(address, raw, passages, PORTIONS)
            lexicon[:] = lexicon or [read_bm25(raw, address, passages)]
            made[layout] = Bench(address, raw, passages, lexicon[0])
            segments = count_segments(raw, address)
            assert segments == layout.shards if layout.settled else segments >= 10
        return made[layout]

    yield build
    for bench in made.values():
        bench.index.close()


@pytest.fixture(scope="module")
def tallies(record_testsuite_property: Callable[[str, object], None]) -> Iterator[Tallies]:
    """Give the counts that are reported in the end."""
    counted = Tallies()
    yield counted
    counted.report(record_testsuite_property)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("dense", ["ann", "exact"])
def test_hybrid_ranks_the_union_by_both_true_scores(
    layout: Layout, dense: Literal["ann", "exact"], bench_of: BenchOf, tallies: Tallies
) -> None:
    bench, made, tally = bench_of(layout), make_corpus(layout.missing), tallies[f"made data, hybrid, {dense}"]
    for number, (depth, lam, part) in enumerate(product(DEPTHS, LAMBDAS, PARTS)):
        for place in (number % len(made.questions), (number + 3) % len(made.questions)):
            vector = made.question_vectors[place]
            bench.check(Asked(made.questions[place], vector, "hybrid", dense, depth, lam, part=part), tally)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("dense", ["ann", "exact"])
def test_dense_ranks_by_sim_and_tells_the_true_bm25(
    layout: Layout, dense: Literal["ann", "exact"], bench_of: BenchOf, tallies: Tallies
) -> None:
    bench, made, tally = bench_of(layout), make_corpus(layout.missing), tallies[f"made data, dense, {dense}"]
    for number, (depth, part) in enumerate(product(DEPTHS, PARTS)):
        for place in (number % len(made.questions), (number + 3) % len(made.questions)):
            vector = made.question_vectors[place]
            bench.check(Asked(made.questions[place], vector, "dense", dense, depth, part=part), tally)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_lexical_ranks_by_bm25_and_tells_the_true_sim(layout: Layout, bench_of: BenchOf, tallies: Tallies) -> None:
    bench, made, tally = bench_of(layout), make_corpus(layout.missing), tallies["made data, lexical"]
    for depth, part in product(DEPTHS, PARTS):
        for question, vector in zip(made.questions, made.question_vectors, strict=True):
            bench.check(Asked(question, vector, "lexical", depth=depth, part=part), tally)


@pytest.mark.parametrize("layout", [Layout(1, True, 0), Layout(3, False, 0)], ids=str)
def test_both_ways_to_the_reference_bm25_agree(layout: Layout, bench_of: BenchOf) -> None:
    bench = bench_of(layout)
    compared = 0
    for question in make_corpus().questions:
        explained = explained_bm25(bench.raw, bench.name, question, bench.ids)
        computed = bench.bm25.scores(bench.terms(question))
        for name, score in zip(bench.ids, computed, strict=True):
            assert explained[name] == pytest.approx(score, rel=2e-6, abs=1e-12), (question, name)
        compared += len(bench.ids)
    assert compared > 4000
