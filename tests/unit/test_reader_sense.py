"""What can be an answer: a letter or a digit, and more than function words; a name may be spelt like one of those."""

import pytest

from hybrid.engines.local.analysis import find_analyzer
from hybrid.reader.sense import says_anything


def judge(marked: str) -> bool:
    """Judge what stands between the bars."""
    before, piece, after = marked.split("|")
    return says_anything(before + piece + after, len(before), len(before) + len(piece))


@pytest.mark.parametrize(
    "marked",
    [
        "It rose|.|",
        "a |—| b",
        "|…?!|",
        "|  |",
        "||",
        "a |😀| b",
        "in |the| sea",
        "|it is| baked",
        "|The| Moon",
        "why? |It| is",
    ],
)
def test_marks_and_function_words_say_nothing(marked: str) -> None:
    assert not judge(marked)


@pytest.mark.parametrize(
    "start", ["", "Then. ", "Then! ", 'He said: "', "A heading\n", "日本。", "And so… (", "1.\u00a0“"]
)
def test_capital_of_a_sentence_makes_no_name(start: str) -> None:
    assert not judge(f"{start}|It is| baked")


@pytest.mark.parametrize(
    "marked",
    [
        *("works in |IT|", "|IT| is wide", "|IT's| wide", "heard |The Who| play", "has vitamin |A|", "vitamin (|A|)"),
        *(
            "his son |Will| came",
            "made the film “|It|” in",
            "Dr |No|",
            "|The The| play",
            "is |7| in",
            "to |5|",
            "|½|",
        ),
        *("the |Moon|", "of the |sea|", "in |東京|", "by |Ως|", "|before| it"),
    ],
)
def test_names_numbers_and_other_words_say_something(marked: str) -> None:
    assert judge(marked)


def test_every_stop_word_of_the_analyzer_counts_as_a_function_word() -> None:
    words = ["a", "no", "not", "such", "then", "these", "will", "with", "their", "they"]
    assert find_analyzer("english")(" ".join(words)) == []
    for word in words:
        assert not judge(f"so |{word}| it")
        assert not judge(f"|{word.capitalize()}| it")
        assert judge(f"so |{word.capitalize()}| it")
