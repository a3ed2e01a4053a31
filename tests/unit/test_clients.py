"""Retrievers of other frameworks, each in its real library: the hits are those of ``search``."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hybrid import Hit, Passage, Profile, create_index, open_index
from hybrid.engines.contract import Index

QUESTION = "red fox"
#: Made-up vectors have no encoder that could encode a question.
OPTIONS: dict[str, Any] = {"mode": "lexical", "filter": {"term": {"meta.year": 2001}}}


@pytest.fixture
def address(tmp_path: Path) -> str:
    address = str(tmp_path / "wiki")
    create_index(address, Profile(pair_id="made-up", fingerprint="0123456789abcdef", dimension=8))
    texts = ("a red fox", "a fox", "red door", "nothing", "fox and fox")
    with open_index(address) as index:
        index.add(
            [
                Passage(f"p{row}", text, title=f"T{row}", meta={"year": 2000 + row % 2, "score": "theirs"})
                for row, text in enumerate(texts * 4)
            ]
        )
    return address


@pytest.fixture
def index(address: str) -> Iterator[Index]:
    with open_index(address) as opened:
        yield opened


def expected(index: Index, k: int) -> list[Hit]:
    hits = list(index.search(QUESTION, k=k, mode="lexical", filter=OPTIONS["filter"]).hits)
    assert len(hits) == k
    return hits


def check_meta(meta: Any, hit: Hit) -> None:
    assert meta == {"year": 2001, "title": hit.title, "score": hit.score, "bm25": hit.bm25, "sim": hit.sim}


def test_langchain(address: str, index: Index) -> None:
    pytest.importorskip("langchain_core")
    from hybrid.clients.langchain import HybridRetriever

    for given in (address, index):
        retriever = HybridRetriever(index=given, k=4, options=OPTIONS)
        for documents in (retriever.invoke(QUESTION), asyncio.run(retriever.ainvoke(QUESTION))):
            for document, hit in zip(documents, expected(index, 4), strict=True):
                assert (document.id, document.page_content) == (hit.id, hit.text)
                check_meta(document.metadata, hit)


def test_langchain_in_a_chain(address: str, index: Index) -> None:
    pytest.importorskip("langchain_core")
    from langchain_core.documents import Document
    from langchain_core.runnables import RunnableLambda

    from hybrid.clients.langchain import HybridRetriever

    def name_all(found: list[Document]) -> list[str | None]:
        return [one.id for one in found]

    chain = HybridRetriever(index=address, k=2, options=OPTIONS) | RunnableLambda(name_all)
    assert chain.invoke(QUESTION) == [hit.id for hit in expected(index, 2)]


def test_llama_index(address: str, index: Index) -> None:
    pytest.importorskip("llama_index.core")
    from hybrid.clients.llama_index import HybridRetriever

    for given in (address, index):
        retriever = HybridRetriever(given, k=4, **OPTIONS)
        for nodes in (retriever.retrieve(QUESTION), asyncio.run(retriever.aretrieve(QUESTION))):
            for node, hit in zip(nodes, expected(index, 4), strict=True):
                assert (node.node_id, node.text, node.score) == (hit.id, hit.text, hit.score)
                check_meta(node.metadata, hit)


def test_haystack(address: str, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAYSTACK_TELEMETRY_ENABLED", "False")
    pytest.importorskip("haystack")
    from haystack import Pipeline

    from hybrid.clients.haystack import HybridRetriever

    pipeline = Pipeline()
    pipeline.add_component("retriever", HybridRetriever(address, options=OPTIONS))
    for one in (pipeline, Pipeline.loads(pipeline.dumps(), allowed_modules=[HybridRetriever.__module__])):
        documents = one.run({"retriever": {"query": QUESTION, "top_k": 4}})["retriever"]["documents"]
        for document, hit in zip(documents, expected(index, 4), strict=True):
            assert (document.id, document.content, document.score) == (hit.id, hit.text, hit.score)
            check_meta(document.meta, hit)
    none = pipeline.run({"retriever": {"query": QUESTION, "filters": {"term": {"meta.year": 1}}}})
    assert none["retriever"]["documents"] == []
