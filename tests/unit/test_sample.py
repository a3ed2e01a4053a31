"""The sample that ships with the package: its sizes, its metadata, and answers that stand where they should."""

import json
from collections import Counter
from typing import get_args

import pytest

from hybrid.passages import Passage
from hybrid.sample import SHOWCASE, Kind, articles_path, questions
from ingest.documents import Document
from ingest.sources import read_sources
from ingest.splitter import WORDS, split

TOPICS = {"animals", "arts", "computing", "engineering", "exploration", "food"}
TOPICS |= {"games", "medicine", "nature", "science", "society", "space"}
REGIONS = {"Africa", "Antarctica", "Arctic", "Asia", "Europe", "North America", "Oceania", "Pacific"}
#: A last passage with fewer words would hold hardly a fact.
SHORTEST = 30

ROWS = [json.loads(line) for line in articles_path().read_text("utf-8").splitlines()]
QUESTIONS = questions()


@pytest.fixture(scope="module")
def articles() -> dict[str, Document]:
    """Read the articles as ``hybrid ingest`` does."""
    documents = [row.content for row in read_sources([str(articles_path())])]
    assert all(isinstance(document, Document) for document in documents)
    return {document.id: document for document in documents if isinstance(document, Document)}


@pytest.fixture(scope="module")
def passages(articles: dict[str, Document]) -> dict[str, list[Passage]]:
    return {name: split(document) for name, document in articles.items()}


def test_every_row_is_an_article_of_its_own(articles: dict[str, Document]) -> None:
    assert len(ROWS) == len(articles) >= 62
    for distinct in ("title", "text"):
        assert len({row[distinct] for row in ROWS}) == len(ROWS)


def test_articles_are_short_and_without_layout() -> None:
    lengths = {row["id"]: len(row["text"].split()) for row in ROWS}
    assert {name: length for name, length in lengths.items() if not 160 <= length <= 330} == {}
    assert [row["id"] for row in ROWS if row["text"] != " ".join(row["text"].split())] == []


def test_passages_are_many_and_none_is_a_scrap(passages: dict[str, list[Passage]]) -> None:
    lengths = [len(passage.text.split()) for cut in passages.values() for passage in cut]
    assert len(lengths) >= 130
    assert SHORTEST <= min(lengths) <= max(lengths) == WORDS


def test_metadata_has_the_same_type_everywhere() -> None:
    assert {key for row in ROWS for key in row} == {"id", "title", "text", "topic", "year", "region"}
    kinds = {(key, type(value)) for row in ROWS for key, value in row.items()}
    assert kinds == {(key, int if key == "year" else str) for key, _ in kinds}


def test_metadata_is_fit_for_filters() -> None:
    topics = Counter(row["topic"] for row in ROWS)
    assert set(topics) == TOPICS
    assert min(topics.values()) > 1
    assert {row["region"] for row in ROWS if "region" in row} == REGIONS
    for optional in ("year", "region"):
        assert 20 <= sum(optional in row for row in ROWS) < len(ROWS)
    assert all(0 < row["year"] < 2100 for row in ROWS if "year" in row)


def test_questions_are_many_and_of_every_kind() -> None:
    counts = Counter(question.kind for question in QUESTIONS)
    assert set(counts) == set(get_args(Kind))
    assert counts["rare"] >= 30
    assert counts["paraphrase"] >= 35
    assert counts.total() == len({question.question for question in QUESTIONS}) >= 100


def test_every_article_is_asked_about(articles: dict[str, Document]) -> None:
    assert {question.article for question in QUESTIONS} == set(articles)


def test_every_answer_stands_in_one_passage(passages: dict[str, list[Passage]]) -> None:
    assert all(question.answers and all(question.answers) for question in QUESTIONS)
    astray = [
        (question.question, answer)
        for question in QUESTIONS
        for answer in question.answers
        if not any(answer in passage.text for passage in passages[question.article])
    ]
    assert astray == []


def test_paraphrases_do_not_name_their_article() -> None:
    titles = {row["id"]: row["title"].lower() for row in ROWS}
    paraphrases = [question for question in QUESTIONS if question.kind == "paraphrase"]
    assert [one.question for one in paraphrases if titles[one.article] in one.question.lower()] == []


def test_showcase_is_part_of_the_questions() -> None:
    assert len(set(SHOWCASE)) == 6
    assert set(SHOWCASE) <= {question.question for question in QUESTIONS}
