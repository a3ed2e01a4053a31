"""``hybrid adopt``: nothing of the source is lost or changed, whatever happens meanwhile; and the way back."""

import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hybrid import open_index
from hybrid.encoders import load_encoder
from tests import corpora
from tests.commands import Say, one_line
from tests.corpora import have
from tests.gateway_server import gateway
from tests.integration.adopting import Job, count_facets, create_shop, make_adopter, make_document, read_all, write
from tests.services.discover import Service
from tests.services.processes import wait_until

DOCUMENTS = 300
OURS = {"id", "content_hash", "text_hash", "encoded_hash", "pending", "encode_error"}


@pytest.fixture
def name(raw: Any) -> Iterator[str]:
    """Give the name of a shop's index; what is made of it is dropped with it."""
    name = f"shop-{secrets.token_hex(6)}"
    create_shop(raw, name, DOCUMENTS)
    yield name
    raw.indices.delete(index=f"{name}*")


@pytest.fixture
def adopt(hybrid: Say, opensearch: Service, name: str, model: Path) -> Callable[..., Any]:
    """Give a function that adopts the shop, and gives what was said."""
    return make_adopter(hybrid, opensearch.url, name, "title,body", model)


def words_of(document: dict[str, Any]) -> set[str]:
    """Give the words that were named to be searched."""
    return set(" ".join([document["title"], *document["body"]]).split())


def check_same(raw: Any, name: str) -> None:
    """Fail unless the new index holds what the source holds, field by field and facet by facet."""
    source, new = read_all(raw, name), read_all(raw, f"{name}-new")
    assert set(new) == set(source)
    for key, document in source.items():
        left = {field: value for field, value in new[key].items() if field not in OURS and field[:4] != "vec_"}
        assert {**left, "id": new[key]["id"]} == document
        assert new[key]["pending"] is False
    assert count_facets(raw, f"{name}-new") == count_facets(raw, name)


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


def test_a_second_pass_carries_over_what_changed_and_nothing_else(adopt: Any, raw: Any, name: str) -> None:
    adopt()
    vectors = read_all(raw, f"{name}-new")
    changes: dict[str, Any] = {f"d{number}": make_document(number, 1) for number in range(10)}  # prices
    changes |= {f"d{number}": make_document(number, 3) for number in range(10, 15)}  # texts
    changes |= {f"d{number}": None for number in range(20, 27)}
    changes |= {f"d{number}": make_document(number) for number in range(1000, 1004)}
    write(raw, name, changes)
    told = adopt()
    assert (told["created"], told["updated"], told["removed"]) == (4, 15, 7)
    assert told["encoded"] == told["passages"] == DOCUMENTS - 3
    check_same(raw, name)
    now = read_all(raw, f"{name}-new")
    (field,) = (name for name in now["d0"] if name.startswith("vec_"))
    assert all(now[f"d{number}"][field] == vectors[f"d{number}"][field] for number in range(10))
    assert all(now[f"d{number}"][field] != vectors[f"d{number}"][field] for number in range(10, 15))
    told = adopt()
    assert (told["created"], told["updated"], told["removed"]) == (0, 0, 0)


def test_vectors_may_come_later(adopt: Any, raw: Any, name: str) -> None:
    """With --queue documents wait for workers; whoever encodes finds them."""
    told = adopt("--queue")
    assert (told["passages"], told["pending"], told["encoded"]) == (DOCUMENTS, DOCUMENTS, 0)
    assert count_facets(raw, f"{name}-new") == count_facets(raw, name)
    told = adopt()
    assert (told["created"], told["updated"], told["pending"], told["encoded"]) == (0, 0, 0, DOCUMENTS)
    check_same(raw, name)


def test_writes_go_on_meanwhile_and_nothing_is_lost(adopt: Any, raw: Any, name: str) -> None:
    stop, rounds = threading.Event(), [0]

    def keep_writing() -> None:
        while not stop.is_set():
            rounds[0] += 1
            version = rounds[0]
            some = {
                f"d{(version * 13 + n) % DOCUMENTS}": make_document((version * 13 + n) % DOCUMENTS, version)
                for n in range(9)
            }
            some |= {f"d{5000 + version}": make_document(5000 + version)}
            gone = {f"d{5000 + version - 5}": None} if version > 5 and version % 2 else {}
            write(raw, name, {**some, **gone})

    writers = [threading.Thread(target=keep_writing) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        adopt()
        adopt()
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert rounds[0] > 10
    adopt()
    check_same(raw, name)


@pytest.mark.slow
def test_killed_at_ten_moments_and_resumed(
    adopt: Any, raw: Any, name: str, opensearch: Service, model: Path, tmp_path: Path
) -> None:
    """Each kill comes a little further on; the last run finishes what is left."""
    new = f"{opensearch.url}/{name}-new"
    options = ("--text", "title,body", "--encoder", str(model), "--scale", "20", "--replicas", "0")
    job = Job((f"{opensearch.url}/{name}", new, *options), tmp_path)

    def passages() -> int:
        if not raw.indices.exists_alias(name=f"{name}-new"):
            return -1
        raw.indices.refresh(index=f"{name}-new")
        return int(raw.count(index=f"{name}-new")["count"])

    def dear(version: int) -> int:
        passages()
        query = {"query": {"range": {"price": {"gte": 3 * version}}}}
        return int(raw.count(index=f"{name}-new", body=query)["count"])

    moments: list[Callable[[], bool]] = [
        lambda: passages() == 0,
        lambda: passages() > 0,
        lambda: passages() == DOCUMENTS,
    ]
    kills = sum(job.kill_when(moment) for moment in moments)
    for version in range(3, 10):
        write(raw, name, {f"d{number}": make_document(number, 3 * version) for number in range(200)})
        kills += job.kill_when(lambda version=version: dear(version) > 0)
    assert kills == 10
    adopt()
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


def test_the_way_back(adopt: Any, raw: Any, name: str, hybrid: Say, opensearch: Service) -> None:
    before = read_all(raw, name)
    adopt()
    back = hybrid("adopt", f"{opensearch.url}/{name}", f"{opensearch.url}/{name}-new", "--back")
    assert back.code == 0
    assert list(raw.indices.get(index=f"{name}*")) == [name]
    assert read_all(raw, name) == before
    again = hybrid("adopt", f"{opensearch.url}/{name}", f"{opensearch.url}/{name}-new", "--back")
    assert "no" in one_line(again)


@pytest.mark.parametrize(
    ("field", "mapping"),
    [
        ("contents", {"type": "text"}),
        ("pending", {"type": "boolean"}),
        ("text_hash", {"type": "keyword"}),
        ("vec_mine", {"type": "keyword"}),
        ("id", {"type": "long"}),
    ],
)
def test_a_field_of_our_name_is_refused_by_name(
    raw: Any, hybrid: Say, opensearch: Service, field: str, mapping: Any
) -> None:
    name = f"odd-{secrets.token_hex(6)}"
    raw.indices.create(index=name, body={"mappings": {"properties": {"title": {"type": "text"}, field: mapping}}})
    said = hybrid("adopt", f"{opensearch.url}/{name}", f"{opensearch.url}/{name}-new", "--text", "title")
    assert f"has a field {field}," in one_line(said)
    assert not raw.indices.exists(index=f"{name}-new")
    raw.indices.delete(index=name)


def test_an_id_field_of_another_meaning_is_refused(
    raw: Any, name: str, hybrid: Say, opensearch: Service, model: Path
) -> None:
    write(raw, name, {"d5": {**make_document(5), "id": "another"}})
    said = hybrid(
        "adopt",
        f"{opensearch.url}/{name}",
        f"{opensearch.url}/{name}-new",
        "--text",
        "title",
        "--encoder",
        model,
        "--scale",
        "20",
    )
    assert said.code == 1
    assert "The field id of document d5 says 'another'" in one_line(said)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("{a}", "{a}-new"), "--text title,body"),
        (("{a}", "{a}-new", "--text", "headline"), "has no field headline; it has body,"),
        (("{a}", "{a}-new", "--text", "price"), "price of"),
        (("{a}", "{a}-new", "--text", "reviews.by"), "nested"),
        (("{a}", "{a}", "--text", "title"), "a name of its own"),
        (("{a}", "./folder", "--text", "title"), "folder"),
        (("{a}-nowhere", "{a}-new", "--text", "title"), "no such index"),
        (("{a}", "http://127.0.0.1:1/other", "--text", "title"), "another cluster"),
    ],
)
def test_mistakes_are_told_in_one_line(
    hybrid: Say, opensearch: Service, name: str, arguments: tuple[str, ...], told: str
) -> None:
    said = hybrid("adopt", *(one.format(a=f"{opensearch.url}/{name}") for one in arguments))
    assert said.code in (1, 2)
    assert told in one_line(said)


def test_what_others_made_is_left_alone(
    adopt: Any, raw: Any, name: str, hybrid: Say, opensearch: Service, model: Path
) -> None:
    raw.indices.create(index=f"{name}-taken")
    options = ("--text", "title", "--encoder", model, "--scale", "20")
    said = hybrid("adopt", f"{opensearch.url}/{name}", f"{opensearch.url}/{name}-taken", *options)
    assert "was not made by hybrid adopt" in one_line(said)
    back = hybrid("adopt", f"{opensearch.url}/{name}", f"{opensearch.url}/{name}-taken", "--back")
    assert "was not made by hybrid adopt" in one_line(back)
    adopt()
    other = hybrid("adopt", f"{opensearch.url}/{name}", f"{opensearch.url}/{name}-new", "--text", "title")
    assert "--text title,body" in one_line(other)
    twice = hybrid("adopt", f"{opensearch.url}/{name}-new", f"{opensearch.url}/{name}-third", "--text", "title")
    assert "is hybrid already" in one_line(twice)
    with open_index(f"{opensearch.url}/{name}-new") as index, pytest.raises(Exception, match="adopted from another"):
        index.add([])
