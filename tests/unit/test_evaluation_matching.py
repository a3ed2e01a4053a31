"""Answers are found where DPR finds them, told by a second implementation and a table of hard cases."""

import unicodedata

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from hybrid.evaluation.matching import Matcher, TokenMatcher, Unusable, match_answers
from hybrid.evaluation.patterns import PatternMatcher
from hybrid.evaluation.presence import find_present
from hybrid.evaluation.questions import Question
from hybrid.evaluation.tokens import cut, words
from tests import corpora

#: A token as DPR's tokenizer has it: a run of letters, numbers and marks, or one sign.
DPR_TOKEN = regex.compile(r"[\p{L}\p{N}\p{M}]+|[^\p{Z}\p{C}]")


def dpr_tokens(text: str) -> list[str]:
    return [token.lower() for token in DPR_TOKEN.findall(unicodedata.normalize("NFD", text))]


def dpr_has_answer(answers: list[str], text: str) -> bool:
    """Say it as DPR does: the answer's tokens are a run of the passage's. (There, no tokens are a run of any.)"""
    tokens = dpr_tokens(text)
    for wanted in map(dpr_tokens, answers):
        starts = range(len(tokens) - len(wanted) + 1) if wanted else ()
        if any(tokens[start : start + len(wanted)] == wanted for start in starts):
            return True
    return False


@pytest.mark.parametrize(
    ("answer", "text", "found"),
    [
        ("Beyoncé", "by BEYONCE\u0301 herself", True),  # one character or two
        ("Beyonce", "by Beyoncé herself", False),  # an accent is a part of the word
        ("Ångström", "the ÅNGSTRÖM unit", True),
        ("well-known", "a well - known fact", True),  # a hyphen is a token, whatever surrounds it
        ("well known", "a well-known fact", False),
        ("well", "a well-known fact", True),
        ("1,000", "about 1,000 men", True),
        ("1,000", "about 1000 men", False),
        ("1000", "about 11000 men", False),
        ("3.5", "costs $3.50", False),
        ("3.5", "costs $3.5.", True),
        ("7", "the 7th son", False),
        ("14 December 1972", "on 14\u00a0December,\n1972", False),  # the comma is a token
        ("14 December 1972", "on 14\u00a0December\n1972.", True),
        ("king", "the king's horse", True),
        ("kings", "the king's horse", False),
        ("king's", "the king 's horse", True),
        ("king's", "the king’s horse", False),  # another apostrophe is another token
        ("U.S.", "in the U.S. army", True),
        ("US", "in the U.S. army", False),
        ("U.S.", "in the U. S. army", True),
        ("rock", "in rock_and_roll", True),  # an underscore is a sign
        ("half", "½ half", True),
        ("½", "a ½ mile", True),
        ("²", "10 m²", False),
        ("$", "costs $5", True),
        ("C++", "in C++.", True),
        ("C", "in C++.", True),
        ("🙂", "so 🙂🙂!", True),
        ("straße", "in der STRASSE", False),  # lower case does not fold
        ("ΟΔΟΣ", "η οδος", True),  # the last sigma of a word is another letter
        ("İstanbul", "i̇stanbul", True),
        ("soft\u00adware", "soft ware", True),  # a soft hyphen is a control character
        ("北京", "北京", True),
        ("北京", "首都是北京。", False),  # what is written without spaces is one token
        ("北京", "首都是 北京。", True),
        ("東京", "「東京」", True),
        ("서울", "수도는 서울 이다", True),
        ("서울", "수도는 서울이다", False),
        ("서울", "\u1109\u1165\u110b\u116e\u11af 시", True),  # Hangul put together or taken apart
        ("हिन्दी", "भाषा हिन्दी है", True),
        ("हिन", "भाषा हिन्दी है", False),  # marks belong to their word
        ("أحمد", "قال أحمد،", True),
        ("", "anything", False),
        ("  \u200b\n", "anything", False),
        ("anything", "", False),
    ],
)
def test_hard_cases(answer: str, text: str, found: bool) -> None:
    assert TokenMatcher([answer]).matches(text) is found
    assert dpr_has_answer([answer], text) is found


#: Letters in several cases and forms, marks, numbers, signs, spaces and controls.
HARD = st.text(
    st.sampled_from("aAbBéE\u0301ßſKΣσςİi1½²-'’.,_ \t\u00a0\u200b\u2028語서ㄱ한\u0939\u093f\u094d🙂"), max_size=12
)
#: Anything that Unicode had a name for when this Python was made.
ANY = st.text(st.characters(exclude_categories=["Cn", "Cs"]), max_size=12)


@given(st.lists(HARD | ANY, max_size=3), st.lists(HARD | ANY, max_size=4).map(" ".join))
@example(["ΟΔΟΣ"], "ΟΔΟΣ'Α")
def test_tokens_match_where_a_second_implementation_does(answers: list[str], text: str) -> None:
    assert cut(text).split() == dpr_tokens(text)
    for passage in (text, f"{text} {answers[0]}!" if answers else text, f"x{''.join(answers)}x"):
        assert TokenMatcher(answers).matches(passage) is dpr_has_answer(answers, passage)


def test_answer_without_tokens_is_reported_and_the_others_are_used() -> None:
    matcher = match_answers(Question("1", "q", ("", "Paris", " \u200b")))
    assert matcher.unusable == (Unusable("", "has no tokens"), Unusable(" \u200b", "has no tokens"))
    assert matcher.matches("in Paris")
    assert not matcher.matches("in Rome")


def test_words_are_tokens_that_are_no_signs() -> None:
    assert words("The king's 3.5 ½-Él!") == ["the", "king", "s", "3", "5", "½", "e\u0301l"]


# Patterns


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"Sept(ember)?\s+11", "on SEPTEMBER\n11", True),
        (r"^Paris$", "London\nparis\nRome", True),
        (r"Beyoncé", "by Beyonce\u0301", True),
        ("Beyonce\u0301", "by Beyoncé", True),
        (r"\d{4}", "in 1999", True),
        (r"北京", "首都是北京。", True),
        (r"kin", "the king", True),
        (r"Sept\.", "Sept 11", False),
        (r"[[a]b", "[b", True),
    ],
)
def test_patterns_are_found_anywhere_in_either_case(pattern: str, text: str, found: bool) -> None:
    matcher = match_answers(Question("1", "q", (pattern,), answers_are_patterns=True))
    assert matcher.matches(text) is found
    assert matcher.unusable == ()


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "is no pattern: missing ) at position 1"),
        ("a{2,1}", "is no pattern: min repeat greater than max repeat at position 2"),
        ("(" * 20_000 + ")" * 20_000, "is no pattern: maximum recursion depth exceeded"),
        ("", "matches an empty text, and so any"),
        ("(Bill )?(Clinton)?", "matches an empty text, and so any"),
        ("x|", "matches an empty text, and so any"),
    ],
)
def test_pattern_that_cannot_be_used_is_reported_and_the_others_are_used(pattern: str, reason: str) -> None:
    matcher = PatternMatcher([pattern, "Paris"])
    (unusable,) = matcher.unusable
    assert unusable.answer == pattern
    assert unusable.reason.startswith(reason)
    assert matcher.matches("in Paris")
    assert not matcher.matches("in Rome")


def test_pattern_that_would_take_for_ever_is_stopped_and_reported_once() -> None:
    slow = "(a|aa)+$"
    matcher = PatternMatcher([slow, "b!$"], patience=0.05)
    assert matcher.matches("a" * 5000 + "b!")
    assert matcher.unusable == (Unusable(slow, "takes more than 0.05 s over one passage"),)
    assert not matcher.matches("a" * 5000 + "!")
    assert len(matcher.unusable) == 1


# A whole collection


@given(st.lists(st.lists(HARD, max_size=3), max_size=5), st.lists(HARD, max_size=6))
def test_answers_present_in_a_collection_are_those_found_one_by_one(
    answers: list[list[str]], passages: list[str]
) -> None:
    present = find_present([TokenMatcher(one) for one in answers], iter(passages))
    assert present == {
        place for place, one in enumerate(answers) if any(dpr_has_answer(one, text) for text in passages)
    }


def test_patterns_and_tokens_are_looked_for_in_one_pass() -> None:
    matchers: list[Matcher] = [
        PatternMatcher(["Par.s"]),
        TokenMatcher(["Rome"]),
        PatternMatcher(["Oslo"]),
        TokenMatcher(["Bonn"]),
    ]
    assert find_present(matchers, iter(["in Rome", "in Paris", "in Parma"])) == {0, 1}


def test_collection_is_not_read_further_than_needed() -> None:
    passages = iter(["in Rome", "in Paris"])
    assert find_present([TokenMatcher(["rome"])], passages) == {0}
    assert next(passages) == "in Paris"


def test_real_passages_are_cut_as_dpr_cuts_them() -> None:
    if not corpora.have("xquad.en.json"):
        pytest.skip("xquad.en.json is not there")
    for passage in corpora.squad_json("xquad.en.json").passages:
        assert cut(passage).split() == dpr_tokens(passage)
