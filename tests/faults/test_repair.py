"""``hybrid repair``: what others changed is set right, what waits is sent, what failed gets another try."""

import time
from typing import Any

import pytest

from hybrid import Passage, messages
from hybrid.engines.opensearch import fields, lifecycle, reencode
from hybrid.engines.opensearch.client import Client
from hybrid.passages import hash_text
from hybrid.queue.broker import CAP, Broker
from hybrid.queue.envelope import unpack
from tests.commands import Say, one_line
from tests.faults.processes import wait_for
from tests.faults.stage import Stage, passages
from tests.faults.tiny import POISON
from tests.faults.troupe import Troupe

COUNT = 60


@pytest.fixture
def hybrid(hybrid: Say, monkeypatch: pytest.MonkeyPatch, troupe: Troupe) -> Say:
    troupe.redis.library.flushall()
    for name, value in troupe.environ.items():
        monkeypatch.setenv(name, value)
    return hybrid


@pytest.fixture(scope="module")
def worker(troupe: Troupe) -> None:
    """Have a worker from the first test on that asks for one; those before it see what waits."""
    troupe.add("one")


def sent(troupe: Troupe) -> list[str]:
    """Take all messages off the queue and give the ids in them."""
    found = iter(lambda: troupe.redis.library.rpop("hybrid:encode"), None)
    return [one for message in found for one in unpack(message)["ids"]]


def edit(stage: Stage, passage_id: str, **changes: Any) -> None:
    """Change a passage as somebody does who knows nothing of hashes and vectors."""
    stage.raw.update(index=stage.concrete, id=passage_id, body={"doc": changes}, refresh=True)


def test_vectors_of_other_encoders_go_with_a_text_that_changed(stage: Stage, hybrid: Say) -> None:
    """Which text they are of, nobody noted."""
    client = Client(stage.upstream, stage.settings)
    target = client.run(lifecycle.open_target(stage.index))
    profile = stage.encoder.make_profile(fingerprint="ab" * 16, pair_id="another", passage_tower=None)
    other = client.run(reencode.add_encoder(target, profile)).profile.vector_field
    assert list(client.run(fields.list_others(target))) == [other]
    client.close()
    stage.write(passages(3).values())
    for one in passages(3):
        edit(stage, one, **{other: [0.5] * profile.dimension})
    edit(stage, "p00001", text="the tide other")
    assert hybrid("repair", stage.address, "--verify", "--json").json["cleared"] == 1
    assert {one for one, source in stage.stored().items() if other in source} == {"p00000", "p00002"}


def test_repair_again_and_again_never_sends_more_than_fits_nor_anything_twice(
    stage: Stage, hybrid: Say, troupe: Troupe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "MESSAGE_SIZE", 1)
    wanted = passages(CAP + 50)
    stage.write(wanted.values())
    first = hybrid("repair", stage.address, "--json")
    assert (first.json["sent"], first.json["all_sent"]) == (CAP, False)
    told = hybrid("repair", stage.address)
    assert told.out == "0 passages sent to the workers\n"
    assert "workers find the others by themselves" in told.err
    taken = [troupe.redis.library.rpop("hybrid:encode") for _ in range(20)]
    assert hybrid("repair", stage.address, "--json").json["sent"] == 20
    with Broker(stage.settings) as broker:
        assert broker.lengths().waiting == CAP
    ids = sent(troupe)
    assert len(ids) == len(set(ids)) == CAP
    assert {unpack(one)["ids"][0] for one in taken} <= set(wanted)


def test_redis_that_is_away_costs_only_the_sending(
    stage: Stage, hybrid: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.write(passages(3).values())
    edit(stage, "p00001", text="the tide other")
    monkeypatch.setenv("HYBRID_REDIS_URL", "redis://:hunter2@127.0.0.1:9/0")
    said = hybrid("repair", stage.address, "--verify")
    assert said.code == 1
    assert said.out == "3 passages checked: 1 texts had changed, 1 corrected\n"
    assert "127.0.0.1:9" in said.err
    assert "hunter2" not in said.err


def test_folder_and_index_that_is_not_there_are_refused(stage: Stage, hybrid: Say, tmp_path: Any) -> None:
    assert "is a folder" in one_line(hybrid("repair", tmp_path))
    assert "no such index" in one_line(hybrid("repair", f"{stage.address}-none"))


def test_what_others_changed_is_found_and_encoded_again(
    stage: Stage, hybrid: Say, troupe: Troupe, request: pytest.FixtureRequest
) -> None:
    wanted = passages(COUNT)
    stage.write_encoded(wanted.values())
    # A new text, a new title, and a text that comes with its hash but with the vector of another.
    edit(stage, "p00003", text="the tide other")
    edit(stage, "p00007", title="tide")
    edit(stage, "p00011", text="the ocean", text_hash=hash_text("ocean", "the ocean"))
    assert stage.status().pending == 0
    said = hybrid("repair", stage.address, "--verify", "--json")
    assert said.code == 0
    assert said.json == {"checked": COUNT, "changed": 2, "cleared": 3, "sent": 3, "all_sent": True}
    assert sorted(sent(troupe)) == ["p00003", "p00007", "p00011"]
    stored = stage.stored()
    assert all(stage.vector_field not in stored[one] for one in ("p00003", "p00007", "p00011"))
    wanted["p00003"] = Passage("p00003", "the tide other", title="ocean")
    wanted["p00007"] = Passage("p00007", wanted["p00007"].text, title="tide")
    wanted["p00011"] = Passage("p00011", "the ocean", title="ocean")
    request.getfixturevalue("worker")
    stage.wait_encoded()
    stage.assert_holds(wanted)
    again = hybrid("repair", stage.address, "--verify")
    assert (again.code, again.out.splitlines()) == (
        0, [f"{COUNT} passages checked: 0 texts had changed, 0 corrected", "0 passages sent to the workers"]
    )  # fmt: skip


@pytest.mark.usefixtures("worker")
def test_what_failed_is_tried_again_when_that_is_asked_for(stage: Stage, hybrid: Say, troupe: Troupe) -> None:
    wanted = passages(5) | {"bad": Passage("bad", f"the {POISON}")}
    stage.write(wanted.values())
    stage.wait_encoded(failed=1)
    with Broker(stage.settings) as broker:
        wait_for(lambda: not broker.lengths().taken, "the end of the first try", troupe.evidence)
    assert hybrid("repair", stage.address, "--json").json["sent"] == 0
    assert hybrid("repair", stage.address, "--failed", "--json").json["sent"] == 1
    wait_for(lambda: stage.stored()["bad"]["encode_error"]["attempts"] == 2, "another try", troupe.evidence)
    stage.assert_holds(wanted, failed=["bad"])


@pytest.mark.usefixtures("worker")
@pytest.mark.slow
def test_two_hundred_thousand_that_wait_never_pass_the_cap(stage: Stage, hybrid: Say) -> None:
    """Repair every few seconds beside a feeder and a worker."""
    count = 200_000
    made = list(passages(5_000).values())
    for start in range(0, count, len(made)):
        stage.write(Passage(f"{start}-{one.id}", one.text, title=one.title) for one in made)
    longest = 0
    with Broker(stage.settings) as broker:
        for _ in range(12):
            assert hybrid("repair", stage.address).code == 0
            until = time.monotonic() + 10
            while time.monotonic() < until:
                lengths = broker.lengths()
                longest = max(longest, lengths.waiting + lengths.taken)
                time.sleep(0.02)
    assert 0 < longest <= CAP
