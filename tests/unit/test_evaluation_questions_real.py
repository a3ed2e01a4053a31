"""Real sets of questions, read whole: they join what is ingested and what is judged."""

from typing import Any

import pytest

from hybrid.evaluation.questions import QuestionSet
from hybrid.evaluation.sources import read_questions
from ingest.documents import Document
from ingest.sources import read_sources
from tests import corpora


def real(name: str, **options: Any) -> QuestionSet:
    if not corpora.have(name):
        pytest.skip(f"{name} is not there")
    return read_questions(corpora.DATA / name, **options)


@pytest.mark.parametrize("name", ["xquad.en.json", "policyqa-dev.json"])
def test_squad_like_sets_belong_to_their_ingested_paragraphs(name: str) -> None:
    found = real(name)
    documents = {
        row.content.id: row.content.text
        for row in read_sources([str(corpora.DATA / name)])
        if isinstance(row.content, Document)
    }
    corpus = corpora.squad_json(name)
    assert found.format == "squad"
    assert [one.text for one in found.questions] == [question.strip() for question in corpus.questions]
    gold = [documents[document_id] for one in found.questions for document_id in one.relevant]
    assert gold == [corpus.passages[place] for place in corpus.gold]
    assert all(answer in text for one, text in zip(found.questions, gold, strict=True) for answer in one.answers)


def test_squad_sentences_belong_to_their_ingested_lines() -> None:
    found = real("squad-sentences")
    rows = read_sources([str(corpora.DATA / "squad-sentences" / "passages.txt")], format="lines")
    lines = {row.content.id: row.content.text for row in rows if isinstance(row.content, Document)}
    corpus = corpora.squad_sentences()
    assert [one.text for one in found.questions] == [question.strip() for question in corpus.questions]
    for number, one in enumerate(found.questions):
        assert {lines[line] for line in one.relevant} == {corpus.passages[corpus.gold[number]]}
    assert sum(len(one.relevant) for one in {id(one.relevant): one for one in found.questions}.values()) == 10_570


def test_vaswani_joins_topics_and_judgements() -> None:
    found = real("vaswani")
    assert (found.format, len(found.questions), found.unjudged, found.unasked) == ("trec", 93, (), ())
    assert sum(len(one.relevant) for one in found.questions) == 2083
    assert found == real("vaswani/query-text.trec", qrels=corpora.DATA / "vaswani" / "qrels")


def test_nq_open_has_answers() -> None:
    found = real("nq-open.dev.jsonl")
    assert (found.format, len(found.questions)) == ("jsonl", 3610)
    assert found.questions[0].answers == ("14 December 1972 UTC", "December 1972")
