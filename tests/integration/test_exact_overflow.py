"""Several shards together propose more than ``depth``: all of it counts, whatever is asked and however much ties."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pytest

from hybrid import IndexSpec
from tests.agreement import Tally
from tests.conftest import MakeIndex
from tests.exactness import Asked, Bench, read_bm25, write_settled
from tests.made import make_corpus

NO_MATCH = "zzyzx qwghlm"


@pytest.fixture(scope="module")
def bench(make_index: MakeIndex, raw: Any) -> Iterator[Bench]:
    """Give the made-up corpus on three shards."""
    passages = make_corpus().passages
    address = make_index(spec=IndexSpec(shards=3, replicas=0))
    write_settled(address, passages)
    bench = Bench(address, raw, passages, read_bm25(raw, address, passages))
    yield bench
    bench.index.close()


@pytest.mark.parametrize("mode", ["hybrid", "lexical", "dense"])
def test_asking_for_more_than_depth_gives_what_every_shard_proposes(
    mode: Literal["hybrid", "lexical", "dense"], bench: Bench
) -> None:
    made = make_corpus()
    for question, vector in zip(made.questions, made.question_vectors, strict=True):
        for dense in ("ann", "exact"):
            hits = bench.check(Asked(question, vector, mode, dense, depth=10, k=100), Tally())
            assert mode == "lexical" or len(hits) >= 30


@pytest.mark.parametrize("k", [10, 50, 100])
def test_weight_zero_without_a_match_orders_by_id_what_every_shard_proposes(k: int, bench: Bench) -> None:
    asked = Asked(NO_MATCH, make_corpus().question_vectors[0], depth=100, lam=0.0, k=k)
    (_, dense) = bench.truth(asked, Tally()).proposals
    proposed = sorted(bench.ids[row] for row in np.flatnonzero(dense.certain))
    assert len(proposed) == 300
    assert [hit.id for hit in bench.check(asked, Tally())] == proposed[:k]


@pytest.mark.parametrize("k", [5, 10])
def test_more_ties_than_depth_are_ordered_by_id(k: int, make_index: MakeIndex, raw: Any) -> None:
    passages = make_corpus().passages[:30]
    equal = [type(passages[0])(f"equal-{number}", "foxes run", vector=passages[0].vector) for number in range(60)]
    address = make_index(spec=IndexSpec(shards=3, replicas=0))
    write_settled(address, [*passages, *equal])
    bench = Bench(address, raw, [*passages, *equal], read_bm25(raw, address, [*passages, *equal]))
    # Each shard has fewer equal passages than it proposes; together they have more.
    hits = bench.check(Asked("running foxes", make_corpus().question_vectors[0], depth=40, lam=0.01, k=k), Tally())
    assert [hit.id for hit in hits] == sorted(passage.id for passage in equal)[:k]
    bench.index.close()
