"""``hybrid adopt``: documents keep their values to the last digit, or are named."""

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hybrid import open_index
from hybrid.engines.opensearch import reads
from hybrid.engines.opensearch.adopt import open_origin, remove_gone
from hybrid.engines.opensearch.calls import Answer, Conversation
from hybrid.engines.opensearch.client import Client
from hybrid.engines.opensearch.lifecycle import open_target
from tests.commands import Said, Say
from tests.integration.adopting import read_all, write
from tests.services.discover import Service
from tests.services.http_server import Request, forward

#: Numbers that come out otherwise where they are read as a program's own.
NUMBERS = ("1.10", "123456789012345678901234567890", "18446744073709551616", "1E-7", "-0", "-0.0", "0.1000", "7")
Adopt = Callable[..., Said]


@pytest.fixture
def name(raw: Any) -> Iterator[str]:
    """Give the name of an index that does not map all that its documents hold."""
    name = f"values-{secrets.token_hex(6)}"
    properties = {"body": {"type": "text"}, "price": {"type": "keyword"}, "weight": {"type": "double"}}
    mapping = {"dynamic": "false", "properties": properties}
    raw.indices.create(index=name, body={"settings": {"number_of_replicas": 0}, "mappings": mapping})
    yield name
    raw.indices.delete(index=f"{name}*")


@pytest.fixture
def adopt(hybrid: Say, opensearch: Service, name: str, model: Path) -> Adopt:
    """Give a function that adopts the index."""
    places = f"{opensearch.url}/{name}", f"{opensearch.url}/{name}-new"
    options = ("--text", "body", "--encoder", model, "--scale", "20", "--replicas", "0", "--json")
    return lambda *more: hybrid("adopt", *places, *options, *more)


def put(node: str, name: str, key: str, body: str) -> None:
    """Write a document as it is written here, digit by digit."""
    request = Request(
        "PUT", f"/{name}/_doc/{key}?refresh=true", (("content-type", "application/json"),), body.encode()
    )
    assert forward(node, request).status == 201


def read_text(node: str, name: str, key: str) -> str:
    """Give a document as the cluster writes it."""
    return forward(node, Request("GET", f"/{name}/_source/{key}", (), b"")).body.decode()


def test_numbers_keep_their_digits(adopt: Adopt, raw: Any, name: str, opensearch: Service) -> None:
    prices = {f"d{row}": number for row, number in enumerate(NUMBERS)}
    bodies = {key: f'"price":{one},"weight":{one},"other":{{"deep":[{one}]}}' for key, one in prices.items()}
    for key, body in bodies.items():
        put(opensearch.url, name, key, f'{{"body":"the moon",{body}}}')
    told = adopt()
    assert (told.code, told.json["encoded"]) == (0, len(NUMBERS))
    for key, body in bodies.items():
        assert body in read_text(opensearch.url, f"{name}-new", key)
        query = {"query": {"term": {"price": prices[key]}}, "_source": False}
        found = [raw.search(index=index, body=query)["hits"]["hits"] for index in (name, f"{name}-new")]
        assert [[hit["_id"] for hit in hits] for hits in found] == [[key], [key]]
    adopt()
    assert bodies["d0"] in read_text(opensearch.url, f"{name}-new", "d0")


@pytest.mark.parametrize("field", ["pending", "text_hash", "contents", "vec_mine", "encode_error.reason", "id.old"])
def test_a_document_with_an_unmapped_field_of_our_name_is_named_and_the_others_are_copied(
    adopt: Adopt, raw: Any, name: str, opensearch: Service, field: str
) -> None:
    write(raw, name, {"red": {"body": "red fox", field: "zebra"}, "blue": {"body": "blue fox", "id": "blue"}})
    for _ in range(2):
        told = adopt()
        assert (told.code, told.json["passages"], told.json["encoded"]) == (3, 1, 1)
        (refused,) = told.json["refused"]
        assert (refused["id"], f"a field {field}, a name that hybrid needs" in refused["reason"]) == ("red", True)
    assert read_all(raw, f"{name}-new").keys() == {"blue"}
    with open_index(f"{opensearch.url}/{name}-new") as index:
        assert not index.search("zebra", mode="lexical").hits
    write(raw, name, {"red": {"body": "red fox", "animal": "zebra"}})
    told = adopt()
    assert (told.code, told.json["refused"], told.json["passages"]) == (0, [], 2)


@pytest.mark.parametrize("value", [r'"half a \ud800 letter"', "1E400"])
def test_a_document_that_no_search_could_give_back_is_named(
    adopt: Adopt, raw: Any, name: str, opensearch: Service, value: str
) -> None:
    put(opensearch.url, name, "odd", f'{{"body":"the moon","other":{value}}}')
    write(raw, name, {"even": {"body": "the moon"}})
    told = adopt()
    assert (told.code, [one["id"] for one in told.json["refused"]]) == (3, ["odd"])
    assert "change it in the source" in told.json["refused"][0]["reason"]
    with open_index(f"{opensearch.url}/{name}-new") as index:
        assert [hit.id for hit in index.search("moon").hits] == ["even"]


def listen(conversation: Conversation[Any], client: Client, answers: list[str]) -> Any:
    """Carry a conversation out, and note what is answered."""

    def go_on() -> Conversation[Any]:
        try:
            step = next(conversation)
            while True:
                answer: Answer = yield step
                answers.append(json.dumps(answer.body))
                step = conversation.send(answer)
        except StopIteration as stop:
            return stop.value

    return client.run(go_on())


def test_no_document_travels_to_be_looked_for(adopt: Adopt, raw: Any, name: str, client: Client) -> None:
    write(raw, name, {"red": {"body": "red fox"}, "blue": {"body": "blue fox"}})
    assert adopt().code == 0
    write(raw, name, {"red": None})
    origin, target = client.run(open_origin(name)), client.run(open_target(f"{name}-new"))
    snapshot, answers = client.run(reads.open_snapshot(target)), list[str]()
    assert listen(remove_gone(origin, target, snapshot, None), client, answers) == (1, None)
    client.run(reads.close_snapshot(snapshot))
    assert len(answers) == 3
    assert not any("_source" in answer for answer in answers)
