"""Answers from spans of many passages: both rules, fusion, equal answers, confidence; by hand and by formula."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.reader.answers import ReadPassage
from hybrid.reader.selecting import Candidate, Choice, Reading, choose_answers, name_answer

PASSAGES = (
    ReadPassage("a", "", "The Moon pulls the sea.", 3.0),
    ReadPassage("b", "", "the moon, and the Sun", 5.0),
    ReadPassage("c", "", "Gravity of the Sun", 1.0),
)


def choice(**changes: object) -> Choice:
    return Choice(**{"rule": "passage", "beta": 1.0, "gamma": 0.0, "temperature": None, **changes})  # type: ignore[arg-type]


def span(passage: int, text: str, score: float) -> Candidate:
    start = PASSAGES[passage].text.index(text)
    return Candidate(start, start + len(text), score)


READINGS = [
    Reading(0, 2.0, (span(0, "Moon", 4.0), span(0, "sea", 3.0))),
    Reading(1, 1.0, (span(1, "the moon", 9.0), span(1, "Sun", 8.5))),
    Reading(2, 1.5, (span(2, "the Sun", 6.0), span(2, "Gravity", 2.0))),
]


def texts(count: int = 10, **changes: object) -> list[str]:
    return [one.text for one in choose_answers(READINGS, PASSAGES, choice(**changes), count)]


def test_best_span_of_the_best_passage_wins_whatever_other_spans_score() -> None:
    assert texts() == ["Moon", "the Sun"]


def test_equal_answers_are_given_once_from_the_better_passage() -> None:
    found = choose_answers(READINGS, PASSAGES, choice(), 10)
    assert [one.passage_id for one in found] == ["a", "c"]


def test_retriever_may_have_a_say() -> None:
    # 2 + 0.5·3 = 3.5, 1 + 0.5·5 = 3.5, 1.5 + 0.5·1 = 2; of equals the better span counts.
    found = choose_answers(READINGS, PASSAGES, choice(gamma=0.5), 10)
    assert [(one.text, one.score) for one in found] == [("the moon", 3.5), ("the Sun", 2.0)]


def test_relevance_may_be_left_out() -> None:
    assert texts(beta=0.0, gamma=1.0) == ["the moon", "the Sun"]


def test_sum_counts_what_all_passages_say() -> None:
    found = choose_answers(READINGS, PASSAGES, choice(rule="sum"), 10)

    def share(number: int, place: int) -> float:
        reading = READINGS[number]
        whole = sum(math.exp(one.score) for one in reading.spans)
        return math.exp(reading.relevance) * math.exp(reading.spans[place].score) / whole

    wanted = {
        "moon": share(0, 0) + share(1, 0),
        "sea": share(0, 1),
        "sun": share(1, 1) + share(2, 0),
        "gravity": share(2, 1),
    }
    assert {name_answer(one.text): pytest.approx(math.exp(one.score)) for one in found} == wanted
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert (found[0].text, found[0].passage_id) == ("Moon", "a")


def test_every_answer_stands_where_it_says() -> None:
    by_id = {one.id: one for one in PASSAGES}
    for rule in ("passage", "sum"):
        for one in choose_answers(READINGS, PASSAGES, choice(rule=rule), 10):
            assert by_id[one.passage_id].text[one.start : one.end] == one.text


def test_only_as_many_answers_as_wanted_are_given() -> None:
    assert texts(1) == ["Moon"]


def test_nothing_read_gives_no_answer() -> None:
    assert choose_answers([], PASSAGES, choice(temperature=1.0), 5) == []


def one_passage(text: str, *spans: tuple[str, float]) -> tuple[ReadPassage, Reading]:
    places = [(text.index(piece), piece, score) for piece, score in spans]
    return ReadPassage("p", "", text), Reading(
        0, 0.0, tuple(Candidate(at, at + len(piece), score) for at, piece, score in places)
    )


@pytest.mark.parametrize("rule", ["passage", "sum"])
def test_what_says_nothing_is_no_answer_and_what_follows_takes_its_place(rule: str) -> None:
    passage, reading = one_passage("Yeast makes it rise.", (".", 9.0), ("it", 8.0), ("Yeast", 7.0), ("rise", 6.0))
    found = choose_answers([reading], [passage], choice(rule=rule), 5)
    assert [one.text for one in found] == (["Yeast"] if rule == "passage" else ["Yeast", "rise"])
    nothing = one_passage("Yeast makes it rise.", (".", 9.0), ("it", 8.0))
    assert choose_answers([nothing[1]], [nothing[0]], choice(rule=rule), 5) == []


def test_what_says_nothing_keeps_its_share_so_that_others_are_no_surer() -> None:
    """Confidences were held against what happened with it."""
    passage, reading = one_passage("Yeast makes it rise.", (".", 7.0), ("Yeast", 7.0))
    (found,) = choose_answers([reading], [passage], choice(rule="sum", temperature=1.0), 5)
    assert found.confidence == pytest.approx(0.5)
    assert found.score == pytest.approx(math.log(0.5))


def test_spans_that_share_letters_of_a_passage_are_given_once() -> None:
    text = "baker's yeast makes the dough rise"
    passage, first = one_passage(text, ("yeast makes", 7.0), ("dough rise", 5.0))
    second = one_passage(text, ("baker's yeast", 6.0), ("yeast", 5.0), ("the dough", 2.5), ("rise", 2.0))[1]
    found = choose_answers([first, second], [passage], choice(rule="sum"), 9)
    assert [one.text for one in found] == ["yeast makes", "dough rise"]
    # Of another passage it is another answer; what only touches shares nothing.
    other = ReadPassage("q", "", text)
    elsewhere = Reading(1, 0.0, second.spans[:1])
    found = choose_answers([first, elsewhere], [passage, other], choice(rule="sum"), 9)
    assert [one.text for one in found] == ["baker's yeast", "yeast makes", "dough rise"]
    beside = Reading(0, 0.0, (Candidate(0, 7, 4.0), Candidate(7, 13, 3.0)))
    assert len(choose_answers([beside], [passage], choice(rule="sum"), 9)) == 2


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20), st.integers(1, 6), st.floats(-5, 5)), max_size=12))
def test_answers_are_the_best_of_all_that_share_letters(spans: list[tuple[int, int, int, float]]) -> None:
    """Against the plain definition: going down the list, whatever shares letters with what was taken goes."""
    text = "".join(chr(0x3B1 + place % 17) + "bcdefghij"[place % 9] for place in range(13))
    passages = [ReadPassage(str(place), "", text) for place in range(3)]
    readings = [Reading(place, 0.0, (Candidate(at, at + size, score),)) for place, at, size, score in spans]
    fused = choice(rule="passage", gamma=0.0)
    wanted: list[tuple[int, set[int]]] = []
    seen = set()
    for one in sorted(readings, key=lambda one: -one.spans[0].score):
        letters = set(range(one.spans[0].start, one.spans[0].end))
        name = name_answer(text[one.spans[0].start : one.spans[0].end])
        if name not in seen and not any(place == one.passage and letters & other for place, other in wanted):
            wanted.append((one.passage, letters))
        seen.add(name)
    found = choose_answers(readings, passages, fused, 99)
    assert [(int(one.passage_id), set(range(one.start, one.end))) for one in found] == wanted


def test_answers_made_of_articles_only_are_told_apart() -> None:
    assert name_answer("The") != name_answer("A")


def test_without_a_temperature_there_is_no_confidence() -> None:
    assert all(one.confidence is None for one in choose_answers(READINGS, PASSAGES, choice(), 10))


@given(st.floats(0.2, 20))
def test_confidence_is_the_share_of_passage_times_share_of_span(temperature: float) -> None:
    found = choose_answers(READINGS, PASSAGES, choice(rule="sum", temperature=temperature), 10)
    passages = np.exp(np.array([one.relevance for one in READINGS]) / temperature)
    wanted: dict[str, float] = {}
    for reading, weight in zip(READINGS, passages / passages.sum(), strict=True):
        spans = np.exp(np.array([one.score for one in reading.spans]) / temperature)
        for one, part in zip(reading.spans, spans / spans.sum(), strict=True):
            key = name_answer(PASSAGES[reading.passage].text[one.start : one.end])
            wanted[key] = wanted.get(key, 0.0) + float(weight * part)
    assert {name_answer(one.text): one.confidence for one in found} == pytest.approx(wanted)
    assert sum(one.confidence or 0.0 for one in found) == pytest.approx(1.0)
