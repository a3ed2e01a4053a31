"""``hybrid adopt`` of documents that the new index does not take: none is lost, and none keeps others waiting."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hybrid import open_index
from hybrid.cli import reached
from hybrid.isolate import FILL_SIZE
from tests.commands import Said, Say
from tests.integration.adopting import read_all, write
from tests.services.discover import Service

#: More than are encoded in one go, so that something comes after what is refused.
DOCUMENTS = FILL_SIZE + 20
#: Nested objects that the source's own setting allows a document, and words of one that is cut into more.
LIMIT, WORDS = 20, 30
OPTION = "index.mapping.nested_objects.limit"
LONG = {"body": " ".join(f"w{number}" for number in range(WORDS))}
#: A field that the source does not map, of a name that hybrid needs.
ODD = {"body": "the odd one", "content_hash": {"what": 1}}
Adopt = Callable[..., Said]


@pytest.fixture
def name(raw: Any) -> Iterator[str]:
    """Give the name of an index of short documents."""
    name = f"refused-{secrets.token_hex(6)}"
    mapping = {"dynamic": "false", "properties": {"body": {"type": "text"}}}
    raw.indices.create(index=name, body={"settings": {"number_of_replicas": 0, OPTION: LIMIT}, "mappings": mapping})
    write(raw, name, {f"d{number:03}": {"body": f"the moon {number}"} for number in range(DOCUMENTS)})
    yield name
    raw.indices.delete(index=f"{name}*")


@pytest.fixture
def adopt(hybrid: Say, opensearch: Service, name: str, model: Path) -> Adopt:
    """Give a function that adopts the index, each word a passage."""
    places = f"{opensearch.url}/{name}", f"{opensearch.url}/{name}-new"
    options = ("--text", "body", "--encoder", model, "--scale", "20", "--replicas", "0", "--split", "1")
    return lambda *more: hybrid("adopt", *places, *options, *more)


def raise_limit(raw: Any, name: str) -> None:
    raw.indices.put_settings(index=f"{name}-new", body={OPTION: WORDS})


def test_a_document_of_too_many_passages_does_not_keep_others_from_their_vectors(
    adopt: Adopt, raw: Any, name: str, opensearch: Service
) -> None:
    """The index takes no more nested objects; the document says so, and is found by its words."""
    write(raw, name, {"a-long": LONG})
    told = adopt("--queue", "--json")
    assert (told.code, told.json["pending"]) == (0, DOCUMENTS + 1)
    for _ in range(2):
        told = adopt("--json")
        assert (told.code, told.json["encoded"], told.json["failed"], told.json["pending"]) == (0, DOCUMENTS, 1, 0)
    trouble = read_all(raw, f"{name}-new")["a-long"]["encode_error"]
    assert trouble["reason"].startswith("the index refuses its vector: ")
    assert f"[{LIMIT}]" in trouble["reason"]
    assert OPTION in trouble["reason"]
    with open_index(f"{opensearch.url}/{name}-new") as index:
        assert [hit.id for hit in index.search("w7", mode="lexical").hits] == ["a-long"]


def test_what_is_refused_is_tried_again_until_it_is_taken(
    adopt: Adopt, raw: Any, name: str, opensearch: Service
) -> None:
    write(raw, name, {"a-long": LONG})
    for attempt in range(3):
        told = adopt("--json")
        assert told.code == 3
        (refused,) = told.json["refused"]
        assert refused["id"] == "a-long"
        assert refused["reason"].startswith("copied without its vector: ")
        assert OPTION in refused["reason"]
        assert (told.json["passages"], told.json["encoded"], told.json["failed"]) == (DOCUMENTS + 1, DOCUMENTS, 1)
        assert told.json["created"] == (0 if attempt else DOCUMENTS + 1)
    assert "refused: a-long: " in adopt().err
    with open_index(f"{opensearch.url}/{name}-new") as index:
        assert [hit.id for hit in index.search("w7", mode="lexical").hits] == ["a-long"]
    raise_limit(raw, name)
    for _ in range(2):
        told = adopt("--json")
        assert (told.code, told.json["refused"]) == (0, [])
        assert (told.json["encoded"], told.json["failed"]) == (DOCUMENTS + 1, 0)
    assert "encode_error" not in read_all(raw, f"{name}-new")["a-long"]


@pytest.mark.parametrize("way_out", [None, {"body": "odd no more"}], ids=["removed", "edited"])
def test_a_document_that_is_not_taken_at_all_is_named_by_each_run(
    adopt: Adopt, raw: Any, name: str, way_out: dict[str, str] | None
) -> None:
    write(raw, name, {"odd": ODD})
    for _ in range(2):
        told = adopt()
        assert told.code == 3
        assert "refused: odd: " in told.err
        assert "content_hash" in told.err
        assert "came or went" not in told.err
        assert f"{DOCUMENTS + 1} documents in {name}, {DOCUMENTS} in {name}-new" in told.out
    write(raw, name, {"odd": way_out})
    told = adopt("--json")
    assert (told.code, told.json["refused"]) == (0, [])
    assert told.json["source"] == told.json["passages"] == told.json["encoded"]


def test_more_refused_documents_than_are_kept_are_found_again(
    adopt: Adopt, raw: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reached, "MOST", 2)
    long = {f"long{number}": LONG for number in range(5)}
    write(raw, name, {**long, "last": {"body": "the last"}})
    for _ in range(2):
        told = adopt("--json")
        assert (told.code, {one["id"] for one in told.json["refused"]}) == (3, set(long))
        assert told.json["encoded"] == DOCUMENTS + 1
    raise_limit(raw, name)
    told = adopt("--json")
    assert (told.code, told.json["refused"], told.json["encoded"]) == (0, [], DOCUMENTS + 6)
    told = adopt("--json")
    assert (told.json["created"], told.json["updated"]) == (0, 0)
