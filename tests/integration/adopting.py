"""A team's plain index for the tests of ``hybrid adopt``: twenty odd fields, documents that change; ways to kill."""

import os
import random
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.commands import Say

HYBRID = Path(sys.executable).with_name("hybrid")
#: How many documents the shop has.
DOCUMENTS = 300
#: Fields that the new index adds, besides vectors.
OURS = {"id", "content_hash", "text_hash", "encoded_hash", "pending", "encode_error"}
WORDS = ("moon", "tide", "ocean", "gravity", "query", "passage", "letter", "door", "fox", "story", "ship", "lamp")
FACETS = ("brand", "stock.place", "tags.raw", "price", "day", "on", "flags")
MAPPING: dict[str, Any] = {
    "dynamic": "false",
    "_meta": {"team": "shop"},
    "properties": {
        "title": {"type": "text", "analyzer": "shouting", "fields": {"raw": {"type": "keyword"}}},
        "body": {"type": "text", "copy_to": "everything"},
        "everything": {"type": "text"},
        "seo": {"properties": {"line": {"type": "text"}, "score": {"type": "half_float"}}},
        "id": {"type": "keyword"},
        "number": {"type": "integer"},
        "text": {"type": "keyword", "index": False, "doc_values": False},
        "meta": {"type": "object", "enabled": False},
        "brand": {"type": "keyword", "normalizer": "small"},
        "price": {"type": "scaled_float", "scaling_factor": 100},
        "day": {"type": "date", "format": "yyyy-MM-dd"},
        "on": {"type": "boolean"},
        "flags": {"type": "byte"},
        "address": {"type": "ip"},
        "place": {"type": "geo_point"},
        "span": {"type": "integer_range"},
        "tags": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
        "stock": {"properties": {"place": {"type": "keyword"}, "count": {"type": "long"}}},
        "reviews": {"type": "nested", "properties": {"by": {"type": "keyword"}, "stars": {"type": "byte"}}},
        "picture": {"type": "binary"},
        "suggest": {"type": "completion"},
        "product": {"type": "alias", "path": "brand"},
    },
}
SETTINGS: dict[str, Any] = {
    "number_of_replicas": 0,
    "number_of_shards": 2,
    "max_result_window": 20_000,
    "analysis": {
        "analyzer": {"shouting": {"type": "custom", "tokenizer": "standard", "filter": ["uppercase"]}},
        "normalizer": {"small": {"type": "custom", "filter": ["lowercase"]}},
    },
    "similarity": {"default": {"type": "BM25", "k1": 1.4, "b": 0.1}},
}


def make_document(number: int, version: int = 0) -> dict[str, Any]:
    """Give a document; a new version has another price, and each third time another text."""
    chance = random.Random(number * 1000 + version // 3)
    words = chance.choices(WORDS, k=12)
    return {
        "id": f"d{number}",
        "title": f"The {words[0]} {number}",
        "body": [" ".join(words[1:7]), " ".join(words[7:])],
        "seo": {"line": f"buy {words[3]}", "score": 0.5},
        "number": number,
        "text": "a field of another meaning",
        "meta": {"what": [1, {"ever": None}]},
        "brand": ["Acme", "Bolt"][number % 2],
        "price": 1.25 * (number % 7) + version,
        "day": f"2024-01-{number % 28 + 1:02}",
        "on": number % 3 == 0,
        "flags": [1, number % 5],
        "address": "192.168.0.1",
        "place": {"lat": 1.5, "lon": 2.5},
        "span": {"gte": 1, "lt": number + 2},
        "tags": ["new", "old", "blue"][: number % 3 + 1],
        "stock": {"place": ["north", "south"][number % 2], "count": number},
        "reviews": [{"by": "ann", "stars": 5}, {"by": "bob", "stars": number % 5}],
        "picture": "U29tZQ==",
        "suggest": words[0],
        "unmapped": {"kept": True},
    }


def create_shop(raw: Any, name: str, count: int) -> None:
    """Create the index and fill it."""
    raw.indices.create(index=name, body={"settings": SETTINGS, "mappings": MAPPING})
    write(raw, name, {f"d{number}": make_document(number) for number in range(count)})


def open_shop(raw: Any) -> Iterator[str]:
    """Give the name of a shop's index; what is made of it is dropped with it."""
    name = f"shop-{secrets.token_hex(6)}"
    create_shop(raw, name, DOCUMENTS)
    yield name
    raw.indices.delete(index=f"{name}*")


def write(raw: Any, name: str, documents: dict[str, dict[str, Any] | None]) -> None:
    """Write documents, and remove those that are None."""
    lines: list[dict[str, Any]] = []
    for key, document in documents.items():
        lines += [{"delete": {"_id": key}}] if document is None else [{"index": {"_id": key}}, document]
    answer = raw.bulk(body=lines, index=name, refresh=True)
    assert not answer["errors"], answer


def read_all(raw: Any, name: str) -> dict[str, dict[str, Any]]:
    """Give every document by its id."""
    raw.indices.refresh(index=name)
    hits = raw.search(index=name, body={"size": 10_000})["hits"]["hits"]
    return {hit["_id"]: hit["_source"] for hit in hits}


def count_facets(raw: Any, name: str) -> Any:
    """Give the buckets of every facet, and of one inside nested documents."""
    facets = {field.replace(".", "_"): {"terms": {"field": field, "size": 1000}} for field in FACETS}
    inner = {"stars": {"terms": {"field": "reviews.stars"}}}
    nested = {"reviews": {"nested": {"path": "reviews"}, "aggs": inner}}
    body = {"size": 0, "track_total_hits": True, "aggs": {**facets, **nested}}
    found = raw.search(index=name, body=body)
    return found["hits"]["total"], found["aggregations"]


def check_same(raw: Any, name: str) -> None:
    """Fail unless the new index holds what the source holds, field by field and facet by facet."""
    source, new = read_all(raw, name), read_all(raw, f"{name}-new")
    assert set(new) == set(source)
    for key, document in source.items():
        left = {field: value for field, value in new[key].items() if field not in OURS and field[:4] != "vec_"}
        assert {**left, "id": new[key]["id"]} == document
        assert new[key]["pending"] is False
    assert count_facets(raw, f"{name}-new") == count_facets(raw, name)


@dataclass(frozen=True, slots=True)
class Job:
    """``hybrid adopt`` in a process of its own."""

    arguments: tuple[str, ...]
    home: Path

    def start(self) -> "subprocess.Popen[str]":
        environ = {**os.environ, "XDG_STATE_HOME": str(self.home), "HF_HUB_OFFLINE": "1"}
        return subprocess.Popen(
            [str(HYBRID), "adopt", *self.arguments, "--json"],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill_when(self, reached: Any) -> bool:
        """Kill it without warning once something is true; False if it had ended by then."""
        process = self.start()
        try:
            while process.poll() is None and not reached():
                pass
            alive = process.poll() is None
            process.send_signal(signal.SIGKILL)
            return alive
        finally:
            process.communicate()


def make_adopter(say: Say, url: str, name: str, fields: str, model: Path) -> Callable[..., Any]:
    """Give a function that adopts an index with some text fields, and gives what was said."""

    def run(*more: str) -> Any:
        options = ("--text", fields, "--encoder", model, "--scale", "20", "--replicas", "0")
        said = say("adopt", f"{url}/{name}", f"{url}/{name}-new", *options, "--json", *more)
        assert said.code == 0, said.err
        return said.json

    return run
