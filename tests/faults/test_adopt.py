"""``hybrid adopt --queue``: real workers encode the documents of an adopted index, whatever it is like."""

import random
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from hybrid import open_index
from hybrid.encoders import Encoder
from tests.commands import Say
from tests.faults.processes import wait_for
from tests.faults.troupe import Troupe

DOCUMENTS = 150
BLOCK = 10
WORDS = ("moon", "tide", "ocean", "letter", "door", "fox", "ship", "lamp")
OWNERS = ("ann", "bob", None)
Adopt = Callable[..., Any]


@pytest.fixture(scope="module", autouse=True)
def worker(troupe: Troupe) -> None:
    troupe.add("one").wait_ready()


def make_note(number: int) -> dict[str, str]:
    chance = random.Random(number)
    return {"title": f"note {number}", "body": " ".join(chance.choices(WORDS, k=chance.choice([3, 10, 24])))}


@pytest.fixture
def source(troupe: Troupe, raw: Any) -> Iterator[str]:
    """Give the name of an index of a team's, some of whose documents have routings."""
    name = f"{troupe.prefix}-{secrets.token_hex(3)}"
    text = {"type": "text"}
    raw.indices.create(
        index=name,
        body={
            "settings": {"number_of_shards": 3, "number_of_replicas": 0},
            "mappings": {"properties": {"title": text, "body": text}},
        },
    )
    lines: list[Any] = []
    for number in range(DOCUMENTS):
        routing = OWNERS[number % 3]
        place = {"_id": f"d{number}"} | ({} if routing is None else {"routing": routing})
        lines += [{"index": place}, make_note(number)]
    assert not raw.bulk(body=lines, index=name, refresh=True)["errors"]
    yield name
    raw.indices.delete(index=f"{name}*")


@pytest.fixture
def adopt(troupe: Troupe, source: str, encoder: Encoder, model: Any, hybrid: Say) -> Adopt:
    """Give a function that adopts the index without encoding anything, and gives what was said."""
    assert encoder.scale == 20.0

    def run(*more: str) -> Any:
        places = f"{troupe.upstream}/{source}", f"{troupe.upstream}/{source}-new"
        options = ("--text", "title,body", "--encoder", str(model), "--scale", "20", "--replicas", "0")
        said = hybrid("adopt", *places, *options, "--queue", "--json", *more)
        assert said.code == 0, said.err
        return said.json

    return run


def read_new(raw: Any, name: str) -> dict[str, dict[str, Any]]:
    raw.indices.refresh(index=name)
    hits = raw.search(index=name, body={"size": 1000})["hits"]["hits"]
    assert len(hits) == DOCUMENTS
    return {hit["_id"]: hit["_source"] for hit in hits}


@pytest.mark.parametrize("split", [0, BLOCK])
def test_workers_encode_what_was_adopted(
    adopt: Adopt, troupe: Troupe, raw: Any, source: str, encoder: Encoder, split: int
) -> None:
    told = adopt(*(("--split", str(split)) if split else ()))
    assert (told["passages"], told["created"]) == (DOCUMENTS, DOCUMENTS)
    with open_index(f"{troupe.upstream}/{source}-new", settings=troupe.settings) as index:

        def done() -> bool:
            raw.indices.refresh(index=f"{source}-new")
            return index.status().encoded == DOCUMENTS

        wait_for(done, "encoding", troupe.evidence)
        assert index.status().failed == 0
        vector = encoder.encode_questions(["the moon pulls the tide"])[0].astype(np.float64)
        sims = {}
        for key, document in read_new(raw, f"{source}-new").items():
            note = make_note(int(key[1:]))
            assert {name: document[name] for name in note} == note
            assert (document["pending"], document["encoded_hash"]) == (False, document["text_hash"])
            words = note["body"].split()
            step = split or len(words)
            blocks = [" ".join(words[start : start + step]) for start in range(0, len(words), step)]
            wanted = encoder.encode_passages([(note["title"], block) for block in blocks])
            (field,) = (name for name in document if name.startswith("vec_"))
            stored = [one["vector"] for one in document[field]] if split else [document[field]]
            given = np.array(stored, dtype=np.float64)
            np.testing.assert_allclose(given, wanted, atol=5e-3)
            sims[key] = float((given @ vector).max())
        hits = index.search("the moon pulls the tide", k=DOCUMENTS, dense="exact").hits
        assert {hit.id: hit.sim for hit in hits} == pytest.approx(sims, abs=1e-4)


def test_a_document_of_too_many_passages_fails_alone(adopt: Adopt, troupe: Troupe, raw: Any, source: str) -> None:
    """The index takes no more nested objects; no other document waits for that, and nothing is sent for ever."""
    raw.indices.put_settings(index=source, body={"index.mapping.nested_objects.limit": 20})
    raw.index(index=source, id="a-long", body={"title": "long", "body": "moon " * 30 * BLOCK}, refresh=True)
    assert adopt("--split", str(BLOCK))["created"] == DOCUMENTS + 1
    with open_index(f"{troupe.upstream}/{source}-new", settings=troupe.settings) as index:

        def done() -> bool:
            raw.indices.refresh(index=f"{source}-new")
            return index.status().pending == 0

        wait_for(done, "encoding", troupe.evidence)
        assert (index.status().encoded, index.status().failed) == (DOCUMENTS, 1)
    trouble = raw.get(index=f"{source}-new", id="a-long")["_source"]["encode_error"]
    assert "nested_objects.limit" in trouble["reason"]
