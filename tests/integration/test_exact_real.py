"""The same on real data: 6,795 sentences, questions that people asked about them, a real encoder's vectors."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid import IndexSpec, Passage
from tests import corpora, vectors
from tests.agreement import Tallies, Tally
from tests.conftest import MakeIndex
from tests.exactness import Asked, Bench, count_segments, read_bm25, write_in_segments, write_settled
from tests.reference import Bm25, Mask, Scores, analyze, dot_products, explained_bm25, propose, union_score

pytestmark = pytest.mark.skipif(
    not corpora.have("squad-sentences"), reason="the data set squad-sentences is not there"
)

#: Questions that are asked of the index, and those whose ranking is only worked out: enough to see half a point.
QUESTIONS = 220
MORE_QUESTIONS = 1000
SEED = 20201116
#: Among their best hundred are two whose BM25s differ by less than a millionth.
NEARLY_TIED = (
    "who is the present quarterback of the broncos ?",
    "what did president kennedy do in response to the soviet flight in regards of america 's program ?",
)
MISSING = [10, 50, 90, 100]


@dataclass(slots=True, eq=False)
class Real:
    """Real questions, and the indexes of their passages, each made when it is first wanted."""

    make_index: MakeIndex
    raw: Any
    questions: tuple[str, ...]
    question_vectors: NDArray[np.float32]
    #: Place of the passage that each question was asked about.
    gold: tuple[int, ...]
    passages: tuple[Passage, ...]
    #: BM25 and sim of all passages for every question.
    bm25: list[Scores] = field(default_factory=list)
    sim: list[Scores] = field(default_factory=list)
    benches: dict[tuple[int, int, int], Bench] = field(default_factory=dict)
    lexicon: list[Bm25] = field(default_factory=list)
    terms: dict[str, list[str]] = field(default_factory=dict)

    def bench(self, shards: int = 1, missing: int = 0, portions: int = 1) -> Bench:
        """Give an index with ``missing`` percent of its vectors taken away, settled or in ``portions`` segments."""
        key = (shards, missing, portions)
        if key not in self.benches:
            address = self.make_index(vectors.PROFILE, IndexSpec(shards=shards, replicas=0))
            passages = _without_vectors(self.passages, missing)
            if portions > 1:
                write_in_segments(address, self.raw, passages, portions)
                assert count_segments(self.raw, address) >= 10
            else:
                write_settled(address, passages)
            self._learn(address)
            self.benches[key] = Bench(address, self.raw, passages, self.lexicon[0], self.terms)
        return self.benches[key]

    def _learn(self, address: str) -> None:
        """Work out, once, what holds whatever the layout and however many vectors are missing."""
        if self.lexicon:
            return
        self.lexicon = [read_bm25(self.raw, address, self.passages)]
        terms = analyze(self.raw, address.rpartition("/")[2], self.questions)
        self.terms = dict(zip(self.questions, terms, strict=True))
        self.bm25 = [self.lexicon[0].scores(some) for some in terms]
        stored = np.stack([np.asarray(passage.vector, dtype=np.float64) for passage in self.passages])
        self.sim = list(dot_products(self.question_vectors, stored))

    def asked(self, place: int, **options: Any) -> Asked:
        """Give a search for one of the questions."""
        return Asked(self.questions[place], self.question_vectors[place], **options)


@pytest.fixture(scope="module")
def real(make_index: MakeIndex, raw: Any) -> Iterator[Real]:
    corpus = corpora.squad_sentences()
    chosen = np.random.default_rng(SEED).permutation(len(corpus.questions))[:MORE_QUESTIONS].tolist()
    questions = tuple(corpus.questions[place] for place in chosen)
    encoded = vectors.encode_passages(corpus.passages)
    passages = tuple(
        Passage(f"s{row}", text, meta={"part": row % 3}, vector=encoded[row])
        for row, text in enumerate(corpus.passages)
    )
    gold = tuple(corpus.gold[place] for place in chosen)
    real = Real(make_index, raw, questions, vectors.encode_questions(questions), gold, passages)
    yield real
    for bench in real.benches.values():
        bench.index.close()


@pytest.fixture(scope="module")
def tallies(record_testsuite_property: Callable[[str, object], None]) -> Iterator[Tallies]:
    counted = Tallies()
    yield counted
    counted.report(record_testsuite_property)


@pytest.mark.parametrize(
    ("dense", "shards", "portions", "step"),
    [
        ("exact", 1, 1, 1),
        ("ann", 1, 1, 1),
        ("exact", 3, 1, 1),
        ("ann", 3, 1, 4),
        ("exact", 1, 12, 2),
        ("ann", 1, 12, 4),
    ],
)
def test_top_100_of_every_question_is_the_true_one(
    dense: Literal["ann", "exact"], shards: int, portions: int, step: int, real: Real, tallies: Tallies
) -> None:
    bench = real.bench(shards, portions=portions)
    tally = tallies[f"real data, {dense}, {shards} shards, {portions} portions"]
    for place in range(0, QUESTIONS, step):
        bench.check(real.asked(place, dense=dense), tally)
    assert not tally.recalls or np.mean(tally.recalls) > 0.99


@pytest.mark.parametrize("mode", ["hybrid", "lexical", "dense"])
@pytest.mark.parametrize("shards", [1, 3])
def test_every_mode_depth_weight_and_filter_ranks_right(
    shards: int, mode: Literal["hybrid", "lexical", "dense"], real: Real, tallies: Tallies
) -> None:
    bench, tally = real.bench(shards), tallies[f"real data, all options, {mode}, {shards} shards"]
    combinations = product((10, 100, 2000), (0.0, 0.3, 1.1, 5.0), (None, 1), ("ann", "exact"))
    for place, (depth, lam, part, dense) in enumerate(combinations):
        options = {"depth": depth, "lam": lam, "part": part, "dense": dense, "mode": mode}
        bench.check(real.asked(place, **options), tally)
        bench.check(real.asked(QUESTIONS - 1 - place, **options), tally)


@pytest.mark.parametrize("shards", [1, 3])
def test_explained_bm25_of_the_whole_union_is_the_one_that_was_ranked_by(shards: int, real: Real) -> None:
    bench, compared = real.bench(shards), 0
    for place in range(0, 50, 10) if shards == 1 else range(5, 55, 10):
        truth = bench.truth(real.asked(place), Tally())
        union = np.flatnonzero(np.logical_or.reduce([side.all for side in truth.proposals]))
        explained = explained_bm25(real.raw, bench.name, real.questions[place], [bench.ids[row] for row in union])
        for row in union:
            assert explained[bench.ids[row]] == pytest.approx(truth.bm25[row], rel=2e-6, abs=1e-12)
        compared += len(union)
    assert compared > 5 * 2000


@pytest.mark.parametrize("missing", MISSING)
def test_missing_vectors_do_not_make_a_ranking_untrue(missing: int, real: Real, tallies: Tallies) -> None:
    bench, tally = real.bench(missing=missing), tallies[f"real data, {missing} % of the vectors missing"]
    for place in range(0, QUESTIONS, 4):
        bench.check(real.asked(place), tally)
        bench.check(real.asked(place + 1, dense="ann", lam=5.0), tally)


@pytest.mark.parametrize("missing", [0, *MISSING])
def test_hybrid_finds_no_less_than_lexical_minus_a_point(
    missing: int, real: Real, record_testsuite_property: Callable[[str, object], None]
) -> None:
    bench = real.bench(missing=missing)
    lexical, hybrid = _found_by_reference(real, bench)
    for place in range(0, QUESTIONS, 2):
        hits = bench.index.search(real.questions[place], vector=real.question_vectors[place], k=20, text=False).hits
        assert hybrid[place] == (f"s{real.gold[place]}" in [hit.id for hit in hits]), real.questions[place]
    figures = f"hybrid {np.mean(hybrid):.1%}, lexical {np.mean(lexical):.1%}"
    record_testsuite_property(f"top-20 accuracy, {missing} % of the vectors missing", figures)
    print(f"{missing} % of the vectors missing: {figures}")
    assert np.mean(hybrid) >= np.mean(lexical) - 0.01
    if missing == 0:
        assert np.mean(hybrid) > np.mean(lexical) + 0.01


def test_without_any_vector_the_order_is_bm25s_to_float32(real: Real) -> None:
    index = real.bench(missing=100).index
    questions = (*NEARLY_TIED, *real.questions[:QUESTIONS])
    for question, vector in zip(questions, vectors.encode_questions(questions), strict=True):
        lexical = index.search(question, mode="lexical", k=110, text=False)
        true = {hit.id: hit.bm25 for hit in lexical.hits}
        hybrid = index.search(question, vector=vector, k=100, text=False)
        # The sums are float32: scores that differ in its last bits only may become one.
        ranked = [true[hit.id] for hit in hybrid.hits]
        assert ranked == pytest.approx([hit.bm25 for hit in lexical.hits][:100], abs=1e-5), question


def _without_vectors(passages: Sequence[Passage], percent: int) -> tuple[Passage, ...]:
    dropped = set(
        np.random.default_rng(percent).permutation(len(passages))[: len(passages) * percent // 100].tolist()
    )
    return tuple(
        Passage(one.id, one.text, meta=one.meta, vector=None if row in dropped else one.vector)
        for row, one in enumerate(passages)
    )


def _found_by_reference(real: Real, bench: Bench) -> tuple[Mask, Mask]:
    """Tell of every question whether the reference has its passage among the best 20, by BM25 and by both scores."""
    found = np.zeros((2, len(real.questions)), dtype=np.bool_)
    prior = (bench.profile.sim_prior.a, bench.profile.sim_prior.b)
    for place, (bm25, all_sims, gold) in enumerate(zip(real.bm25, real.sim, real.gold, strict=True)):
        sim = np.where(bench.encoded, all_sims, np.nan)
        lexical, dense = (
            propose(scores, eligible, 2000, bench.shards)
            for scores, eligible in ((bm25, bm25 > 0), (sim, bench.encoded))
        )
        score = union_score(bm25, sim, bench.profile.lam, prior)
        found[0, place] = _is_among(bm25, lexical.all, gold)
        found[1, place] = _is_among(score, lexical.all | dense.all, gold)
    return found[0], found[1]


def _is_among(scores: Scores, proposed: Mask, gold: int, k: int = 20) -> bool:
    return bool(proposed[gold] and np.count_nonzero(proposed & (scores > scores[gold])) < k)
