"""What the paper's rows are trained with: halves without a common passage, wrong negatives, files that are there."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.paper import originals
from benchmarks.paper.cells import choose_negatives, is_trained, list_cells
from benchmarks.paper.recipes import RECIPES, Recipe
from benchmarks.paper.rows import make_rows
from benchmarks.paper.sets import Set, load_set
from benchmarks.paper.splits import split, spread
from benchmarks.paper.training import rank_right
from hybrid.encoders import load_encoder
from hybrid.encoders.training.loop import Plan, Told, Training
from hybrid.training.dpr_json import Context, Row
from tests import corpora
from tests.tiny_models import save_bert
from tests.training import QUICK_PLAN, ROWS

WORDS = ("moon", "tide", "tides", "gravity", "ocean", "wrote", "query", "passage")
ANSWERS = ("the", "pulls", "who", "what")


def make_set() -> Set:
    """Give 48 passages of few words, and two questions about each; the first word but one is the answer."""
    rng = np.random.default_rng(3)
    passages = tuple(
        f"p{place} {ANSWERS[place % 4]} {' '.join(rng.choice(WORDS, 5).tolist())}" for place in range(48)
    )
    gold = [place for place in range(48) for _ in range(2)]
    questions = tuple(" ".join(passages[place].split()[2:5]) for place in gold)
    answers = tuple((passages[place].split()[1],) for place in gold)
    train, test = split(gold, 48, blocks=6)
    return Set("made", passages, questions, tuple(frozenset((place,)) for place in gold), train, test, answers)


MADE = make_set()
TESTED = {MADE.passages[MADE.gold(place)] for place in MADE.test.tolist()}


@given(st.lists(st.integers(0, 60), min_size=1, max_size=80), st.integers(1, 25))
def test_halves_share_no_passage_and_every_question_is_in_one(gold: list[int], blocks: int) -> None:
    train, test = split(gold, 61, blocks)
    assert sorted([*train.tolist(), *test.tolist()]) == list(range(len(gold)))
    assert not {gold[place] for place in train} & {gold[place] for place in test}


def test_halves_are_blocks() -> None:
    train, test = split(list(range(100)), 100, blocks=4)
    assert train.tolist() == [*range(25), *range(50, 75)]
    assert len(test) == 50


def test_fewer_places_are_evenly_spread() -> None:
    assert spread(np.arange(10), 4).tolist() == [0, 3, 6, 9]
    assert spread(np.arange(10), None).tolist() == spread(np.arange(10), 99).tolist() == list(range(10))


@pytest.mark.skipif(not corpora.have("squad-sentences"), reason="the sentences are not here")
@pytest.mark.parametrize("name", ["sentences", "answered", "policyqa"])
def test_real_halves_share_no_passage(name: str) -> None:
    asked = load_set(name)
    texts = [{asked.passages[asked.gold(place)] for place in half.tolist()} for half in (asked.train, asked.test)]
    assert not texts[0] & texts[1]
    assert min(len(asked.train), len(asked.test)) > 1000


@pytest.mark.parametrize("kind", ["random", "bm25", "gold"])
def test_negatives_are_wrong_and_no_test_passage_is_learnt_from(kind: str) -> None:
    rows = make_rows(RECIPES["3"][f"{kind}-7"], MADE, None, seed=0)
    assert len(rows) == len(MADE.train)
    learnt = {MADE.passages[MADE.gold(place)] for place in MADE.train.tolist()}
    for row in rows:
        negatives = row.hard_negatives if kind == "bm25" else row.negatives
        assert len(negatives) == 7 if kind == "bm25" else len(negatives) >= 7
        for one in negatives:
            assert one.text not in TESTED
            assert row.answers[0] not in one.text.split()
        if kind == "gold":
            assert {one.text for one in negatives} <= learnt


def test_hard_negatives_are_the_best_of_bm25() -> None:
    few, many = (make_rows(Recipe(hard=count), MADE, None, seed=0) for count in (1, 3))
    for one, other in zip(few, many, strict=True):
        assert one.hard_negatives == other.hard_negatives[:1]
        assert all(set(one.question.split()) & set(context.text.split()) for context in other.hard_negatives)


def test_distant_positives_hold_the_answer() -> None:
    rows = make_rows(Recipe(distant=True), MADE, None, seed=0)
    own = {MADE.questions[place]: MADE.passages[MADE.gold(place)] for place in MADE.train.tolist()}
    assert all(row.answers[0] in row.positives[0].text.split() for row in rows)
    assert any(row.positives[0].text != own[row.question] for row in rows)


def test_as_many_questions_as_are_asked_for() -> None:
    assert len(make_rows(Recipe(), MADE, 7, seed=0)) == 7


def test_ranks_are_those_of_sorting(tmp_path: Path) -> None:
    encoder = load_encoder(str(save_bert(tmp_path / "bert")), scale=1.0)
    asked = dataclasses.replace(MADE, right=tuple(frozenset((place // 2, 5)) for place in range(96)))
    passages = encoder.encode_passages([("", text) for text in asked.passages])
    wanted = []
    for place in asked.test.tolist():
        sims = passages @ encoder.encode_questions([asked.questions[place]])[0]
        order = np.argsort(-sims, kind="stable").tolist()
        wanted.append(1 + min(order.index(one) for one in asked.right[place]))
    found = rank_right(encoder, asked, None)
    # Encoded one by one, a question may swap places with its equals.
    assert np.mean([one == other for one, other in zip(found, wanted, strict=True)]) > 0.95


def test_negatives_of_the_papers_file() -> None:
    rows = [
        Row(
            f"q{place}",
            ("a",),
            (Context("", f"right {place}"),),
            tuple(Context("", f"hard {place}.{number}") for number in range(9)),
            (Context("", f"random {place}"),),
        )
        for place in range(30)
    ]
    best = choose_negatives(rows, Recipe(hard=1))
    assert [len(row.hard_negatives) for row in best] == [1] * 30
    assert not any(row.negatives for row in best)
    assert [len(row.hard_negatives) for row in choose_negatives(rows, RECIPES["3"]["bm25-7"])] == [7] * 30
    for kind, beginning in (("random", "random"), ("gold", "right")):
        for row in choose_negatives(rows, RECIPES["3"][f"{kind}-7"]):
            assert not row.hard_negatives
            assert row.negatives
            assert all(one.text.startswith(beginning) for one in row.negatives)
            assert row.positives[0] not in row.negatives


def test_missing_files_are_named_where_they_are_expected(tmp_path: Path) -> None:
    (cell,) = [one for one in list_cells("2") if (one.row, one.set) == ("multi-dense", "wq")]
    assert originals.list_missing(tmp_path, cell.files) == [
        f"{tmp_path}/psgs_w100.tsv (the paper's 21,015,324 passages)",
        f"{tmp_path}/webquestions-test.qa.csv (test questions with answers)",
        f"{tmp_path}/dpr-multi (a folder that --encoder takes, with question/ and passage/)",
    ]
    (tmp_path / "psgs_w100.tsv.gz").touch()
    (tmp_path / "webq-test.csv").touch()
    (tmp_path / "dpr-multi").mkdir()
    assert originals.list_missing(tmp_path, cell.files) == []


@pytest.mark.usefixtures("one_thread")
def test_a_training_that_was_stopped_after_an_epoch_is_not_over(bert: Path, tmp_path: Path) -> None:
    def stop(_: Told) -> None:
        if target.is_dir():
            raise KeyboardInterrupt

    target, plan = tmp_path / "trained", Plan(**{**QUICK_PLAN, "epochs": 3, "save_every": 1})
    assert not is_trained(target)
    with pytest.raises(KeyboardInterrupt):
        Training(target, str(bert), plan, ROWS).run(stop)
    assert target.is_dir()
    assert not is_trained(target)
    Training(target, str(bert), plan, ROWS).run(lambda _: None)
    assert is_trained(target)
