"""``hybrid adopt``: what the new index holds and finds is what the source holds and finds."""

from pathlib import Path
from typing import Any

import pytest

from hybrid import open_index
from hybrid.encoders import load_encoder
from tests import corpora
from tests.corpora import have
from tests.gateway_server import gateway
from tests.integration.adopting import (
    DOCUMENTS,
    OURS,
    check_same,
    count_facets,
    make_document,
    write,
)
from tests.services.discover import Service
from tests.services.processes import wait_until


def words_of(document: dict[str, Any]) -> set[str]:
    """Give the words that were named to be searched."""
    return set(" ".join([document["title"], *document["body"]]).split())


def test_everything_of_the_source_is_kept(adopt: Any, raw: Any, name: str) -> None:
    before = raw.indices.get(index=name)
    told = adopt()
    assert told["source"] == told["passages"] == told["encoded"] == told["created"] == DOCUMENTS
    assert told["pending"] == told["failed"] == told["removed"] == 0
    check_same(raw, name)
    assert raw.indices.get(index=name) == before
    (old,), (new,) = before.values(), raw.indices.get(index=f"{name}-new").values()
    for field, mapping in old["mappings"]["properties"].items():
        kept = {
            option: value for option, value in new["mappings"]["properties"][field].items() if option != "copy_to"
        }
        assert kept == {option: value for option, value in mapping.items() if option != "copy_to"}
    assert new["mappings"]["_meta"]["team"] == "shop"
    assert new["mappings"]["dynamic"] == "false"
    assert new["settings"]["index"]["analysis"] == old["settings"]["index"]["analysis"]
    # The team's own queries score as they did.
    query = {
        "query": {"multi_match": {"query": "moon tide", "fields": ["title", "body^2", "everything"]}},
        "size": 50,
    }
    scores = [
        {hit["_id"]: hit["_score"] for hit in raw.search(index=index, body=query)["hits"]["hits"]}
        for index in (name, f"{name}-new")
    ]
    assert scores[0] == scores[1]


def test_the_new_index_is_searched_like_any_other(adopt: Any, name: str, opensearch: Service, model: Path) -> None:
    adopt()
    encoder = load_encoder(str(model), scale=20.0)
    question = "the moon pulls the tide"
    with open_index(f"{opensearch.url}/{name}-new") as index:
        hits = index.search(question, k=DOCUMENTS).hits
        assert index.status().encoded == DOCUMENTS
        assert {hit.id for hit in index.search(question, filter={"term": {"brand": "acme"}}, k=5).hits} <= {
            f"d{number}" for number in range(0, DOCUMENTS, 2)
        }
        found = index.fetch(["d7"])["d7"]
    source = make_document(7)
    assert (found.title, found.text) == (source["title"], " ".join(source["body"]))
    assert found.meta["stock"] == source["stock"]
    assert found.meta["text"] == source["text"]
    assert not OURS & set(found.meta)
    vector = encoder.encode_questions([question])[0]
    for hit in hits[:20]:
        document = make_document(int(hit.id[1:]))
        pair = (document["title"], " ".join(document["body"]))
        assert (hit.title, hit.text) == pair
        assert hit.sim == pytest.approx(float(encoder.encode_passages([pair])[0] @ vector), abs=1e-3)
        assert hit.sim is not None
        assert hit.score == pytest.approx(hit.bm25 + 1.1 * hit.sim, abs=1e-4)
    matching = {hit.id for hit in hits if hit.bm25 > 0}
    texts = {f"d{number}": make_document(number) for number in range(DOCUMENTS)}
    assert matching == {key for key, one in texts.items() if {"moon", "tide"} & words_of(one)}


def test_vectors_may_come_later(adopt: Any, raw: Any, name: str) -> None:
    """With --queue documents wait for workers; whoever encodes finds them."""
    told = adopt("--queue")
    assert (told["passages"], told["pending"], told["encoded"]) == (DOCUMENTS, DOCUMENTS, 0)
    assert count_facets(raw, f"{name}-new") == count_facets(raw, name)
    told = adopt()
    assert (told["created"], told["updated"], told["pending"], told["encoded"]) == (0, 0, 0, DOCUMENTS)
    check_same(raw, name)


def test_a_page_sees_through_the_gateway_what_it_saw(
    adopt: Any, raw: Any, name: str, opensearch: Service, tmp_path: Path
) -> None:
    """Facets, pages, filters, highlights and whole documents: those of the source, under the source's name."""
    adopt()
    facets = {"brand": {"terms": {"field": "brand"}}, "price": {"stats": {"field": "price"}}}
    query = {"bool": {"must": [{"match": {"title": "tide"}}], "filter": [{"term": {"stock.place": "north"}}]}}
    body = {
        "query": query,
        "aggs": facets,
        "highlight": {"fields": {"title": {}}},
        "size": 30,
        "track_total_hits": True,
    }
    wanted = raw.search(index=name, body=body)

    def seen(hits: Any) -> Any:
        return {hit["_id"]: (hit["_source"], hit["highlight"]) for hit in hits["hits"]}

    with gateway(
        tmp_path, opensearch.url, "--name", f"{name}={name}-new", "--mode", f"{name}=shadow", ready=False
    ) as served:
        wait_until(
            lambda: served.search(name, {"size": 0}).status == 200,
            ended=lambda: False,
            evidence=lambda: "",
            what="the gateway",
        )
        found = served.search(name, body).json
    assert seen(found["hits"]) == seen(wanted["hits"])
    assert found["aggregations"] == wanted["aggregations"]
    assert found["hits"]["total"] == wanted["hits"]["total"]


@pytest.mark.slow
@pytest.mark.skipif(not have("vaswani"), reason="the set of Vaswani is not there")
def test_the_vaswani_set(adopt: Any, raw: Any, name: str, opensearch: Service) -> None:
    """11,429 abstracts: all of them are there, and BM25 over ``contents`` finds what the source's own field finds."""
    raw.indices.delete(index=name)
    raw.indices.create(
        index=name,
        body={
            "settings": {"number_of_replicas": 0, "similarity": {"default": {"type": "BM25", "k1": 0.9, "b": 0.4}}},
            "mappings": {
                "properties": {
                    "title": {"type": "text"},
                    "body": {"type": "text", "analyzer": "english"},
                    "kind": {"type": "keyword"},
                }
            },
        },
    )
    texts = corpora.vaswani().passages
    documents = {f"d{row}": {"title": "", "body": text, "kind": text[:1]} for row, text in enumerate(texts)}
    for start in range(0, len(texts), 1000):
        write(raw, name, dict(list(documents.items())[start : start + 1000]))
    told = adopt()
    assert told["source"] == told["encoded"] == told["created"] == len(texts) == 11_429
    facet = {"size": 0, "track_total_hits": True, "aggs": {"kind": {"terms": {"field": "kind", "size": 100}}}}
    old, new = (raw.search(index=index, body=facet) for index in (name, f"{name}-new"))
    assert old["aggregations"] == new["aggregations"]
    question = "measurement of dielectric constant of liquids by the use of microwave techniques"
    match = {"query": {"match": {"body": question}}, "size": 20}
    wanted = {hit["_id"]: hit["_score"] for hit in raw.search(index=name, body=match)["hits"]["hits"]}
    with open_index(f"{opensearch.url}/{name}-new") as index:
        hits = index.search(question, mode="lexical", k=20).hits
    assert {hit.id: hit.bm25 for hit in hits} == pytest.approx(wanted, abs=1e-4)


def test_a_document_that_is_too_long_is_counted(adopt: Any, raw: Any, name: str) -> None:
    write(
        raw,
        name,
        {"d0": {**make_document(0), "body": "moon " * 500}, "d1": {**make_document(1), "body": "tide " * 90}},
    )
    assert adopt()["truncated"] == 2
    assert adopt()["truncated"] == 2
