"""Candidates that were asked for once rank in every mode as a search in that mode does, on a folder."""

from typing import get_args

import numpy as np
import pytest

from hybrid.engines.contract import Index
from hybrid.evaluation import asking
from hybrid.evaluation.asking import Asked, ask
from hybrid.evaluation.questions import Question
from hybrid.evaluation.rules import choose_rules, pick_best, weigh
from hybrid.fusion import expect_sim
from hybrid.passages import Mode, Vector
from tests.conftest import FillFolder
from tests.made import make_corpus

MADE = make_corpus(missing=20)
SIDES: tuple[Mode, Mode] = ("lexical", "dense")
QUESTIONS = [Question(str(number), text) for number, text in enumerate(MADE.questions)]


@pytest.fixture(scope="module")
def index(fill_folder: FillFolder) -> Index:
    return fill_folder(MADE.passages)


def ask_all(index: Index, depth: int | None = None) -> list[Asked]:
    return [one for some in ask(index, QUESTIONS, MADE.question_vectors, depth=depth) for one in some]


def ends_in_a_tie(index: Index, question: Question, vector: Vector, mode: Mode, depth: int) -> bool:
    """Tell whether the engine has a choice of what is the last of a list."""
    hits = index.search(question.text, vector=vector, mode=mode, k=depth + 1).hits
    return len(hits) > depth and hits[-1].score == hits[-2].score


@pytest.mark.parametrize(("depth", "settled"), [(7, 5), (25, 4), (2000, 7)])
def test_candidates_rank_as_searches_do(index: Index, depth: int, settled: int) -> None:
    seen = 0
    for one, vector in zip(ask_all(index, depth), MADE.question_vectors, strict=True):
        if any(ends_in_a_tie(index, one.question, vector, mode, depth) for mode in SIDES):
            continue
        seen += 1
        for mode in get_args(Mode):
            result = index.search(one.question.text, vector=vector, mode=mode, depth=depth, k=40)
            (rule,) = choose_rules([mode], [], [], index.profile.lam)
            best = pick_best(one.candidates, rule, 40)
            assert [one.candidates.ids[place] for place in best.places] == [hit.id for hit in result.hits]
            assert best.scores == pytest.approx([hit.score for hit in result.hits], abs=1e-9)
    assert seen >= settled


@pytest.mark.parametrize("lam", [0.0, 0.3, 7.0])
def test_any_weight_ranks_as_a_search_with_it_does(index: Index, lam: float) -> None:
    for one, vector in zip(ask_all(index), MADE.question_vectors, strict=True):
        hits = index.search(one.question.text, vector=vector, lam=lam, k=100).hits
        best = pick_best(one.candidates, weigh(lam), 100)
        assert [one.candidates.ids[place] for place in best.places] == [hit.id for hit in hits]


def test_ranks_are_those_of_each_side_alone(index: Index) -> None:
    for one, vector in zip(ask_all(index, 50), MADE.question_vectors, strict=True):
        found = one.candidates
        for mode, ranks in zip(SIDES, (found.rank_bm25, found.rank_dense), strict=True):
            hits = index.search(one.question.text, vector=vector, mode=mode, depth=50, k=50).hits
            listed = {found.ids[place]: rank for place, rank in enumerate(ranks.tolist()) if rank}
            assert listed == {hit.id: hit.rank for hit in hits}


def test_passage_without_a_vector_takes_the_sim_that_is_expected(index: Index) -> None:
    bare = {passage.id for passage in MADE.passages if passage.vector is None}
    seen = 0
    for one in ask_all(index):
        for place, passage in enumerate(one.candidates.ids):
            assert one.encoded[place] == (passage not in bare)
            if passage in bare:
                expected = expect_sim(float(one.candidates.bm25[place]), index.profile.sim_prior)
                assert one.candidates.sim[place] == pytest.approx(expected)
                seen += 1
    assert seen > 100


def test_without_vectors_there_is_no_dense_side(index: Index) -> None:
    (some,) = ask(index, QUESTIONS, None)
    assert not any(one.candidates.rank_dense.any() or one.encoded.any() for one in some)
    assert some[0].candidates.rank_bm25.tolist() == list(range(1, len(some[0].candidates.ids) + 1))


def test_batches_change_nothing(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ask_all(index)
    monkeypatch.setattr(asking, "BATCH", 3)
    batches = list(ask(index, QUESTIONS, MADE.question_vectors))
    assert [len(batch) for batch in batches] == [3, 3, 1]
    for one, other in zip(whole, [one for batch in batches for one in batch], strict=True):
        assert one.question is other.question
        assert one.candidates.ids == other.candidates.ids
        np.testing.assert_allclose(one.candidates.sim, other.candidates.sim, atol=1e-12)


def test_long_question_says_that_it_was_cut(index: Index) -> None:
    long = Question("long", " ".join(f"{MADE.questions[0]} {number}" for number in range(200)))
    (some,) = ask(index, [QUESTIONS[0], long], MADE.question_vectors[:2])
    assert [one.cut for one in some] == [False, True]
