"""A reader's first answers are judged, question by question."""

from collections.abc import Sequence

import pytest

from hybrid.errors import UsageError
from hybrid.evaluation.questions import Question
from hybrid.evaluation.rankings import Ranked, Ranking
from hybrid.evaluation.reading import Reading, check_answers
from hybrid.reader.answers import Answer, ReadRequest
from hybrid.reader.sentences import SentenceReader

CHEESE = Ranked("a", 2.0, "Moon", "The sun is hot. The moon is made of old cheese.")
SUN = Ranked("b", 1.0, "Sun", "The sun is a very old star. It is hot.")


def ask(text: str, *answers: str) -> Ranking:
    return Ranking(Question("q", text, answers), (CHEESE, SUN))


def test_first_answer_of_the_passages_that_are_read_is_judged() -> None:
    reading = Reading(SentenceReader(), 1)
    reading.add(
        [ask("what is cheese made of", "the moon is made of old cheese"), ask("what is cheese made of", "milk")]
    )
    reading.add([ask("is the moon old", "old cheese", "moon")])
    measured = reading.measured()
    assert measured["em"].tolist() == [1.0, 0.0, 0.0]
    # Of "moon is made of old cheese" two of six words are right, and both that are wanted.
    assert measured["f1"] == pytest.approx([1.0, 0.0, 2 * 2 / (6 + 2)])


class LastReader:
    """Answers with the whole text of the last passage that it is given."""

    name = "last"

    def read(self, requests: Sequence[ReadRequest]) -> list[list[Answer]]:
        last = [request.passages[-1] for request in requests]
        return [[Answer(one.text, one.score, one.id, 0, len(one.text))] for one in last]


def test_only_so_many_passages_are_read() -> None:
    for passages, right in ((1, [1.0, 0.0]), (2, [0.0, 1.0]), (9, [0.0, 1.0])):
        reading = Reading(LastReader(), passages)
        reading.add([ask("which", CHEESE.text), ask("which", SUN.text)])
        assert reading.measured()["em"].tolist() == right


def test_nothing_found_is_no_right_answer() -> None:
    reading = Reading(SentenceReader(), 5)
    reading.add([Ranking(Question("q", "where", ("here",)), ())])
    assert {name: values.tolist() for name, values in reading.measured().items()} == {"em": [0.0], "f1": [0.0]}


def test_questions_that_no_reader_can_be_judged_by_are_refused() -> None:
    check_answers([Question("1", "q"), Question("2", "q", ("a",))])
    with pytest.raises(UsageError, match="without answers"):
        check_answers([Question("1", "q", relevant={"a": 1})])
    with pytest.raises(UsageError, match="patterns"):
        check_answers([Question("1", "q", ("a+",), answers_are_patterns=True)])
