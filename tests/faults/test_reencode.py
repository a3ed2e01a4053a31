"""A second encoder for an index: vectors come while others write, and questions change over when all are there."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hybrid import Passage, open_index
from hybrid.encoders import Encoder, backends
from hybrid.engines.opensearch import fields, lifecycle
from hybrid.engines.opensearch.client import Client
from tests.commands import Say, one_line
from tests.faults.both import assert_survives_an_update, assert_vectors, field_of, in_use
from tests.faults.processes import wait_for
from tests.faults.stage import Stage, passage, passages
from tests.faults.tiny import POISON
from tests.faults.troupe import Troupe

COUNT = 300


@pytest.fixture
def hybrid(hybrid: Say, monkeypatch: pytest.MonkeyPatch, troupe: Troupe) -> Say:
    for name, value in troupe.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(backends, "has_torch", lambda: False)
    return hybrid


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
    kept = stage.encoder.pair_id
    assert f"{kept} is kept: hybrid reencode {stage.address} --back --encoder {kept};" in shown.out
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
    # By its name the new one is used again only when it has everything, and so is the old one then.
    assert hybrid(*command).json["behind"] == 0
    assert (in_use(stage), stage.status().pending) == (newer.pair_id, 0)
    assert_vectors(stage, wanted | late, stage.encoder, newer)
    # The way back is found by any name that the encoder goes by.
    for name in (kept, kept.rpartition("@")[0], f"/no/longer/there/{kept.rpartition('@')[0]}"):
        assert hybrid("reencode", stage.address, "--back", "--encoder", name).out == f"questions use {kept}\n"
        assert hybrid("reencode", stage.address, "--back", "--encoder", new_model).code == 0
        assert in_use(stage) == newer.pair_id
    wrong = hybrid("reencode", stage.address, "--back", "--encoder", "e5")
    assert (wrong.code, f"keeps vectors of {kept}" in one_line(wrong)) == (2, True)


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
    assert_vectors(stage, wanted, stage.encoder, newer)
    assert_survives_an_update(stage, list(wanted)[::5], stage.encoder, newer)


def test_way_back_may_have_gaps_only_where_that_is_wanted(
    stage: Stage, hybrid: Say, newer: Encoder, new_model: Path, model: Path, tmp_path: Path
) -> None:
    """The old encoder's files are gone, and a passage without its vector is there."""
    stage.write_encoded(passages(20).values())
    late = passage(99)
    stage.write([late])
    command = ["reencode", stage.address, "--encoder", new_model, "--scale", "20"]
    with gone(model, tmp_path):
        said = hybrid(*command)
        assert said.code == 1
        assert "--allow-gaps" in said.err.splitlines()[-1]
        assert in_use(stage) == stage.encoder.pair_id
        assert hybrid(*command, "--allow-gaps", "--json").json["done"]
    assert in_use(stage) == newer.pair_id
    assert_vectors(stage, passages(20) | {late.id: late}, newer)
    assert field_of(stage.encoder) not in stage.stored()[late.id]


@contextmanager
def gone(folder: Path, aside: Path) -> Iterator[None]:
    """Move a model away for a while."""
    folder.rename(aside / "gone")
    yield
    (aside / "gone").rename(folder)


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
    (beside,) = hybrid("status", stage.address, "--json").json["others"]
    assert (beside["state"], beside["encoded"]) == ("filling", 0)
    assert hybrid("reencode", stage.address, "--back").out == f"questions use {stage.encoder.pair_id}\n"
    target = client.run(lifecycle.open_target(stage.index))
    assert client.run(fields.list_others(target))[field_of(newer)].state == "given up"
    # It was never whole, so there is no way back to it.
    again = hybrid("reencode", stage.address, "--back")
    assert (again.code, "there is no way back" in one_line(again)) == (2, True)
    assert in_use(stage) == stage.encoder.pair_id
    assert f"was given up: hybrid reencode {stage.address} --encoder NAME" in hybrid("status", stage.address).out
    assert hybrid(*begin).code == 0
    assert hybrid("reencode", stage.address, "--json").json["done"]
    assert in_use(stage) == newer.pair_id


def test_encoder_that_was_whole_stays_the_way_back_when_coming_back_to_it_is_given_up(
    stage: Stage, hybrid: Say, client: Client, new_model: Path, newer: Encoder
) -> None:
    stage.write_encoded(passages(20).values())
    command = ["reencode", stage.address, "--encoder", new_model, "--scale", "20"]
    assert hybrid(*command).code == 0
    assert hybrid("reencode", stage.address, "--back").code == 0
    # One that it lacks, so that it is filled in again; with the scale that is said now.
    stage.write_encoded([passage(77)])
    assert hybrid(*command[:-1], "15", "--queue").code == 0
    assert "is being filled in again" in hybrid("status", stage.address).out
    assert hybrid("reencode", stage.address, "--back").code == 0
    target = client.run(lifecycle.open_target(stage.index))
    other = client.run(fields.list_others(target))[field_of(newer)]
    assert (other.state, other.profile.scale) == ("kept", 15.0)
    assert hybrid("reencode", stage.address, "--back").code == 0
    assert in_use(stage) == newer.pair_id


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["{address}", "--back"], "one encoder only"),
        (["{address}"], "Say which encoder"),
        (["{address}", "--encoder", "{model}"], "--scale"),
        (["{address}", "--encoder", "{model}", "--wait"], "--wait goes with --queue"),
        (["{address}", "--encoder", "{model}", "--queue", "--allow-gaps"], "say --wait"),
        (["{address}", "--encoder", "{model}", "--questions", "{model}"], "say both"),
        (["{address}", "--encoder", "{model}", "--scale", "auto"], "no text to find a scale"),
        (["{folder}", "--back"], "is a folder"),
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
    assert_vectors(stage, wanted, stage.encoder, newer)
    assert_survives_an_update(stage, list(wanted)[::9], stage.encoder, newer)


def test_what_is_written_meanwhile_is_found_by_the_encoder_in_use_and_gets_both_vectors(
    own_stage: Stage, hybrid: Say, newer: Encoder, new_model: Path, tmp_path: Path
) -> None:
    """The new encoder's files are missing at first, so the change is under way until the test has looked."""
    stage, wanted = own_stage, passages(60)
    stage.write_encoded(wanted.values())
    assert hybrid("reencode", stage.address, "--encoder", new_model, "--scale", "20", "--queue").code == 0
    with gone(new_model, tmp_path):
        stage.troupe.add("one")
        late = passages(40, start=500) | {one.id: one for one in [passage(7, "other")]}
        stage.write(late.values())
        wanted |= late
        stage.wait_encoded()
        assert in_use(stage) == stage.encoder.pair_id
        with open_index(stage.address, settings=stage.settings) as index:
            (vector,) = stage.encoder.encode_questions(["tide"])
            found = index.search("tide", vector=vector, mode="dense", k=200).hits
        assert {hit.id for hit in found} == set(wanted)
        assert all(hit.sim is not None for hit in found)
        assert not any(field_of(newer) in source for source in stage.stored().values())
    wait_for(lambda: in_use(stage) == newer.pair_id, "changing over", stage.troupe.evidence)
    assert_vectors(stage, wanted, stage.encoder, newer)
    assert_survives_an_update(stage, list(wanted)[::7], stage.encoder, newer)


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
