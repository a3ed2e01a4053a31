"""From candidates to numbers, on a folder: what is right, by answers and by ids, in batches or at once."""

from pathlib import Path

import numpy as np
import pytest

from hybrid import Passage, create_index, open_index
from hybrid.engines.contract import Index
from hybrid.errors import UsageError, VectorError
from hybrid.evaluation import asking
from hybrid.evaluation.asking import ask
from hybrid.evaluation.diff import find_won
from hybrid.evaluation.evaluating import Run, RunFormat, check_ids, check_rules, count_all
from hybrid.evaluation.judging import By
from hybrid.evaluation.latency import time_stages
from hybrid.evaluation.measuring import Judge, Places, Tally, choose_judge
from hybrid.evaluation.overview import late_fault, overlap_of
from hybrid.evaluation.patterns import PatternMatcher
from hybrid.evaluation.questions import Question, QuestionSet
from hybrid.evaluation.rules import choose_rules
from hybrid.evaluation.runs import read_results, read_trec
from hybrid.evaluation.texts import Texts
from hybrid.settings import Settings
from tests.conftest import FillFolder, small_profile

#: A question is one word; sim decides by the first number of a vector, and BM25 by how often the word stands there.
PASSAGES = {
    "tide#0": ("moon moon moon", 0.0),
    "tide#1": ("moon and the answer, 42", 1.0),
    "ship#0": ("moon moon", 3.0),
    "ship#1": ("the sea. Captain Ahab", 2.0),
    "last": ("moon moon moon moon moon", -1.0),
}
QUESTIONS = (
    Question("a", "moon", answers=("42",), relevant={"tide": 1}),
    Question("b", "moon", answers=("captain ahab",), relevant={"ship": 2, "last": 0}),
    Question("c", "nothing", answers=(" ",), relevant={"none": 1}),
)


@pytest.fixture(scope="module")
def index(fill_folder: FillFolder) -> Index:
    return fill_folder(
        (Passage(one, text, title=f"On {one}", vector=[sim, 0.0]) for one, (text, sim) in PASSAGES.items()),
        dimension=2,
    )


def measure(
    index: Index, judge: Judge, run: Run | None = None, names: tuple[str, ...] = ("lexical", "dense")
) -> Tally:
    vectors = np.tile(np.array([1.0, 0.0], dtype=np.float32), (len(QUESTIONS), 1))
    rules = choose_rules(names, [], [], 1.1)
    return count_all(index, ask(index, QUESTIONS, vectors), rules, judge, kept=names, run=run)


def test_what_is_right_by_its_answers(index: Index) -> None:
    tally = measure(index, Judge("answers", documents=True, depths=(1, 2, 4)))
    assert tally.places["lexical"] == [
        Places(4, "tide#1", "last"),
        Places(None, "", "last"),
        Places(None, "", ""),
    ]
    assert tally.places["dense"][:2] == [Places(3, "tide#1", "ship#0"), Places(2, "ship#1", "ship#0")]
    found = tally.measured()
    assert found["lexical"]["top4"].tolist() == [1, 0, 0]
    assert found["dense"]["top2"].tolist() == [0, 1, 0]
    assert [unusable.answer for unusable in tally.unusable["c"]] == [" "]


def test_what_is_right_by_its_document(index: Index) -> None:
    tally = measure(index, Judge("ids", documents=True, depths=(1, 2)))
    found = tally.measured()
    # last, tide, ship; and ship, tide, last.
    assert found["lexical"]["mrr"].tolist() == pytest.approx([1 / 2, 1 / 3, 0])
    assert found["dense"]["mrr"].tolist() == pytest.approx([1 / 2, 1, 0])
    assert found["lexical"]["top2"].tolist() == [1, 0, 0]
    assert tally.places["dense"][0] == Places(3, "tide#1", "ship#0")
    assert tally.unusable == {}


@pytest.mark.parametrize("by", ["answers", "ids"])
def test_batches_change_no_number(index: Index, by: By, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Judge(by, documents=True)
    whole = measure(index, judge)
    monkeypatch.setattr(asking, "BATCH", 1)
    parts = measure(index, judge)
    assert parts.places == whole.places
    assert parts.questions == whole.questions == list(QUESTIONS)
    for mode, metrics in whole.measured().items():
        for metric, values in metrics.items():
            assert parts.measured()[mode][metric].tolist() == values.tolist()


def test_batch_without_judgements_has_a_number_for_each_question(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "BATCH", 1)
    some = [Question("a", "moon", answers=("42",)), QUESTIONS[1]]
    judge = choose_judge(asked(*some), Texts(index), None)
    rules = choose_rules(["lexical"], [], [], 1.1)
    found = count_all(index, ask(index, some, None), rules, judge).measured()["lexical"]
    assert {name: len(values) for name, values in found.items()} == dict.fromkeys(found, 2)
    assert found["mrr"].tolist() == pytest.approx([0, 1 / 3])


def test_question_itself_takes_no_place_of_a_passage(index: Index) -> None:
    """The best three without the question itself are looked at, and the third is right."""
    one = Question("ship#0", "moon", relevant={"tide#1": 1})
    judge = Judge("ids", questions_are_documents=True, depths=(3,), least=3)
    rules = choose_rules(["lexical"], [], [], 1.1)
    found = count_all(index, ask(index, [one], None), rules, judge).measured()["lexical"]
    assert (found["top3"].tolist(), found["mrr"].tolist()) == ([1], [pytest.approx(1 / 3)])


def test_judgements_of_another_collection_measure_nothing(index: Index) -> None:
    one = Question("a", "moon", answers=("42",), relevant={"elsewhere": 1})
    judge = choose_judge(asked(one), Texts(index), None)
    assert not judge.judged
    rules = choose_rules(["lexical"], [], [], 1.1)
    assert list(count_all(index, ask(index, [one], None), rules, judge).measured()["lexical"]) == [
        f"top{depth}" for depth in judge.depths
    ]


@pytest.mark.parametrize("run_format", ["trec", "dpr", "pyserini"])
def test_run_of_the_first_rule_is_written_while_it_is_counted(
    index: Index, run_format: RunFormat, tmp_path: Path
) -> None:
    path = tmp_path / "run"
    tally = measure(index, Judge("answers"), Run(path, run_format), names=("dense", "lexical"))
    assert len(tally.questions) == 3
    rankings = (read_trec if run_format == "trec" else read_results)(path)
    assert [one.id for one in rankings[0].passages] == ["ship#0", "ship#1", "tide#1", "tide#0", "last"]
    assert [one.score for one in rankings[0].passages] == pytest.approx([3, 2, 1, 0, -1])
    if run_format != "trec":
        assert [one.has_answer for one in rankings[0].passages] == [False, False, True, False, False]
        assert rankings[0].passages[2].text == "moon and the answer, 42"
        assert rankings[0].passages[2].title == "On tide#1"


def test_passage_that_was_deleted_meanwhile_holds_no_answer(tmp_path: Path) -> None:
    folder = str(tmp_path / "index")
    create_index(folder, small_profile(dimension=2), settings=Settings())
    with open_index(folder, settings=Settings()) as opened:
        opened.add([Passage("kept", "moon 42"), Passage("gone", "moon moon 42")])
        asked = list(ask(opened, QUESTIONS[:1], None))
        opened.delete(["gone"])
        rules = choose_rules(["lexical"], [], [], 1.1)
        tally = count_all(opened, asked, rules, Judge("answers"), kept=["lexical"])
    assert tally.places["lexical"] == [Places(2, "kept", "gone")]


def asked(*questions: Question, of: str = "squad") -> QuestionSet:
    return QuestionSet(of, questions)


def test_judgements_of_documents_are_told_by_what_is_stored(index: Index) -> None:
    texts = Texts(index)
    assert choose_judge(asked(QUESTIONS[0]), texts, "ids").documents
    assert not choose_judge(asked(Question("q", "moon", relevant={"tide#0": 1})), texts, "ids").documents
    assert choose_judge(asked(*QUESTIONS), texts, None) == Judge("answers", documents=True)
    assert choose_judge(asked(QUESTIONS[0], of="beir"), texts, "ids").questions_are_documents
    assert texts.known(["tide", "ship#1", "last", "none", "sea"]) == {"tide", "ship#1", "last"}


@pytest.mark.parametrize(
    ("question", "by", "message"),
    [
        (Question("q", "moon", relevant={"a": 1}), "answers", "come without answers; say --by ids"),
        (Question("q", "moon", answers=("a",)), "ids", "come without judgements; say --by answers"),
        (Question("q", "moon", relevant={"tide#9": 1, "tide": 0}), None, r"None of the 1 ids .* \(tide#9…\)"),
        (Question("q", "moon", relevant={"tide": 0}), "ids", "nothing relevant"),
    ],
)
def test_way_to_judge_that_there_is_nothing_for_is_refused(
    index: Index, question: Question, by: By | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        choose_judge(asked(question), Texts(index), by)


def test_dense_side_without_vectors_is_refused_before_anything_is_asked(index: Index) -> None:
    lexical, dense = choose_rules(["lexical", "dense"], [], [], 1.1)
    check_rules(index, [lexical], None)
    with pytest.raises(VectorError, match=r"dense needs the questions' vectors.*give --vectors"):
        check_rules(index, [lexical, dense], None)


def test_questions_of_one_id_are_refused_where_a_run_is_wanted() -> None:
    check_ids(QUESTIONS)
    with pytest.raises(UsageError, match="Two questions have the id 'a'"):
        check_ids([QUESTIONS[0], QUESTIONS[1], QUESTIONS[0]])


def test_questions_that_one_mode_wins_are_listed_clearest_first() -> None:
    questions = [Question(name, name) for name in "abcdef"]
    one = [
        Places(rank, right, "one") for rank, right in ((1, "p"), (3, "q"), (2, "r"), (9, "s"), (None, ""), (2, "t"))
    ]
    two = [
        Places(rank, right, "two") for rank, right in ((1, "p"), (9, "x"), (None, ""), (1, "y"), (4, "z"), (8, "t"))
    ]
    won = find_won(questions, ("one", "two"), (one, two), at=5)
    assert [(win.question.id, win.winner, win.rank, win.loser_rank, win.right_id, win.instead_id) for win in won] == [
        ("c", "one", 2, None, "r", "two"),
        ("f", "one", 2, 8, "t", "two"),
        ("b", "one", 3, 9, "q", "two"),
        ("d", "two", 1, 9, "y", "one"),
        ("e", "two", 4, None, "z", "one"),
    ]


def test_overlap_is_with_the_passage_that_is_named_or_else_the_best_that_is_right(index: Index) -> None:
    questions = [
        Question("named", "the captain of the sea", relevant={"ship#1": 1}),
        Question("found", "moon landing", relevant={"tide": 1}),
        Question("neither", "ships", relevant={"none": 1}),
    ]
    places = [Places(None, "", ""), Places(4, "tide#1", "last"), Places(None, "", "last")]
    overlap = overlap_of(questions, places, Texts(index))
    assert (overlap.questions, overlap.mean, overlap.whole) == (2, 0.75, 0.5)


def test_pattern_that_is_given_up_while_it_is_looked_for_is_told(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatternMatcher.__init__, "__kwdefaults__", {"patience": 0.1})
    endless = Question("endless", "moon", answers=("(a|aa)+$", "(", "42"), answers_are_patterns=True)
    index.add([Passage("trap", f"moon {'a' * 60}!")])
    try:
        rules = choose_rules(["lexical"], [], [], 1.1)
        tally = count_all(index, ask(index, [endless], None), rules, Judge("answers"))
    finally:
        index.delete(["trap"])
    (fault,) = late_fault(tally)
    assert fault.name == "answers that were given up"
    assert fault.examples == ("endless: '(a|aa)+$' takes more than 0.1 s over one passage",)


def test_stages_are_timed_one_by_one(index: Index) -> None:
    vectors = np.ones((3, 2), dtype=np.float32)
    timed = time_stages(index, QUESTIONS, vectors, ["lexical", "hybrid"])
    assert list(timed) == ["search lexical", "search hybrid"]
    assert all(0 < one.p50 <= one.p95 for one in timed.values())


def test_texts_are_read_once_and_the_oldest_are_let_go(index: Index) -> None:
    texts = Texts(index, kept=2)
    assert list(texts.get(["last", "none", "tide#0", "last"])) == ["last", "tide#0"]
    index.delete(["tide#0"])
    try:
        assert list(texts.get(["tide#0"])) == ["tide#0"]
        texts.get(["ship#0", "ship#1"])
        assert list(texts.get(["tide#0", "ship#1"])) == ["ship#1"]
    finally:
        text, sim = PASSAGES["tide#0"]
        index.add([Passage("tide#0", text, title="On tide#0", vector=[sim, 0.0])])
