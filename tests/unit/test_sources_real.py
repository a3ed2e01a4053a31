"""The real sets are read whole, without one reject."""

from typing import Any

import pytest

from ingest.documents import Document
from ingest.sources import read_sources
from ingest.splitter import split
from tests import corpora


def read(name: str, **options: Any) -> list[Document]:
    if not corpora.have(name):
        pytest.skip(f"{name} is not there")
    contents = [row.content for row in read_sources([str(corpora.DATA / name)], **options)]
    documents = [content for content in contents if isinstance(content, Document)]
    assert len(documents) == len(contents)
    assert len({document.id for document in documents}) == len(documents)
    for document in documents:
        words = [word for passage in split(document) for word in passage.text.split()]
        assert words == document.text.split()
    return documents


@pytest.mark.parametrize(("name", "count"), [("xquad.en.json", 240), ("policyqa-dev.json", 574)])
def test_squad_like_sets(name: str, count: int) -> None:
    documents = read(name)
    corpus = corpora.squad_json(name)
    assert len(documents) == count
    assert tuple(document.text for document in documents) == corpus.passages
    assert tuple(document.title for document in documents) == corpus.titles


def test_vaswani() -> None:
    documents = read("vaswani/doc-text.trec")
    assert len(documents) == 11_429
    assert [document.id for document in documents] == [str(number) for number in range(1, 11_430)]
    assert tuple(" ".join(document.text.split()) for document in documents) == corpora.vaswani().passages


def test_squad_sentences_as_lines() -> None:
    documents = read("squad-sentences/passages.txt", format="lines")
    assert len(documents) == 10_570
    assert tuple(dict.fromkeys(document.text for document in documents)) == corpora.squad_sentences().passages
