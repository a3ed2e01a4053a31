"""Tuning on a folder where it is known what is right: the passages that a certain λ, k1 and b put first."""

import dataclasses
from html.parser import HTMLParser

import numpy as np
import pytest

from hybrid.cli.status import describe
from hybrid.engines.contract import Index
from hybrid.evaluation.asking import ask
from hybrid.evaluation.bootstrap import Difference
from hybrid.evaluation.constants import Constants, Tried, count_asks, tune_constants
from hybrid.evaluation.measuring import Judge
from hybrid.evaluation.overlap import Overlap
from hybrid.evaluation.page import Subject, draw_tuning, write_page
from hybrid.evaluation.questions import Question
from hybrid.evaluation.tuning import Plan, Tuning, tune
from hybrid.evaluation.validate import Fault
from hybrid.passages import Vector
from hybrid.requests import SearchOptions
from tests.conftest import FillFolder, small_profile
from tests.made import make_corpus

MADE = make_corpus(missing=5)
TRUE_LAMBDA = 3.0
JUDGE = Judge("ids")
PLAN = Plan("top1", fusions=("rrf",))


@pytest.fixture(scope="module")
def index(fill_folder: FillFolder) -> Index:
    return fill_folder(MADE.passages, depth=200)


def make_questions(count: int) -> tuple[list[str], list[Vector]]:
    """Ask for words of passages, with vectors of their own."""
    rng = np.random.default_rng(5)
    texts, vectors = [], []
    for _ in range(count):
        words = MADE.passages[int(rng.integers(600))].text.split()[3:]
        texts.append(" ".join(rng.choice(words, size=min(len(words), 4))))
        vectors.append(rng.normal(size=8).astype(np.float32) * 1.5)
    return texts, vectors


def judge_by(index: Index, lam: float, count: int) -> tuple[list[Question], list[Vector]]:
    """Make questions whose right passage is the one that a λ puts first."""
    texts, vectors = make_questions(count)
    results = index.search_many(texts, vectors, lam=lam, k=1)
    questions = [
        Question(str(number), text, relevant={result.hits[0].id: 1})
        for number, (text, result) in enumerate(zip(texts, results, strict=True))
    ]
    return questions, vectors


@pytest.fixture(scope="module")
def tuning(index: Index) -> Tuning:
    questions, vectors = judge_by(index, TRUE_LAMBDA, 150)
    return tune(index, questions, vectors, JUDGE, PLAN)[0]


def test_weight_that_made_the_answers_is_found(tuning: Tuning) -> None:
    curve = tuning.curve
    assert curve.at(curve.best).mean > 0.95
    assert 1.1 < curve.chosen <= curve.best
    assert curve.low <= TRUE_LAMBDA <= curve.high
    assert curve.means[curve.lambdas.index(TRUE_LAMBDA)].mean == 1.0
    assert {0.0, 1.1, TRUE_LAMBDA} <= set(curve.lambdas)


def test_it_holds_on_questions_that_were_not_used(tuning: Tuning) -> None:
    assert tuning.shared == 0
    assert sum(check.questions for check in tuning.checks) == 150
    for check in tuning.checks:
        assert check.best_reached == 1.0
        assert check.missed == check.best_reached - check.reached < 0.08
    tuned, own = (tuning.evaluation.modes[mode]["top1"].mean for mode in ("tuned", "hybrid"))
    assert own < tuned == pytest.approx(sum(one.reached * one.questions for one in tuning.checks) / 150)


def test_modes_and_fusions_are_compared_with_what_was_tuned(tuning: Tuning) -> None:
    assert list(tuning.evaluation.modes) == ["hybrid", "lexical", "dense", "rrf", "tuned"]
    assert {(test.first, test.second) for test in tuning.evaluation.tests} == {
        ("tuned", mode) for mode in ("hybrid", "lexical", "dense", "rrf")
    }


def test_depths_are_compared_with_the_whole(index: Index, tuning: Tuning) -> None:
    assert [one.depth for one in tuning.depths] == [50, 100]
    assert tuning.curve.chosen != index.profile.lam
    questions, vectors = judge_by(index, TRUE_LAMBDA, 150)
    for one in tuning.depths:
        options: SearchOptions = {"lam": tuning.curve.chosen, "depth": one.depth, "k": 1}
        found = index.search_many([question.text for question in questions], vectors, **options)
        right = [result.hits[0].id in question.relevant for question, result in zip(questions, found, strict=True)]
        # An engine may choose among passages that tie at the depth.
        assert one.mean == pytest.approx(np.mean(right), abs=2 / 150)
    same = Difference(0.0, -0.0019, 0.0, 1.0)
    assert dataclasses.replace(tuning.depths[0], difference=same).enough
    assert not dataclasses.replace(tuning.depths[0], difference=dataclasses.replace(same, low=-0.0021)).enough


def test_sim_to_expect_is_fitted_to_passages_with_a_vector(index: Index, tuning: Tuning) -> None:
    questions, vectors = judge_by(index, TRUE_LAMBDA, 150)
    bm25, sims = [], []
    for batch in ask(index, questions, vectors):
        for one in batch:
            listed = one.encoded & (one.candidates.rank_bm25 > 0) & (one.candidates.rank_bm25 <= 100)
            bm25 += one.candidates.bm25[listed].tolist()
            sims += one.candidates.sim[listed].tolist()
    slope, level = np.polyfit(bm25, sims, 1)
    assert tuning.prior is not None
    assert tuning.prior.b == pytest.approx(max(slope, 0.0), abs=1e-6)
    scatter = np.std(np.array(sims) - max(slope, 0.0) * np.array(bm25))
    assert tuning.prior.a == pytest.approx(level if slope > 0 else np.mean(sims), abs=0.3 * scatter)


def test_least_sim_is_what_nearly_all_right_passages_among_the_nearest_reach(index: Index) -> None:
    questions, vectors = judge_by(index, TRUE_LAMBDA, 400)
    sims = []
    for question, vector in zip(questions, vectors, strict=True):
        hits = index.search(question.text, vector=vector, mode="dense", k=100).hits
        sims += [hit.score for hit in hits if hit.id in question.relevant]
    assert 100 <= len(sims) < len(questions)
    found = tune(index, questions, vectors, JUDGE, PLAN)[0]
    assert found.min_sim == pytest.approx(sorted(sims)[(len(sims) - 1) // 100], rel=1e-6)
    few = tune(index, questions[:50], vectors[:50], JUDGE, PLAN)[0]
    assert few.min_sim is None
    assert found.change(index.profile, "somewhere").min_sim is None
    changed = found.change(index.profile, "somewhere", min_sim=True)
    assert changed.min_sim == found.min_sim
    assert f"least sim {found.min_sim:.2f} for pages" in dict(describe(index.status(), changed, "i"))["score"]


def test_what_was_found_goes_into_the_profile(tuning: Tuning) -> None:
    profile = tuning.change(small_profile(), "tune: here")
    assert (profile.lam, profile.lam_source) == (tuning.curve.chosen, "tune: here")
    assert (profile.sim_prior, profile.sim_prior_source) == (tuning.prior, "tune")
    without = dataclasses.replace(tuning, prior=None).change(small_profile(), "tune: here")
    assert (without.sim_prior, without.sim_prior_source) == (small_profile().sim_prior, "default")


# k1 and b


@pytest.mark.parametrize("k1", [0.6, 1.6])
def test_constants_that_made_the_answers_are_found(index: Index, k1: float) -> None:
    with index.under(k1, 0.8) as other:
        assert (other.profile.k1, other.profile.b) == (k1, 0.8)
        questions, vectors = judge_by(other, 0.15, 60)
    found = tune_constants(index, questions, vectors, JUDGE, "top1")
    assert found.best == Tried(k1, 0.8, 0.15, 1.0)
    assert found.better
    assert found.gain.mean > 0.2
    assert len(found.tried) == count_asks(0.9, 0.4) == 7
    assert (index.profile.k1, index.profile.b) == (0.9, 0.4)


def test_constants_stay_where_others_are_no_better(index: Index) -> None:
    questions, vectors = judge_by(index, 0.15, 40)
    found = tune_constants(index, questions, vectors, JUDGE, "top1")
    assert not found.better
    assert found.gain.mean <= 0


# The report


class Reader(HTMLParser):
    """Reads a page and notices what does not close, and what it would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)
        self.fetched += [f"{tag} {value}" for name, value in attrs if name in ("src", "href", "srcset", "data")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def read_page(tuning: Tuning, constants: Constants | None = None, name: str = "nq") -> Reader:
    profile = small_profile()
    subject = Subject("./wiki", name, 1234, profile, "ids")
    page = write_page(tuning, constants, subject, Overlap(150, 0.6, 0.6, 0.1), [Fault("<b> faults", 3, ("a&b",))])
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    assert reader.fetched == []
    return reader


def test_page_says_what_was_found_and_needs_nothing_else(tuning: Tuning) -> None:
    words = read_page(tuning).words
    assert f"Take λ = {tuning.curve.chosen:g} instead of 1.1" in words
    assert "150 questions of nq" in words
    assert "1,234 passages" in words
    kept = dataclasses.replace(tuning, curve=dataclasses.replace(tuning.curve, chosen=1.1))
    assert "Keep λ = 1.1" in read_page(kept).words
    assert "3 <b> faults: a&b" in words
    assert "k1" not in words


def test_names_cannot_write_into_the_page(tuning: Tuning) -> None:
    words = read_page(tuning, name="<script>alert(1)</script>").words
    assert "<script>alert(1)</script>" in words


def test_page_shows_the_constants_that_were_tried(tuning: Tuning) -> None:
    best = Tried(1.2, 0.6, 0.9, 0.71)
    constants = Constants((Tried(0.9, 0.4, 1.1, 0.7), best), best, Difference(0.01, 0.002, 0.02, 0.01))
    words = read_page(tuning, constants).words
    assert "1.2, 0.6" in words
    assert "All else on this page is with them" in words


def test_picture_shows_both_sides_alone(tuning: Tuning) -> None:
    modes = tuning.evaluation.modes
    picture = draw_tuning(tuning, 1.1)
    for mode in ("lexical", "dense"):
        assert f"{mode} {100 * modes[mode]['top1'].mean:.1f}" in picture
