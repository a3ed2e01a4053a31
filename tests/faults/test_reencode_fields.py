"""The field of a second encoder: it comes while others write, and whatever gets lost, it is made and used once."""

import dataclasses
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from hybrid import Passage, delete_index, open_index
from hybrid.encoders import Encoder
from hybrid.engines.opensearch import fields, lifecycle, reencode
from hybrid.engines.opensearch.client import Client
from hybrid.engines.opensearch.locks import LOCK_ID
from hybrid.engines.opensearch.queries import Target
from hybrid.errors import IndexStateError, LockHeldError
from tests.faults.both import assert_survives_an_update, assert_vectors, field_of, in_use
from tests.faults.processes import PATIENCE
from tests.faults.stage import Stage, passages, set_stage
from tests.faults.troupe import Troupe
from tests.messages import assert_one_clear_line
from tests.services.http_server import Reply, Request
from tests.services.recorder import Fault, forwarding, recorder


@pytest.fixture
def derived_stage(troupe: Troupe, raw: Any, encoder: Encoder) -> Iterator[Stage]:
    """Give an index that leaves vectors out of ``_source``, as k-NN does by default."""
    stage = set_stage(troupe, raw, encoder, derived_source=True)
    yield stage
    delete_index(stage.address, settings=stage.settings)


def test_derived_vectors_are_lists_although_others_write_while_the_field_comes(
    derived_stage: Stage, client: Client, raw: Any, newer: Encoder
) -> None:
    """What lands in one segment with documents of before would lose its new vectors, were writes not paused."""
    stage, wanted, begun, over = derived_stage, passages(400), threading.Event(), threading.Event()
    stage.write_encoded(wanted.values())
    raw.indices.put_settings(index=stage.index, body={"index": {"refresh_interval": "-1"}})
    given = list(wanted.values())
    others = passages(100, start=1_000)

    def write() -> int:
        """Write other passages all the time; the pause is waited for."""
        turns = 0
        with open_index(stage.address, settings=stage.settings) as index:
            while not over.is_set():
                assert not index.add(others.values()).failures
                begun.set()
                turns += 1
        return turns

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write)
        try:
            assert begun.wait(PATIENCE)
            target = client.run(lifecycle.open_target(stage.index))
            other = client.run(reencode.add_encoder(target, newer.make_profile()))
        finally:
            over.set()
        assert writer.result() > 0
    vectors = newer.encode_passages([(one.title, one.text) for one in given])
    update(stage, other, dict(zip(wanted, vectors, strict=True)))
    client.run(reencode.probe(other))
    stage.delete(others)
    assert_vectors(stage, wanted, newer)
    assert_survives_an_update(stage, list(wanted), newer)
    assert "blocks" not in raw.indices.get_settings(index=stage.concrete)[stage.concrete]["settings"]["index"]


def test_index_that_takes_no_writes_is_left_as_it_is(
    derived_stage: Stage, client: Client, raw: Any, newer: Encoder
) -> None:
    target = client.run(lifecycle.open_target(derived_stage.index))
    block = {"index.blocks.write": True}
    raw.indices.put_settings(index=target.indexes[0], body=block)
    with pytest.raises(IndexStateError, match=r"index\.blocks\.write") as raised:
        client.run(reencode.add_encoder(target, newer.make_profile()))
    assert_one_clear_line(raised.value)
    assert client.run(fields.list_others(target)) == {}
    found = raw.indices.get_settings(index=target.indexes[0])[target.indexes[0]]["settings"]["index"]
    assert found["blocks"] == {"write": "true"}


def test_lock_that_ends_while_writes_are_paused_does_not_undo_what_others_changed(
    derived_stage: Stage, client: Client, raw: Any, newer: Encoder
) -> None:
    stage = derived_stage
    target, honest = client.run(lifecycle.open_target(stage.index)), forwarding(stage.upstream)

    def flush_for_long(request: Request) -> Reply | Fault:
        """Let the lock's time pass, and somebody else change the profile."""
        reply = honest(request)
        if "/_flush" in request.path:
            jobs = f"{stage.index}-jobs"
            lock = raw.get(index=jobs, id=LOCK_ID)["_source"]
            raw.index(index=jobs, id=LOCK_ID, body={**lock, "until": 0})
            client.run(lifecycle.change_profile(target, lambda one: dataclasses.replace(one, max_norm=9.0)))
        return reply

    with (
        recorder(flush_for_long) as server,
        closing(Client(server.url, stage.settings)) as slow,
        pytest.raises(LockHeldError, match="give the command again"),
    ):
        slow.run(reencode.add_encoder(target, newer.make_profile()))
    assert client.run(lifecycle.open_target(stage.index)).profile.max_norm == 9.0
    assert client.run(fields.list_others(target)) == {}
    assert "blocks" not in raw.indices.get_settings(index=stage.concrete)[stage.concrete]["settings"]["index"]


def update(stage: Stage, target: Target, vectors: dict[str, Any]) -> None:
    name = target.profile.vector_field
    lines = [
        line
        for one, vector in vectors.items()
        for line in ({"update": {"_id": one, "retry_on_conflict": 9}}, {"doc": {name: vector.tolist()}})
    ]
    items = stage.raw.bulk(index=stage.concrete, body=lines)["items"]
    assert [item["update"]["error"] for item in items if "error" in item["update"]] == []


def test_norm_of_the_encoder_that_is_filled_in_grows_beside_the_main_ones(
    stage: Stage, client: Client, newer: Encoder
) -> None:
    target = client.run(lifecycle.open_target(stage.index))
    other = client.run(reencode.add_encoder(target, newer.make_profile()))
    grown = client.run(fields.change_encoder(other, lambda profile: dataclasses.replace(profile, max_norm=9.0)))
    assert (grown.profile.max_norm, grown.is_main) == (9.0, False)
    assert client.run(lifecycle.open_target(stage.index)).profile == target.profile
    assert client.run(reencode.finish(other)).done
    # Whoever opened the index before still means the old encoder.
    client.run(fields.change_encoder(target, lambda profile: dataclasses.replace(profile, max_norm=5.0)))
    main = client.run(lifecycle.open_target(stage.index))
    assert (main.profile.pair_id, main.profile.max_norm) == (newer.pair_id, 9.0)
    kept = client.run(fields.list_others(main))[target.profile.vector_field]
    assert (kept.profile.max_norm, kept.filling) == (5.0, False)


def test_ingestion_that_began_before_the_change_writes_where_it_meant_to(
    stage: Stage, client: Client, newer: Encoder
) -> None:
    """Its vectors go into the old field, and nowhere near the new ones."""
    with open_index(stage.address, settings=stage.settings) as old:
        target = client.run(lifecycle.open_target(stage.index))
        other = client.run(reencode.add_encoder(target, newer.make_profile()))
        assert client.run(reencode.finish(other)).done
        vector = stage.encoder.encode_passages([("", "the tide")])[0]
        assert old.add([Passage("p", "the tide", vector=vector)], refresh=True).created == 1
    source = stage.stored()["p"]
    assert field_of(stage.encoder) in source
    assert field_of(newer) not in source
    assert stage.status().pending == 1


def test_change_whose_answer_got_lost_is_made_once(stage: Stage, client: Client, newer: Encoder) -> None:
    target = client.run(lifecycle.open_target(stage.index))
    honest, lost = forwarding(stage.upstream), Counter[bytes]()

    def answer(request: Request) -> Reply | Fault:
        """Lose the answer to each change of the mapping as often as the library asks by itself."""
        changes, reply = request.method == "PUT" and "/_mapping" in request.path, honest(request)
        if not changes or lost[request.body] == 3:
            return reply
        lost[request.body] += 1
        return Fault.RESET

    with recorder(answer) as server:
        shaky = Client(server.url, stage.settings)
        other = shaky.run(reencode.add_encoder(target, newer.make_profile()))
        assert shaky.run(reencode.finish(other)).done
        assert in_use(stage) == newer.pair_id
        assert shaky.run(reencode.go_back(target)).pair_id == stage.encoder.pair_id
        assert in_use(stage) == stage.encoder.pair_id
        shaky.close()
    assert set(lost.values()) == {3}


def test_encoder_that_was_given_up_is_not_changed_over_to(stage: Stage, client: Client, newer: Encoder) -> None:
    """As by a feeder that began its round before."""
    target = client.run(lifecycle.open_target(stage.index))
    other = client.run(reencode.add_encoder(target, newer.make_profile()))
    client.run(reencode.go_back(target))
    with pytest.raises(IndexStateError, match="given up") as raised:
        client.run(reencode.finish(other))
    assert_one_clear_line(raised.value)
    assert in_use(stage) == stage.encoder.pair_id
