"""The user's text is found where it scores, and nowhere else."""

from collections.abc import Callable
from typing import Any

import pytest

from hybrid.gateway.clauses import get_at, put_at
from hybrid.gateway.find_text import Text, find_text
from hybrid.gateway.reasons import Reason
from hybrid.requests import MAX_TERMS

FIELDS = frozenset({"contents", "title", "text", "title.english"})
ASKED = "who wrote it"


def match(words: str = ASKED, field: str = "text") -> Any:
    return {"match": {field: words}}


def found(query: Any, hint: str | None = None) -> Any:
    """Give the text and what stands where it was found, or the reason."""
    text = find_text(query, FIELDS, hint)
    if not isinstance(text, Text):
        return text
    for place in text.places:
        assert get_at(put_at(query, place, "changed"), place) == "changed"
    return text.words


ALONE = {
    "match": match(),
    "match with options": {"match": {"text": {"query": ASKED, "operator": "and"}, "boost": 2}},
    "sub-field": {"match": {"title.english": ASKED}},
    "multi_match": {"multi_match": {"query": ASKED, "fields": ["meta.brand", "title^3"]}},
    "multi_match on all fields": {"multi_match": {"query": ASKED}},
    "multi_match on a pattern": {"multi_match": {"query": ASKED, "fields": ["*.english"]}},
    "combined_fields": {"combined_fields": {"query": ASKED, "fields": ["title", "text"]}},
    "query_string": {"query_string": {"query": ASKED}},
    "simple_query_string": {"simple_query_string": {"query": ASKED, "fields": ["text"]}},
}
AROUND: dict[str, Callable[[Any], Any]] = {
    "bool.must": lambda one: {"bool": {"must": one}},
    "a list of musts": lambda one: {"bool": {"must": [{"term": {"a": 1}}, one]}},
    "bool.should": lambda one: {"bool": {"should": [one], "filter": [match("other")]}},
    "dis_max": lambda one: {"dis_max": {"queries": [one, one]}},
    "function_score": lambda one: {
        "function_score": {"query": one, "functions": [{"filter": match("x"), "weight": 2}]}
    },
    "script_score": lambda one: {"script_score": {"query": one, "script": {"source": "_score"}}},
    "boosting": lambda one: {"boosting": {"positive": one, "negative": match("bad"), "negative_boost": 0.1}},
    "constant_score": lambda one: {"constant_score": {"filter": one}},
    "nested bools": lambda one: {"bool": {"must": {"bool": {"should": {"bool": {"must": [one]}}}}}},
}


@pytest.mark.parametrize("kind", ALONE)
@pytest.mark.parametrize("around", AROUND)
def test_text_is_found_in_every_clause_under_every_parent(kind: str, around: str) -> None:
    assert found(AROUND[around](ALONE[kind])) == ASKED


@pytest.mark.parametrize(
    "query",
    [
        None,
        {},
        {"match_all": {}},
        {"bool": {"filter": [match()]}},
        {"bool": {"must_not": match(), "must": {"term": {"a": 1}}}},
        {"nested": {"path": "comments", "query": {"match": {"text": ASKED}}}},
        {"match": {"meta.brand": ASKED}},
        {"multi_match": {"query": ASKED, "fields": ["meta.brand", "meta.*"]}},
        {"match": {"text": 42}},
        {"term": {"text": ASKED}},
        {"match": {"text": "   "}},
        {"match": {"text": ASKED, "title": ASKED}},
        [match()],
        {"match": ASKED},
        {"bool": ASKED},
        {"bool": {"must": ASKED}},
    ],
)
def test_what_does_not_score_or_is_no_text_is_none(query: Any) -> None:
    assert found(query) is Reason.NO_TEXT


def test_all_clauses_of_one_text_are_found_whatever_their_white_space() -> None:
    query = {"bool": {"should": [match(), match(f" {ASKED}\n"), match("who  wrote it", "title")]}}
    text = find_text(query, FIELDS)
    assert isinstance(text, Text)
    assert [get_at(query, place) for place in text.places] == query["bool"]["should"]


def test_clauses_of_prefixes_belong_to_the_text_but_are_none_alone() -> None:
    prefix = {"multi_match": {"query": ASKED, "type": "bool_prefix", "fields": ["title"]}}
    text = find_text({"bool": {"should": [match(), prefix]}}, FIELDS)
    assert isinstance(text, Text)
    assert len(text.places) == 2
    assert found(prefix) is Reason.AUTOCOMPLETE
    assert found({"match_phrase_prefix": {"title": ASKED}}) is Reason.AUTOCOMPLETE
    assert found({"match_bool_prefix": {"title": {"query": ASKED}}}) is Reason.AUTOCOMPLETE


@pytest.mark.parametrize(
    "phrase",
    [
        {"match_phrase": {"title": ASKED}},
        {"match_phrase": {"title": {"query": ASKED, "slop": 2}}},
        {"multi_match": {"query": ASKED, "type": "phrase", "fields": ["title", "text"]}},
        {"query_string": {"query": ASKED, "type": "phrase"}},
    ],
)
@pytest.mark.parametrize("around", AROUND)
def test_a_phrase_asks_for_its_own_words_unless_a_clause_asks_for_them_as_such(phrase: Any, around: str) -> None:
    alone = AROUND[around](phrase)
    assert found(alone) is Reason.PHRASE
    assert found({"bool": {"should": [alone, phrase]}}) is Reason.PHRASE
    assert found(alone, hint=ASKED) == ASKED
    text = find_text({"bool": {"must": match(), "should": [phrase]}}, FIELDS)
    assert isinstance(text, Text)
    assert len(text.places) == 2
    assert found({"bool": {"must": [match("other words"), phrase]}}) is Reason.SEVERAL_TEXTS


def test_a_constant_clause_with_another_text_is_a_filter_in_disguise() -> None:
    disguised = {"constant_score": {"filter": match("history")}}
    assert found({"bool": {"must": [match(), disguised]}}) == ASKED
    text = find_text({"bool": {"must": [match(), disguised]}}, FIELDS)
    assert isinstance(text, Text)
    assert len(text.places) == 1


def test_different_texts_are_nobodys() -> None:
    form = {"bool": {"must": [match("moby dick", "title"), match("whales")]}}
    assert found(form) is Reason.SEVERAL_TEXTS
    assert found(form, hint=" whales ") == "whales"


@pytest.mark.parametrize(
    "text",
    ["title:dog", 'say "hello world"', "cat AND dog", "NOT dog", "dog*", "wom?n", "+cat -dog", "(cat dog)", "a && b",
     "dog~2", "cat^2", "[1 TO 2]", "and/or", "cat | dog", "one\\two", "!cat"],
)  # fmt: skip
def test_operators_of_a_query_language_are_no_text(text: str) -> None:
    assert found({"query_string": {"query": text}}) is Reason.OPERATORS
    assert found({"simple_query_string": {"query": text}}) is Reason.OPERATORS
    assert found({"match": {"text": text}}) == text
    assert found({"query_string": {"query": text}}, hint=ASKED) == ASKED


@pytest.mark.parametrize(
    "text", ["who wrote it?", "who, me?!", "well-known words", "rock'n'roll and more", "cats or dogs"]
)
def test_plain_questions_are_texts_in_a_query_language_too(text: str) -> None:
    assert found({"query_string": {"query": text}}) == text


@pytest.mark.parametrize(
    ("text", "enough"), [("ab", False), ("abc", True), ("猫", False), ("東京", True), ("서울", True), ("né", False)]
)
def test_shortest_text(text: str, enough: bool) -> None:
    assert found(match(text)) == (text if enough else Reason.SHORT_TEXT)


def test_longest_text() -> None:
    assert found(match("word " * MAX_TERMS)) == ("word " * MAX_TERMS).strip()
    assert found(match("word " * (MAX_TERMS + 1))) is Reason.LONG_TEXT


def test_a_hint_names_the_text_even_if_the_page_has_edited_it() -> None:
    edited = {"query_string": {"query": "who* wrote* it*"}}
    assert found(edited, hint=ASKED) == ASKED
    assert found({"bool": {"must": [match("one two"), match("three four")]}}, hint=ASKED) is Reason.HINT
    assert found({"match_all": {}}, hint=ASKED) is Reason.HINT
