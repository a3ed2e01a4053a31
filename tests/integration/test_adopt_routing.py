"""``hybrid adopt`` of documents with a routing of their own: they stay where it puts them, and are found."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hybrid import open_index
from hybrid.engines.opensearch.calls import Answer, Call, Conversation, Pause
from hybrid.engines.opensearch.client import Client
from hybrid.engines.opensearch.fill import read_wanted
from hybrid.engines.opensearch.lifecycle import open_target
from hybrid.engines.opensearch.reads import read_stored
from hybrid.settings import Settings
from tests.commands import Say, one_line
from tests.integration.adopting import make_adopter
from tests.services.discover import Service

DOCUMENTS = 80
OWNERS = ("ann", "bob", "cem", "dot")
Document = dict[str, Any]


def owner_of(number: int) -> str | None:
    """Give the routing of a document; every fifth has none."""
    return None if number % 5 == 0 else OWNERS[number % 4]


def write(raw: Any, name: str, documents: dict[tuple[str, str | None], Document | None]) -> None:
    """Write documents by id and routing, and remove those that are None."""
    lines: list[Document] = []
    for (key, routing), document in documents.items():
        place = {"_id": key} | ({} if routing is None else {"routing": routing})
        lines += [{"delete": place}] if document is None else [{"index": place}, document]
    answer = raw.bulk(body=lines, index=name, refresh=True)
    assert not answer["errors"], answer


def make_note(number: int, word: str = "moon") -> Document:
    return {"body": f"the {word} of note {number}", "kind": f"k{number % 3}"}


def read_places(raw: Any, name: str) -> dict[tuple[str, str | None], Document]:
    """Give every document by its id and routing, without what hybrid adds."""
    raw.indices.refresh(index=name)
    hits = raw.search(index=name, body={"size": 1000})["hits"]["hits"]
    kept = {(hit["_id"], hit.get("_routing")): hit["_source"] for hit in hits}
    assert len(kept) == len(hits)
    return {place: {field: source[field] for field in ("body", "kind")} for place, source in kept.items()}


@pytest.fixture(params=[False, True], ids=["optional", "required"])
def name(raw: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the name of an index whose documents have routings, some of them or all."""
    name = f"routed-{secrets.token_hex(6)}"
    mapping: Document = {"properties": {"body": {"type": "text"}, "kind": {"type": "keyword"}}}
    if request.param:
        mapping["_routing"] = {"required": True}
    raw.indices.create(
        index=name, body={"settings": {"number_of_shards": 3, "number_of_replicas": 0}, "mappings": mapping}
    )
    routings = {number: owner_of(number) or ("all" if request.param else None) for number in range(DOCUMENTS)}
    write(raw, name, {(f"d{number}", routings[number]): make_note(number) for number in range(DOCUMENTS)})
    yield name
    raw.indices.delete(index=f"{name}*")


@pytest.fixture
def adopt(hybrid: Say, opensearch: Service, name: str, model: Path) -> Callable[..., Any]:
    """Give a function that adopts the index, and gives what was said."""
    return make_adopter(hybrid, opensearch.url, name, "body", model)


def test_documents_stay_where_their_routing_puts_them(adopt: Any, raw: Any, name: str, opensearch: Service) -> None:
    told = adopt()
    assert told["source"] == told["passages"] == told["encoded"] == told["created"] == DOCUMENTS
    assert read_places(raw, f"{name}-new") == read_places(raw, name)
    # A page that asks one shard sees what it saw.
    for owner in OWNERS:
        body = {"query": {"match_all": {}}, "size": 1000}
        seen = [
            {hit["_id"] for hit in raw.search(index=index, body=body, routing=owner)["hits"]["hits"]}
            for index in (name, f"{name}-new")
        ]
        assert seen[0] == seen[1] != set()
    with open_index(f"{opensearch.url}/{name}-new") as index:
        hits = index.search("moon", k=DOCUMENTS, dense="exact").hits
        assert len(hits) == DOCUMENTS
        assert all(hit.sim is not None and hit.bm25 > 0 for hit in hits)
        assert index.fetch(["d1", "d2"])["d1"].text == make_note(1)["body"]


def test_what_changed_is_carried_over(adopt: Any, raw: Any, name: str) -> None:
    adopt()
    moved, gone, edited = ("d1", owner_of(1)), ("d2", owner_of(2)), ("d3", owner_of(3))
    write(raw, name, {moved: None, gone: None, edited: make_note(3, "tide"), ("d1", "dot"): make_note(1)})
    told = adopt()
    assert (told["created"], told["updated"], told["removed"]) == (1, 1, 2)
    assert read_places(raw, f"{name}-new") == read_places(raw, name)
    told = adopt()
    assert (told["created"], told["updated"], told["removed"]) == (0, 0, 0)


def test_vectors_may_come_later(adopt: Any, raw: Any, name: str) -> None:
    assert adopt("--queue")["pending"] == DOCUMENTS
    told = adopt()
    assert (told["pending"], told["encoded"], told["updated"]) == (0, DOCUMENTS, 0)
    assert read_places(raw, f"{name}-new") == read_places(raw, name)


def test_an_id_that_is_there_twice_is_refused(
    raw: Any, name: str, hybrid: Say, opensearch: Service, model: Path
) -> None:
    shards = {routing: raw.search_shards(index=name, routing=routing)["shards"][0][0]["shard"] for routing in OWNERS}
    other = next(routing for routing in OWNERS if shards[routing] != shards[owner_of(7) or ""])
    write(raw, name, {("d7", other): make_note(7)})
    new = f"{opensearch.url}/{name}-new"
    said = hybrid("adopt", f"{opensearch.url}/{name}", new, "--text", "body", "--encoder", model, "--scale", "20")
    assert said.code == 1
    assert "has two documents d7, with different routings" in one_line(said)


def overhear(conversation: Conversation[Any], calls: list[str]) -> Conversation[Any]:
    """Go on with a conversation, and note what it asks."""
    try:
        step: Call | Pause = next(conversation)
        while True:
            calls += [f"{step.method} {step.path}"] if isinstance(step, Call) else []
            answer: Answer = yield step
            step = conversation.send(answer)
    except StopIteration as stop:
        return stop.value


def test_a_worker_finds_what_no_search_finds_yet(adopt: Any, raw: Any, name: str, opensearch: Service) -> None:
    """New, edited, moved and removed since the last refresh; by searches alone, no point in time."""
    adopt("--queue")
    new = f"{name}-new"
    raw.indices.put_settings(index=new, body={"refresh_interval": "-1"})
    added, edited, moved, gone = ("new", "ann"), ("d3", owner_of(3)), ("d1", owner_of(1)), ("d2", owner_of(2))
    lines: list[Document] = []
    for (key, routing), word in {added: "added", edited: "edited", ("d1", "dot"): "moved"}.items():
        lines += [{"index": {"_id": key, "routing": routing}}, {**make_note(3, word), "id": key}]
    lines += [{"delete": {"_id": key, "routing": routing}} for key, routing in (moved, gone)]
    assert not raw.bulk(body=lines, index=new, refresh=False)["errors"]
    client, calls = Client(opensearch.url, Settings()), list[str]()
    target = client.run(open_target(new))
    ids = ["new", "d1", "d2", "d3", "d4", "never"]
    found = client.run(overhear(read_wanted(target, ids), calls))
    client.close()
    assert {one.id: (one.source["text"].split()[1], one.routing) for one in found} == {
        "new": ("added", "ann"),
        "d1": ("moved", "dot"),
        "d3": ("edited", owner_of(3)),
        "d4": ("moon", owner_of(4)),
    }
    assert len(found) == 4
    assert not [one for one in calls if "point_in_time" in one]


def test_whoever_only_reads_finds_documents_by_searches_alone(adopt: Any, name: str, opensearch: Service) -> None:
    adopt("--queue")
    client, calls = Client(opensearch.url, Settings()), list[str]()
    target = client.run(open_target(f"{name}-new"))
    found = client.run(overhear(read_stored(target, ["d1", "d5", "never"], ["text"]), calls))
    client.close()
    assert {one.id: one.source["text"] for one in found} == {f"d{n}": make_note(n)["body"] for n in (1, 5)}
    assert {one.rpartition("/")[2] for one in calls} == {"_mget", "_search"}
