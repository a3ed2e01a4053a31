"""What a fault test plays on: an index on the real node, and what must stand in it in the end."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hybrid import IndexSpec, Passage, create_index, delete_index, open_index
from hybrid.encoders import Encoder
from hybrid.engines.opensearch.client import Client
from hybrid.engines.opensearch.lifecycle import open_target
from hybrid.messages import EncodeMessage, split_ids
from hybrid.queue.broker import Broker
from hybrid.records import Status
from hybrid.settings import Settings
from tests.faults.processes import wait_for
from tests.faults.troupe import Troupe

#: Vectors of passages that were encoded side by side differ in their last digits.
TOLERANCE = 1e-5


@dataclass(slots=True)
class Stage:
    """One play."""

    troupe: Troupe
    raw: Any
    encoder: Encoder
    index: str

    @property
    def upstream(self) -> str:
        return self.troupe.upstream

    @property
    def settings(self) -> Settings:
        return self.troupe.settings

    @property
    def address(self) -> str:
        return f"{self.upstream}/{self.index}"

    @property
    def concrete(self) -> str:
        """The index' own name."""
        client = Client(self.upstream, self.settings)
        found = client.run(open_target(self.index))
        client.close()
        return found.indexes[0]

    def write(self, passages: Iterable[Passage]) -> None:
        """Write text without vectors."""
        with open_index(self.address, settings=self.settings) as index:
            assert not index.add(passages, refresh=True).failures

    def write_encoded(self, passages: Iterable[Passage]) -> None:
        """Write text with the vectors of the encoder that the index begins with."""
        given = list(passages)
        vectors = self.encoder.encode_passages([(one.title, one.text) for one in given])
        self.write(replace(one, vector=vector) for one, vector in zip(given, vectors, strict=True))

    def delete(self, ids: Iterable[str]) -> None:
        with open_index(self.address, settings=self.settings) as index:
            index.delete(ids, refresh=True)

    def send(self, ids: Sequence[str]) -> int:
        """Send ids to the queue, as an ingestion does; gives the number of messages."""
        name, field_name = self.concrete, self.vector_field
        with Broker(self.settings) as queue:
            return queue.push([EncodeMessage(name, field_name, part) for part in split_ids(ids)])

    def status(self) -> Status:
        self.raw.indices.refresh(index=self.index)
        with open_index(self.address, settings=self.settings) as index:
            return index.status()

    def wait_encoded(self, failed: int = 0) -> None:
        """Wait until nothing is pending."""

        def done() -> bool:
            status = self.status()
            return status.pending == 0 and status.failed == failed

        wait_for(done, "encoding", self.troupe.evidence)

    def wait_empty(self) -> None:
        """Wait until no message waits."""
        with Broker(self.settings) as queue:
            wait_for(lambda: not queue.lengths().waiting, "emptying the queue", self.troupe.evidence)

    def stored(self) -> dict[str, dict[str, Any]]:
        """Read all that the index holds, by id."""
        self.raw.indices.refresh(index=self.index)
        found = self.raw.search(index=self.index, body={"size": 10_000})
        assert found["hits"]["total"]["value"] == len(found["hits"]["hits"])
        return {hit["_id"]: hit["_source"] for hit in found["hits"]["hits"]}

    def assert_holds(self, wanted: Mapping[str, Passage], *, failed: Iterable[str] = ()) -> None:
        """Fail unless the index holds exactly these passages, each with the vector of its own text."""
        found, left_out = self.stored(), set(failed)
        assert set(found) == set(wanted)
        encoded = [one for one in wanted if one not in left_out]
        vectors = self.encoder.encode_passages([(wanted[one].title, wanted[one].text) for one in encoded])
        for one, vector in zip(encoded, vectors, strict=True):
            source = found[one]
            assert source["text"] == wanted[one].text
            assert (source["pending"], source["encoded_hash"]) == (False, source["text_hash"])
            np.testing.assert_allclose(np.float32(source[self.vector_field]), vector, atol=TOLERANCE)
        for one in left_out:
            assert found[one]["text"] == wanted[one].text
            assert self.vector_field not in found[one]
            assert found[one]["encode_error"]["reason"]

    @property
    def vector_field(self) -> str:
        return self.encoder.make_profile().vector_field


def set_stage(troupe: Troupe, raw: Any, encoder: Encoder, **spec: Any) -> Stage:
    """Make an index that the troupe's workers look after."""
    stage = Stage(troupe, raw, encoder, f"{troupe.prefix}-{secrets.token_hex(3)}")
    create_index(stage.address, encoder.make_profile(), IndexSpec(**{"replicas": 0, **spec}), settings=stage.settings)
    return stage


def clear_stage(stage: Stage) -> None:
    delete_index(stage.address, settings=stage.settings)


_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def passages(count: int, *, start: int = 0, salt: str = "") -> dict[str, Passage]:
    """Make passages whose texts the tiny model tells apart, by id."""
    made = (passage(number, salt) for number in range(start, start + count))
    return {one.id: one for one in made}


def passage(number: int, salt: str = "") -> Passage:
    spelt = " ".join(_LETTERS[int(digit)] for digit in f"{number:05}")
    return Passage(f"p{number:05}", f"the tide {salt} {spelt}", title="ocean")
