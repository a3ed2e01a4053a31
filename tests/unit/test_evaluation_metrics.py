"""Metrics against values by hand, brute force and ir-measures' own reading of a run."""

import math
import sys
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.errors import HybridError, UsageError
from hybrid.evaluation.judging import choose_by, find_right, mark_answers, measure_mode
from hybrid.evaluation.matching import match_answers
from hybrid.evaluation.metrics import count_found, find_first, measure, name_metrics
from hybrid.evaluation.questions import Question
from hybrid.evaluation.rankings import Ranked, Ranking
from hybrid.evaluation.reading_metrics import exact_match, f1, normalise_answer
from hybrid.evaluation.relevance import document_of, is_relevant, leave_out, names_documents, rank_documents

IDS = [f"p{number}" for number in range(8)]
RANKINGS = st.lists(st.sampled_from(IDS), unique=True)
GRADES = st.dictionaries(st.sampled_from(IDS), st.integers(-1, 3))


def gain(grades: Sequence[int]) -> float:
    return sum(max(grade, 0) / math.log2(rank + 1) for rank, grade in enumerate(grades[:10], 1))


def by_hand(ranking: Sequence[str], relevant: Mapping[str, int]) -> dict[str, float]:
    """Compute all metrics of one question from their definitions."""
    grades = [relevant.get(one, 0) for one in ranking]
    hits = [rank for rank, grade in enumerate(grades, 1) if grade > 0]
    wanted = sum(grade > 0 for grade in relevant.values())
    ideal = gain(sorted(relevant.values(), reverse=True))
    return {
        "mrr": 1 / hits[0] if hits else 0,
        "ndcg@10": gain(grades) / ideal if ideal else 0,
        "map": sum((place + 1) / rank for place, rank in enumerate(hits)) / wanted if wanted else 0,
        "recall@20": sum(rank <= 20 for rank in hits) / wanted if wanted else 0,
        "recall@100": sum(rank <= 100 for rank in hits) / wanted if wanted else 0,
    }


@given(st.lists(st.tuples(RANKINGS, GRADES), max_size=6))
def test_every_metric_equals_its_definition(asked: list[tuple[list[str], dict[str, int]]]) -> None:
    measured = measure([ranking for ranking, _ in asked], [grades for _, grades in asked])
    for number, (ranking, grades) in enumerate(asked):
        got = {name: values[number] for name, values in measured.items()}
        assert got == pytest.approx(by_hand(ranking, grades), abs=1e-12)


def test_values_worked_out_on_paper() -> None:
    measured = measure([["a", "b", "c", "d"]], [{"b": 1, "d": 2, "z": 1}])
    ndcg = (1 / math.log2(3) + 2 / math.log2(5)) / (2 + 1 / math.log2(3) + 1 / 2)
    assert measured["mrr"][0] == 0.5
    assert measured["map"][0] == pytest.approx((1 / 2 + 2 / 4) / 3)
    assert measured["recall@20"][0] == pytest.approx(2 / 3)
    assert measured["ndcg@10"][0] == pytest.approx(ndcg)


def test_rankings_longer_than_a_cut_are_cut() -> None:
    ranking = [str(number) for number in range(200)]
    measured = measure([ranking] * 4, [{"19": 1}, {"20": 1}, {"99": 1}, {"100": 1}])
    assert measured["recall@20"].tolist() == [1, 0, 0, 0]
    assert measured["recall@100"].tolist() == [1, 1, 1, 0]
    assert measured["mrr"] == pytest.approx([1 / 20, 1 / 21, 1 / 100, 1 / 101])


def test_ids_may_hold_anything_and_questions_may_come_twice() -> None:
    measured = measure([["a b\nc", ""], ["a b\nc", ""]], [{"": 1}, {"a b\nc": 1}])
    assert measured["mrr"].tolist() == [0.5, 1.0]


def test_only_the_first_place_of_a_passage_counts() -> None:
    twice = ["a", "b", "a", "c"]
    assert measure([twice, twice], [{"a": 1}, {"c": 1}])["mrr"] == pytest.approx([1, 1 / 3])


def test_names_are_those_of_what_is_measured() -> None:
    asked = [Ranking(Question("1", "q", relevant={"a": 1}), (Ranked("a", 1.0),))]
    assert name_metrics((1, 7), judged=True) == list(measure_mode(asked, "ids", depths=(1, 7)))
    assert name_metrics((1, 7), judged=False) == ["top1", "top7"]


def test_no_questions_give_no_values() -> None:
    assert {values.size for values in measure([], []).values()} == {0}


def test_share_of_questions_found_down_to_each_depth() -> None:
    firsts = [
        find_first(right) for right in ([True], [False, True], [False] * 19 + [True], [False] * 20 + [True], [])
    ]
    assert firsts == [1, 2, 20, 21, None]
    found = count_found(firsts)
    assert {name: values.mean() for name, values in found.items()} == {
        "top1": 0.2,
        "top5": 0.4,
        "top20": 0.6,
        "top100": 0.8,
    }


def test_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ir_measures", None)
    with pytest.raises(HybridError, match=r"ir_measures is missing.*hybrid-passage-search\[eval\]"):
        measure([], [])


# Relevance


def test_passages_belong_to_the_documents_they_are_named_after() -> None:
    assert [document_of(one) for one in ("d#0", "dev.json:3.7#12", "d", "C#", "a#1#2", "a#b", "d#1\n")] == [
        "d",
        "dev.json:3.7",
        "d",
        "C#",
        "a#1",
        "a#b",
        "d#1\n",
    ]


@pytest.mark.parametrize(
    ("judged", "retrieved", "documents"),
    [
        (["d"], ["d#0", "d#1"], True),
        (["d#1"], ["d#0", "d#1"], False),
        (["d"], ["d", "e"], True),  # whole documents are both
        (["C#3"], ["C#3#0"], True),  # a number in the document's own name
        (["C#3"], ["C#3"], False),
        ([], ["d#0"], True),
    ],
)
def test_judgements_of_documents_are_told_from_those_of_passages(
    judged: list[str], retrieved: list[str], documents: bool
) -> None:
    assert names_documents(judged, retrieved) is documents


def test_document_stands_where_its_best_passage_stands() -> None:
    assert rank_documents(["b#2", "a#0", "b#0", "c", "a#9"]) == ["b", "a", "c"]
    assert leave_out(["b", "a", "c"], "a") == ["b", "c"]


def test_only_grades_above_zero_are_relevant() -> None:
    assert is_relevant(["a", "b", "c", "d"], {"a": 0, "b": -1, "c": 2}) == [False, False, True, False]


# Modes


def ranking(question: Question, *passages: tuple[str, str]) -> Ranking:
    made = tuple(Ranked(one, float(-rank), text=text) for rank, (one, text) in enumerate(passages))
    return mark_answers(Ranking(question, made), match_answers(question))


def test_mode_is_measured_by_the_answers_in_its_passages() -> None:
    first = ranking(Question("1", "q", ("Paris",)), ("a", "Rome"), ("b", "in PARIS"))
    second = ranking(Question("2", "q", ("Oslo",)))
    assert [passage.has_answer for passage in first.passages] == [False, True]
    assert [find_right(one, "answers") for one in (first, second)] == [2, None]
    measured = measure_mode([first, second], "answers", judged=False)
    assert {name: values.tolist() for name, values in measured.items()} == {
        "top1": [0, 0],
        "top5": [1, 0],
        "top20": [1, 0],
        "top100": [1, 0],
    }


def test_mode_is_measured_by_ids_and_a_document_counts_once() -> None:
    rankings = [
        ranking(Question("1", "q", relevant={"d": 1, "e": 1}), ("x#0", ""), ("x#1", ""), ("d#1", ""), ("d#0", "")),
        ranking(Question("2", "q", relevant={"g": 1}), ("f", ""), ("g#0", "")),
    ]
    assert [find_right(one, "ids", documents=True) for one in rankings] == [3, 2]
    assert [find_right(one, "ids") for one in rankings] == [None, None]
    measured = measure_mode(rankings, "ids", documents=True)
    assert measured["mrr"].tolist() == [0.5, 0.5]
    assert measured["map"].tolist() == [0.25, 0.5]
    assert measured["top1"].tolist() == [0, 0]
    assert measured["top5"].tolist() == [1, 1]


def test_answers_and_judgements_together_give_both_kinds_of_metrics() -> None:
    question = Question("1", "q", ("Paris",), relevant={"b": 1})
    measured = measure_mode([ranking(question, ("a", "Paris"), ("b", "Rome"))], "answers")
    assert (measured["top1"].tolist(), measured["mrr"].tolist()) == ([1], [0.5])


def test_accuracy_is_counted_at_the_ranks_that_are_asked_for() -> None:
    rankings = [ranking(Question("1", "q", ("Paris",)), ("a", "Rome"), ("b", "Oslo"), ("c", "Paris"))]
    measured = measure_mode(rankings, "answers", judged=False, depths=(2, 3))
    assert {name: values.tolist() for name, values in measured.items()} == {"top2": [0], "top3": [1]}


def test_question_that_is_itself_a_document_is_left_out_on_request() -> None:
    rankings = [ranking(Question("a", "q", relevant={"b": 1}), ("a", ""), ("b", ""))]
    assert measure_mode(rankings, "ids")["top1"].tolist() == [0]
    assert measure_mode(rankings, "ids", questions_are_documents=True)["top1"].tolist() == [1]


def test_question_that_is_left_out_takes_no_place_of_another() -> None:
    passages = [("a", ""), *((f"p{rank}", "") for rank in range(1, 102))]
    rankings = [ranking(Question("a", "q", relevant={name: 1}), *passages) for name in ("p100", "p101")]
    measured = measure_mode(rankings, "ids", questions_are_documents=True, reach=100)
    assert measured["recall@100"].tolist() == measured["top100"].tolist() == [1, 0]
    assert measured["mrr"].tolist() == [1 / 100, 0]


def test_answers_that_nobody_looked_for_are_an_error() -> None:
    with pytest.raises(UsageError, match="Nobody looked for the answers to question '1'"):
        measure_mode([Ranking(Question("1", "q", ("a",)), (Ranked("p", 1.0),))], "answers")


def test_what_tells_right_from_wrong_is_chosen_by_what_there_is() -> None:
    judged, answered = Question("1", "q", relevant={"a": 1}), Question("2", "q", ("a",))
    assert choose_by([judged]) == "ids"
    assert choose_by([judged, answered]) == "answers"
    with pytest.raises(UsageError, match="neither answers nor judgements"):
        choose_by([Question("3", "q")])


# Answers that a reader gives


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The  Cat's\tHat!", "cats hat"),
        ("A.N. Other", "other"),  # punctuation goes before articles: "an other"
        ("an apple a day", "apple day"),
        ("Theatre", "theatre"),
        ("the", ""),
        ("U.S.", "us"),
        ("1,000", "1000"),
        ("well-known", "wellknown"),
        ("l’été", "l’été"),  # only ASCII's punctuation is dropped
    ],
)
def test_answers_are_normalised_as_squad_does(text: str, normal: str) -> None:
    assert normalise_answer(text) == normal


@pytest.mark.parametrize(
    ("prediction", "answers", "exact", "overlap"),
    [
        ("the Denver Broncos", ["Denver Broncos"], 1, 1),
        ("Broncos", ["Denver Broncos", "The Broncos"], 1, 1),
        ("Denver", ["Denver Broncos"], 0, 2 / 3),
        ("in Denver Denver", ["Denver Broncos"], 0, 2 / 5),
        ("Denver Broncos of 2015", ["Broncos", "Denver Broncos"], 0, 2 * (2 / 4) / (1 + 2 / 4)),
        ("Carolina", ["Denver Broncos"], 0, 0),
        ("", ["Denver"], 0, 0),
        ("the", ["a"], 1, 1),
        ("the", ["a dog"], 0, 0),
        ("anything", [], 0, 0),
    ],
)
def test_exact_match_and_f1_by_hand(prediction: str, answers: list[str], exact: float, overlap: float) -> None:
    assert exact_match(prediction, answers) == exact
    assert f1(prediction, answers) == pytest.approx(overlap)


@given(st.lists(st.text("ab .,Tthe", max_size=9), min_size=2, max_size=4))
def test_f1_is_one_where_the_match_is_exact_and_symmetric(texts: list[str]) -> None:
    prediction, *answers = texts
    assert exact_match(prediction, answers) <= f1(prediction, answers) <= 1
    assert f1(prediction, answers[:1]) == pytest.approx(f1(answers[0], [prediction]))


def test_metrics_are_plain_numbers() -> None:
    measured = measure([["a"]], [{"a": 1}]) | count_found([1])
    assert {values.dtype for values in measured.values()} == {np.dtype(np.float64)}
