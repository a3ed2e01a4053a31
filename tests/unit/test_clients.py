"""Retrievers of other frameworks, each in its real library: the hits are those of ``search``."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hybrid import Hit, Passage, Profile, create_index, open_index
from hybrid.address import LocalAddress, parse_address
from hybrid.engines.contract import Index
from hybrid.errors import UsageError
from hybrid.settings import Settings
from tests.messages import assert_one_clear_line

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


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"search_kwargs": {"k": 2}}, "no field 'search_kwargs'"),
        ({"top_k": 2}, "no field 'top_k'"),
        ({"lam": 0.0}, "no field 'lam'; .* options="),
        ({"options": {"lamda": 0.0}}, "'lamda' is no option of a search"),
        ({"options": {"k": 2}}, "'k' is no option .* k outside of options"),
    ],
)
def test_langchain_is_told_of_a_name_that_is_none(wrong: dict[str, Any], told: str, address: str) -> None:
    pytest.importorskip("langchain_core")
    from hybrid.clients.langchain import HybridRetriever

    with pytest.raises(UsageError, match=told) as raised:
        HybridRetriever(index=address, **wrong)
    assert_one_clear_line(raised.value)


def test_langchain_takes_options_in_a_call(address: str, index: Index) -> None:
    pytest.importorskip("langchain_core")
    from hybrid.clients.langchain import HybridRetriever

    retriever = HybridRetriever(index=address, k=4, options={"mode": "lexical"})
    more: dict[str, Any] = {"k": 2, "filter": OPTIONS["filter"]}
    for found in (retriever.invoke(QUESTION, **more), asyncio.run(retriever.ainvoke(QUESTION, **more))):
        assert [one.id for one in found] == [hit.id for hit in expected(index, 2)]
    assert len(retriever.invoke(QUESTION, verbose=True)) == 4
    for ask in (retriever.invoke, lambda *said, **more: asyncio.run(retriever.ainvoke(*said, **more))):
        with pytest.raises(UsageError, match="'top_k' is no option of a search"):
            ask(QUESTION, top_k=2)


def test_llama_index_is_told_of_a_name_that_is_none(address: str) -> None:
    pytest.importorskip("llama_index.core")
    from hybrid.clients.llama_index import HybridRetriever

    with pytest.raises(UsageError, match=r"'similarity_top_k' is no option of a search; .* and k") as raised:
        HybridRetriever(address, similarity_top_k=2)
    assert_one_clear_line(raised.value)


def test_haystack_is_told_of_a_name_that_is_none_and_of_no_hits(address: str) -> None:
    pytest.importorskip("haystack")
    from hybrid.clients.haystack import HybridRetriever

    with pytest.raises(UsageError, match=r"'k' is no option of a search; .* and top_k") as raised:
        HybridRetriever(address, options={"k": 2})
    assert_one_clear_line(raised.value)
    with pytest.raises(UsageError, match="k is 0"):
        HybridRetriever(address, options=OPTIONS).run(QUESTION, top_k=0)


def test_a_path_names_a_folder(address: str, index: Index) -> None:
    pytest.importorskip("langchain_core")
    pytest.importorskip("llama_index.core")
    pytest.importorskip("haystack")
    from hybrid.clients import haystack, langchain, llama_index

    path, wanted = Path(address), [hit.id for hit in expected(index, 2)]
    documents = langchain.HybridRetriever(index=path, k=2, options=OPTIONS).invoke(QUESTION)
    assert [one.id for one in documents] == wanted
    nodes = llama_index.HybridRetriever(path, k=2, **OPTIONS).retrieve(QUESTION)
    assert [one.node_id for one in nodes] == wanted
    component = haystack.HybridRetriever(path, top_k=2, options=OPTIONS)
    assert [one.id for one in component.run(QUESTION)["documents"]] == wanted


def test_haystack_saves_a_path_as_text_that_still_names_a_folder() -> None:
    pytest.importorskip("haystack")
    from hybrid.clients.haystack import HybridRetriever

    for path in (Path("/wiki"), Path("wiki"), Path("os:wiki")):
        saved = HybridRetriever(path).to_dict()["init_parameters"]["index"]
        assert type(saved) is str
        found = parse_address(HybridRetriever(saved).index, Settings())
        assert found == LocalAddress(path)
