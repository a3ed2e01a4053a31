"""Halves of questions that know nothing of each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.errors import UsageError
from hybrid.evaluation.halves import Places, split
from hybrid.evaluation.questions import Question


def about(*passages: str, answers: tuple[str, ...] = ()) -> Question:
    return Question("q", "?", answers=answers, relevant=dict.fromkeys(passages, 1))


def known(questions: list[Question], places: Places) -> set[str]:
    return {passage for place in places for passage in questions[place].relevant}


@given(st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=2), min_size=2, max_size=60), st.integers(0, 9))
def test_every_question_is_in_one_half_and_no_passage_in_both(passages: list[list[int]], seed: int) -> None:
    questions = [about(*map(str, named)) for named in passages]
    halves = split(questions, seed)
    assert sorted([*halves.first, *halves.second]) == list(range(len(questions)))
    both = known(questions, halves.first) & known(questions, halves.second)
    assert halves.shared == len(both)
    if halves.shared:  # only where they hang together
        assert largest_group(passages) > 0.6 * len(questions)


def largest_group(passages: list[list[int]]) -> int:
    """Grow groups from each question until nothing is added."""
    groups = []
    for named in passages:
        seen = set(named)
        while True:
            grown = seen | {one for other in passages if seen & set(other) for one in other}
            if grown == seen:
                break
            seen = grown
        groups.append(sum(bool(seen & set(other)) for other in passages))
    return max(groups)


def test_halves_are_of_one_size_and_the_same_each_time() -> None:
    questions = [about(str(number // 3)) for number in range(300)]
    halves = split(questions)
    assert (len(halves.first), len(halves.second), halves.shared) == (150, 150, 0)
    assert halves.first.tolist() == split(questions).first.tolist()
    assert halves.first.tolist() != split(questions, seed=1).first.tolist()


def test_questions_with_an_answer_in_common_stay_together_where_no_passage_is_named() -> None:
    questions = [about(answers=(f"The {number % 10}",)) for number in range(20)]
    questions += [about(answers=(f"the  {number}",)) for number in range(10)]
    halves = split(questions)
    assert halves.shared == 0
    assert {place % 10 for place in halves.first} & {place % 10 for place in halves.second} == set()


def test_answers_do_not_tie_questions_whose_passages_are_named() -> None:
    halves = split([about(str(number), answers=("yes",)) for number in range(10)])
    assert (len(halves.first), halves.shared) == (5, 0)


@pytest.mark.parametrize("grade", [0, -1])
def test_passages_that_are_not_relevant_tie_nothing(grade: int) -> None:
    questions = [Question("q", "?", relevant={"all": grade, str(number): 1}) for number in range(10)]
    assert len(split(questions).first) == 5


def test_questions_that_all_hang_together_are_divided_and_it_is_told() -> None:
    halves = split([about("all", str(number)) for number in range(10)])
    assert (len(halves.first), len(halves.second), halves.shared) == (5, 5, 1)


def test_one_question_cannot_be_divided() -> None:
    with pytest.raises(UsageError, match="ask dozens at least"):
        split([about("one")])
