"""A second encoder for an index: vectors come while others write, and questions change over when all are there."""

import dataclasses
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid import Passage, delete_index, open_index
from hybrid.encoders import Encoder, backends, load_encoder
from hybrid.engines.opensearch import fields, lifecycle, reencode
from hybrid.engines.opensearch.client import Client
from hybrid.engines.opensearch.queries import Target
from hybrid.errors import IndexStateError
from tests.faults.processes import PATIENCE, wait_for
from tests.faults.stage import TOLERANCE, Stage, passage, passages, set_stage
from tests.faults.tiny import POISON, save_tiny_bert
from tests.faults.troupe import Troupe
from tests.integration.commands import Say, one_line, speaker
from tests.messages import assert_one_clear_line

COUNT = 300


@pytest.fixture(scope="module")
def new_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_bert(tmp_path_factory.mktemp("models") / "newer", seed=1)


@pytest.fixture(scope="module")
def newer(new_model: Path) -> Encoder:
    return load_encoder(str(new_model), scale=20.0, backend="numpy")


@pytest.fixture
def hybrid(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, troupe: Troupe) -> Say:
    for name, value in troupe.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(backends, "has_torch", lambda: False)
    return speaker(capsys)


@pytest.fixture
def client(stage: Stage) -> Iterator[Client]:
    client = Client(stage.upstream, stage.settings)
    yield client
    client.close()


def field_of(encoder: Encoder) -> str:
    return encoder.make_profile().vector_field


def assert_vectors(stage: Stage, wanted: dict[str, Passage], *encoders: Encoder) -> None:
    """Fail unless exactly these passages are there, each with each encoder's vector of its own text, as lists."""
    found = stage.stored()
    assert set(found) == set(wanted)
    for encoder in encoders:
        vectors = encoder.encode_passages([(one.title, one.text) for one in wanted.values()])
        for one, vector in zip(wanted, vectors, strict=True):
            stored = found[one][field_of(encoder)]
            assert isinstance(stored, list)
            np.testing.assert_allclose(np.asarray(stored, np.float32), vector, atol=TOLERANCE)


def assert_survives_an_update(stage: Stage, ids: list[str], *encoders: Encoder) -> None:
    before = stage.stored()
    lines = [line for one in ids for line in ({"update": {"_id": one}}, {"doc": {"number": 7}})]
    assert not stage.raw.bulk(index=stage.concrete, body=lines, refresh=True)["errors"]
    after = stage.stored()
    for one in ids:
        assert after[one]["number"] == 7
        for encoder in encoders:
            assert after[one][field_of(encoder)] == before[one][field_of(encoder)]


def in_use(stage: Stage) -> str:
    with open_index(stage.address, settings=stage.settings) as index:
        return index.profile.pair_id


def test_index_gets_a_second_encoder_and_goes_back(
    stage: Stage, hybrid: Say, newer: Encoder, new_model: Path
) -> None:
    wanted = passages(COUNT)
    stage.write_encoded(wanted.values())
    command = ["reencode", stage.address, "--encoder", new_model, "--scale", "20", "--json"]
    said = hybrid(*command)
    assert (said.code, said.json["done"], said.json["encoded"], said.json["pending"]) == (0, True, COUNT, 0)
    assert in_use(stage) == newer.pair_id
    assert_vectors(stage, wanted, stage.encoder, newer)
    assert_survives_an_update(stage, list(wanted)[::3], stage.encoder, newer)
    again = hybrid(*command)
    assert (again.code, again.json["done"]) == (0, True)
    shown = hybrid("status", stage.address)
    assert f"{stage.encoder.pair_id} is kept" in shown.out
    # What is written now has the new vector only, and waits for the old one after the way back.
    late = {"late": Passage("late", "the tide a b", vector=newer.encode_passages([("", "the tide a b")])[0])}
    stage.write(late.values())
    back = hybrid("reencode", stage.address, "--back", "--json")
    assert (back.code, back.json["encoder"], back.json["pending"]) == (0, stage.encoder.pair_id, 1)
    assert in_use(stage) == stage.encoder.pair_id
    with open_index(stage.address, settings=stage.settings) as index:
        (vector,) = stage.encoder.encode_questions(["tide"])
        hits = {hit.id: hit.sim for hit in index.search("tide", vector=vector, k=10_000, depth=10_000).hits}
    assert hits["late"] is None
    assert all(hits[one] is not None for one in wanted)


def test_passages_that_come_change_and_go_meanwhile_are_neither_lost_nor_revived(
    stage: Stage, hybrid: Say, newer: Encoder, new_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = passages(600)
    stage.write_encoded(wanted.values())
    encode, rounds = Encoder.encode_passages, list[int]()

    def encode_and_edit(self: Encoder, pairs: Any) -> Any:
        """Edit, add and delete between reading and writing, as others do."""
        vectors = encode(self, pairs)
        if self.pair_id == newer.pair_id and len(rounds) < 2:
            rounds.append(len(pairs))
            changed = {one.id: one for number in range(len(rounds), 600, 7) for one in [passage(number, "other")]}
            added = passages(40, start=1_000 * len(rounds))
            gone = [one for one in list(wanted)[:: 11 + len(rounds)] if one not in changed]
            stage.write([*changed.values(), *added.values()])
            stage.delete(gone)
            wanted.update(changed | added)
            for one in gone:
                wanted.pop(one, None)
        return vectors

    monkeypatch.setattr(Encoder, "encode_passages", encode_and_edit)
    said = hybrid("reencode", stage.address, "--encoder", new_model, "--scale", "20", "--json")
    assert (said.code, said.json["done"], len(rounds)) == (0, True, 2)
    monkeypatch.undo()
    assert_vectors(stage, wanted, newer)


def test_nobody_loses_a_vector_unless_that_is_wanted(
    stage: Stage, hybrid: Say, new_model: Path, newer: Encoder
) -> None:
    """The new encoder cannot read one passage that the old one could, and one that neither can."""
    wanted = passages(20) | {"hard": Passage("hard", f"the {POISON}"), "hopeless": Passage("hopeless", POISON)}
    stage.write_encoded(passages(20).values())
    stage.write([dataclasses.replace(wanted["hard"], vector=[1.0] * stage.encoder.dimension), wanted["hopeless"]])
    command = ["reencode", stage.address, "--encoder", new_model, "--scale", "20"]
    said = hybrid(*command, "--json")
    assert (said.code, said.json["done"], said.json["losing"], said.json["failed"]) == (3, False, 1, 2)
    assert "--allow-failed" in said.err
    assert in_use(stage) == stage.encoder.pair_id
    assert hybrid(*command, "--allow-failed").code == 0
    assert in_use(stage) == newer.pair_id


def test_encoder_that_was_begun_is_gone_on_with_or_given_up(
    stage: Stage, hybrid: Say, client: Client, new_model: Path, newer: Encoder
) -> None:
    stage.write_encoded(passages(30).values())
    assert hybrid("reencode", stage.address).code == 2
    begin = ["reencode", stage.address, "--encoder", new_model, "--scale", "20", "--queue"]
    assert hybrid(*begin).code == 0
    assert "is being filled in" in hybrid("status", stage.address).out
    assert hybrid("status", stage.address, "--json").json["others"][0]["encoded"] == 0
    assert hybrid("reencode", stage.address, "--back").out == f"questions use {stage.encoder.pair_id}\n"
    target = client.run(lifecycle.open_target(stage.index))
    assert not client.run(fields.list_others(target))[field_of(newer)].filling
    assert hybrid(*begin).code == 0
    assert hybrid("reencode", stage.address, "--json").json["done"]
    assert in_use(stage) == newer.pair_id


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["{address}", "--back"], "one encoder only"),
        (["{address}"], "Say which encoder"),
        (["{address}", "--encoder", "{model}"], "--scale"),
        (["{address}", "--encoder", "{model}", "--wait"], "--wait goes with --queue"),
        (["{folder}", "--encoder", "{model}"], "is a folder"),
    ],
)
def test_mistakes_are_told_in_one_line(
    options: list[str], words: str, stage: Stage, hybrid: Say, new_model: Path, tmp_path: Path
) -> None:
    said = hybrid(
        "reencode", *(one.format(address=stage.address, folder=tmp_path, model=new_model) for one in options)
    )
    assert said.code == 2
    assert words in one_line(said)


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


def test_workers_fill_a_second_encoder_in_and_change_over(
    stage: Stage, hybrid: Say, troupe: Troupe, newer: Encoder, new_model: Path
) -> None:
    wanted = passages(900)
    stage.write_encoded(wanted.values())

    def edit() -> None:
        changed = {one.id: one for number in range(0, 900, 9) for one in [passage(number, "other")]}
        added, gone = passages(50, start=5_000), list(wanted)[4::9]
        stage.write([*changed.values(), *added.values()])
        stage.delete(gone)
        wanted.update(changed | added)
        for one in gone:
            del wanted[one]

    troupe.points.order("after encode", edit, cuts=False)
    troupe.add("one")
    command = ["reencode", stage.address, "--encoder", new_model, "--scale", "20", "--queue"]
    begun = hybrid(*command)
    assert begun.code == 0
    assert f"hybrid status {stage.address} --follow" in begun.err
    assert hybrid(*command, "--wait", "--json").json["done"]
    wait_for(lambda: in_use(stage) == newer.pair_id, "changing over", troupe.evidence)
    stage.wait_encoded()
    assert troupe.points.strikes == []
    assert_vectors(stage, wanted, newer)
    both = [one for one, source in stage.stored().items() if field_of(stage.encoder) in source]
    assert len(both) > len(wanted) // 2
    assert_survives_an_update(stage, both[:50], stage.encoder, newer)


def test_feeder_changes_over_by_itself(
    stage: Stage, hybrid: Say, troupe: Troupe, newer: Encoder, new_model: Path
) -> None:
    wanted = passages(50)
    stage.write_encoded(wanted.values())
    if not troupe.workers:
        troupe.add("one")
    assert hybrid("reencode", stage.address, "--encoder", new_model, "--scale", "20", "--queue").code == 0
    wait_for(lambda: in_use(stage) == newer.pair_id, "changing over", troupe.evidence)
    assert_vectors(stage, wanted, stage.encoder, newer)
