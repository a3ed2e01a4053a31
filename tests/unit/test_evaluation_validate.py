"""Faults of a data set are counted, and a sound one has none."""

import pytest

from hybrid.evaluation.overlap import Overlap, measure_overlap, share_words
from hybrid.evaluation.questions import Question, QuestionSet
from hybrid.evaluation.sources import read_questions
from hybrid.evaluation.validate import Fault, find_faults
from tests import corpora


def asked(*questions: Question, **more: tuple[str, ...]) -> QuestionSet:
    return QuestionSet("made", questions, **more)


def test_sound_data_set_has_no_faults() -> None:
    questions = asked(Question("1", "where?", ("Paris",), relevant={"d": 1}), Question("2", "who?", ("Ann",)))
    assert find_faults(questions, known_ids={"d"}, passages=["Ann in Paris"]) == []


@pytest.mark.parametrize(
    ("questions", "fault"),
    [
        (asked(Question("1", " \n", ("a",))), Fault("empty questions", 1, ("1",))),
        (asked(Question("1", "\u200b", ("a",))), Fault("empty questions", 1, ("1",))),
        (
            asked(Question("1", "q", ("a",)), Question("1", "r", ("a",)), Question("2", "s", ("a",))),
            Fault("ids that come twice", 1, ("1",)),
        ),
        (
            asked(Question("1", "q  r", ("a",)), Question("2", "q\nr", ("a",))),
            Fault("questions that come twice", 1, ("q r",)),
        ),
        (
            asked(Question("1", "q"), Question("2", "r", relevant={"d": 0})),
            Fault("questions with neither answers nor relevant passages", 2, ("1", "2")),
        ),
        (
            asked(Question("1", "q", relevant={"d": 1}), Question("2", "r", ("a",))),
            Fault("questions without answers, where others have some", 1, ("1",)),
        ),
        (
            asked(Question("1", "q", ("a", " ")), Question("2", "r", ("(", "b"), answers_are_patterns=True)),
            Fault(
                "answers that cannot be looked for",
                2,
                ("1: ' ' has no tokens", "2: '(' is no pattern: missing ) at position 1"),
            ),
        ),
        (
            asked(Question("1", "q", ("a",)), unjudged=("7", "8")),
            Fault("questions left out because they are not judged", 2, ("7", "8")),
        ),
        (
            asked(Question("1", "q", ("a",)), unasked=("9",)),
            Fault("judged questions that the data set lacks", 1, ("9",)),
        ),
    ],
)
def test_fault_is_counted_with_examples(questions: QuestionSet, fault: Fault) -> None:
    assert find_faults(questions) == [fault]


def test_faults_of_the_collection_are_found_where_it_is_given() -> None:
    questions = asked(
        Question("1", "q", ("Paris", "Oslo"), relevant={"d": 1}),
        Question("2", "r", ("Rome",), relevant={"d": 1, "x": 1, "y": 0}),
        Question("3", "s", ("Bon.",), answers_are_patterns=True),
        Question("4", "t", ("Berl.n",), answers_are_patterns=True),
        Question("5", "u", ("",)),
    )
    assert find_faults(questions, known_ids=["d"], passages=iter(["in Oslo", "in Bonn"]))[1:] == [
        Fault("relevant ids that the collection lacks", 1, ("2: x",)),
        Fault("questions whose answers stand in no passage", 3, ("2", "4", "5")),
    ]


def test_examples_are_few_however_many_there_are() -> None:
    (fault,) = find_faults(asked(*(Question(str(number), f"q{number}") for number in range(50))))
    assert (fault.count, fault.examples) == (50, ("0", "1", "2", "3", "4"))


def test_real_set_has_the_faults_it_has() -> None:
    if not corpora.have("xquad.en.json"):
        pytest.skip("xquad.en.json is not there")
    path = corpora.DATA / "xquad.en.json"
    corpus = corpora.squad_json(path.name)
    faults = find_faults(
        read_questions(path),
        known_ids={one for question in read_questions(path).questions for one in question.relevant},
        passages=corpus.passages,
    )
    # One answer is cut inside a word, so that no token match can find it.
    assert [(fault.name, fault.count) for fault in faults] == [
        ("questions that come twice", 5),
        ("questions whose answers stand in no passage", 1),
    ]


# Overlap


@pytest.mark.parametrize(
    ("question", "passage", "share"),
    [
        ("Who won the Super Bowl?", "the super bowl was won by Denver", 1.0),
        ("Who won the Super Bowl?", "a BOWL of soup", 1 / 3),
        ("café or cafe", "the CAFÉ", 1 / 2),
        ("bowl bowl soup", "bowl", 1 / 2),
        ("Denver's team", "denver team", 1.0),
        ("what is it?", "anything", None),
        ("", "anything", None),
    ],
)
def test_share_of_a_questions_words_in_a_passage(question: str, passage: str, share: float | None) -> None:
    assert share_words(question, passage) == share


def test_overlap_of_a_data_set() -> None:
    pairs = [("red car", "a red car"), ("blue car", "the car"), ("green", "grass"), ("what?", "grass")]
    assert measure_overlap(iter(pairs)) == Overlap(questions=3, mean=0.5, median=0.5, whole=1 / 3)
    assert measure_overlap([]) == Overlap(0, 0.0, 0.0, 0.0)


def test_squads_questions_overlap_with_their_passages_and_policyqas_do_less() -> None:
    names = ("xquad.en.json", "policyqa-dev.json")
    if not all(map(corpora.have, names)):
        pytest.skip("the real sets are not there")
    found = []
    for corpus in map(corpora.squad_json, names):
        pairs = zip(corpus.questions, (corpus.passages[place] for place in corpus.gold), strict=True)
        found.append(measure_overlap(pairs).mean)
    assert found == [pytest.approx(0.65, abs=0.05), pytest.approx(0.3, abs=0.05)]
