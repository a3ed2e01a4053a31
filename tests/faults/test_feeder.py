"""The feeder finds every passage without a vector in the index itself, and sends no more than the queue may hold."""

import contextlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest

from hybrid import Passage, create_index, delete_index, messages, open_index
from hybrid.engines.opensearch.client import Client
from hybrid.engines.opensearch.lifecycle import open_target
from hybrid.engines.opensearch.reencode import add_encoder
from hybrid.errors import BrokerError, IndexMissingError, UnreachableError
from hybrid.messages import EncodeMessage
from hybrid.queue import feeder as feeding
from hybrid.queue import signs
from hybrid.queue.broker import Broker
from hybrid.queue.envelope import unpack
from hybrid.queue.feeder import ELSEWHERE, FRUITLESS, FULL, IDLE, SENDING, Feeder
from hybrid.records import Filled
from tests.conftest import small_profile
from tests.faults.stage import Stage, passage, passages

SIZE = 8
CAP, LOW = 16, 4


@pytest.fixture
def broker(stage: Stage) -> Iterator[Broker]:
    stage.troupe.redis.library.flushall()
    with Broker(stage.settings) as broker:
        yield broker


@pytest.fixture
def feeder(stage: Stage, client: Client, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Feeder:
    monkeypatch.setattr(messages, "MESSAGE_SIZE", SIZE)
    return Feeder(client, broker, f"{stage.index}-*", cap=CAP, low_water=LOW)


def take(stage: Stage, count: int) -> list[EncodeMessage]:
    """Take messages off the queue, as workers do, without encoding anything."""
    taken = (stage.troupe.redis.library.rpop("hybrid:encode") for _ in range(count))
    return [EncodeMessage.from_json(unpack(one)) for one in taken if one]


def ids_of(taken: Sequence[EncodeMessage]) -> list[str]:
    return [one for message in taken for one in message.ids]


def drain(stage: Stage, feeder: Feeder, broker: Broker) -> list[str]:
    """Let the feeder have its turns, and take what it sends, until a round is over."""
    sent: list[str] = []
    for _ in range(100):
        state = feeder.turn()
        assert broker.lengths().waiting <= CAP
        taken = take(stage, CAP - LOW)
        sent += ids_of(taken)
        if state not in (SENDING, FULL) or len(taken) < CAP - LOW:
            return sent + ids_of(take(stage, CAP))
    raise AssertionError("the round does not end")


def test_every_passage_without_a_vector_is_sent_once_a_round_within_the_cap(
    stage: Stage, feeder: Feeder, broker: Broker
) -> None:
    wanted = passages(500)
    stage.write(list(wanted.values()))
    sent = drain(stage, feeder, broker)
    assert sent == sorted(wanted)
    # What was taken and lost is sent again.
    signs.add_done(broker, "one@here", Filled())
    assert drain(stage, feeder, broker) == sorted(wanted)


def test_nothing_is_sent_while_enough_waits_and_nothing_twice(stage: Stage, feeder: Feeder, broker: Broker) -> None:
    wanted = passages(300)
    stage.write(list(wanted.values()))
    assert feeder.turn() == SENDING
    assert broker.lengths().waiting == CAP
    assert feeder.turn() == FULL
    first = take(stage, CAP - LOW)
    assert feeder.turn() == SENDING
    assert broker.lengths().waiting == CAP
    rest = drain(stage, feeder, broker)
    assert sorted([*ids_of(first), *rest]) == sorted(wanted)


def test_what_is_under_way_already_is_not_sent_again(stage: Stage, feeder: Feeder) -> None:
    wanted = passages(30)
    stage.write(list(wanted.values()))
    assert stage.send(list(wanted)[10:18]) == 1
    assert feeder.turn() == SENDING
    assert sorted(ids_of(take(stage, CAP))) == sorted(wanted)


def test_passages_with_a_vector_and_those_given_up_are_left_alone(stage: Stage, feeder: Feeder, raw: Any) -> None:
    stage.write([Passage("encoded", "the tide", vector=stage.encoder.encode_passages([("", "the tide")])[0])])
    stage.write([Passage("failed", "a"), Passage("of another encoder", "b"), Passage("pending", "c")])
    fingerprints = {"failed": stage.encoder.make_profile().fingerprint, "of another encoder": "0" * 32}
    for one, fingerprint in fingerprints.items():
        trouble = {"reason": "bad", "fingerprint": fingerprint, "text_hash": "", "attempts": 1}
        raw.update(index=stage.concrete, id=one, body={"doc": {"encode_error": trouble}}, refresh=True)
    assert feeder.turn() == SENDING
    assert sorted(ids_of(take(stage, CAP))) == ["of another encoder", "pending"]


def test_indexes_whose_vectors_come_from_elsewhere_are_left_alone(stage: Stage, feeder: Feeder, raw: Any) -> None:
    foreign = f"{stage.address}-foreign"
    create_index(foreign, small_profile(), settings=stage.settings)
    raw.indices.create(index=f"{stage.index}-plain", body={"mappings": {"properties": {"a": {"type": "keyword"}}}})
    try:
        with open_index(foreign, settings=stage.settings) as index:
            index.add([Passage("p", "text")], refresh=True)
        assert feeder.turn() == IDLE
        stage.write(list(passages(1).values()))
        assert feeder.turn() == SENDING
        assert ids_of(take(stage, CAP)) == ["p00000"]
    finally:
        delete_index(foreign, settings=stage.settings)
        raw.indices.delete(index=f"{stage.index}-plain")


def test_two_indexes_are_fed_in_turn_and_one_that_goes_does_not_stop_the_other(
    stage: Stage, feeder: Feeder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "PAGE", 32)
    monkeypatch.setattr("hybrid.engines.opensearch.pending.PAGE", 32)
    second = f"{stage.address}-second"
    create_index(second, stage.encoder.make_profile(), settings=stage.settings)
    stage.write(list(passages(400).values()))
    with open_index(second, settings=stage.settings) as index:
        index.add(passages(100).values(), refresh=True)
    assert feeder.turn() == SENDING
    assert len({message.index for message in take(stage, CAP)}) == 2
    delete_index(second, settings=stage.settings)
    sent: list[str] = []
    for _ in range(30):
        with contextlib.suppress(IndexMissingError):
            feeder.turn()
        sent += [one for message in take(stage, CAP) if message.index == stage.concrete for one in message.ids]
    assert set(sent) | set(list(passages(400))[:64]) == set(passages(400))


def test_queue_that_was_wiped_is_filled_again(stage: Stage, feeder: Feeder, broker: Broker) -> None:
    wanted = passages(100)
    stage.write(list(wanted.values()))
    assert feeder.turn() == SENDING
    assert len(take(stage, CAP)) == 13
    assert feeder.turn() == FRUITLESS
    signs.add_done(broker, "one@here", Filled())
    assert feeder.turn() == SENDING
    stage.troupe.redis.library.flushall()
    assert feeder.turn() == SENDING
    assert ids_of(take(stage, CAP)) == sorted(wanted)


def test_round_after_round_without_any_work_done_is_waited_for_longer_and_longer(
    stage: Stage, feeder: Feeder, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("hybrid.queue.feeder.time.monotonic", lambda: clock[0])
    stage.write(list(passages(10).values()))
    rounds: list[float] = []
    for _ in range(300):
        if feeder.turn() == SENDING:
            rounds.append(clock[0])
        take(stage, CAP)
        clock[0] += feeding.FIRST_PAUSE
    pauses = [later - earlier for earlier, later in pairwise(rounds)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (feeding.FIRST_PAUSE, feeding.LONGEST_PAUSE)
    signs.add_done(broker, "one@here", Filled())
    assert feeder.turn() == SENDING


def test_one_feeder_feeds_until_it_stops(stage: Stage, feeder: Feeder, client: Client) -> None:
    with Broker(stage.settings) as other_broker:
        other = Feeder(client, other_broker, f"{stage.index}-*")
        assert (feeder.turn(), other.turn()) == (IDLE, ELSEWHERE)
        feeder.stop()
        assert (other.turn(), feeder.turn()) == (IDLE, ELSEWHERE)


def test_index_that_does_not_refresh_gets_nothing_twice_that_has_its_vector(
    stage: Stage, feeder: Feeder, broker: Broker, raw: Any
) -> None:
    wanted = passages(20)
    stage.write(list(wanted.values()))
    raw.indices.put_settings(index=stage.index, body={"index": {"refresh_interval": "-1"}})
    assert feeder.turn() == SENDING
    assert sorted(ids_of(take(stage, CAP))) == sorted(wanted)
    vector = stage.encoder.encode_passages([("", "the tide")])[0].tolist()
    for one in list(wanted)[:15]:
        raw.update(index=stage.concrete, id=one, body={"doc": {stage.vector_field: vector}})
    signs.add_done(broker, "one@here", Filled(encoded=15))
    assert feeder.turn() == SENDING
    assert sorted(ids_of(take(stage, CAP))) == sorted(wanted)[15:]


def test_feeder_says_who_does_not_answer_and_goes_on_afterwards(stage: Stage, broker: Broker) -> None:
    stage.write(list(passages(3).values()))
    away = Client("http://127.0.0.1:9", stage.settings)
    with pytest.raises(UnreachableError):
        Feeder(away, broker, f"{stage.index}-*").turn()
    away.close()
    client = Client(stage.upstream, stage.settings)
    feeder = Feeder(client, broker, f"{stage.index}-*")
    stage.troupe.redis.kill()
    with pytest.raises(BrokerError):
        feeder.turn()
    stage.troupe.redis.start()
    assert feeder.turn() == SENDING
    client.close()


def test_index_that_is_gone_is_not_waited_for(stage: Stage, feeder: Feeder, broker: Broker) -> None:
    second = f"{stage.address}-second"
    create_index(second, stage.encoder.make_profile(), settings=stage.settings)
    with open_index(second, settings=stage.settings) as index:
        index.add(passages(10).values(), refresh=True)
    assert feeder.turn() == SENDING
    take(stage, CAP)
    delete_index(second, settings=stage.settings)
    signs.add_done(broker, "one@here", Filled())
    assert [feeder.turn() for _ in range(4)] == [IDLE] * 4


def test_questions_change_over_when_everything_has_the_new_vector_and_not_before(
    stage: Stage, feeder: Feeder, client: Client, broker: Broker, raw: Any
) -> None:
    profile = stage.encoder.make_profile(fingerprint="ab" * 16, pair_id="newer")
    stage.write_encoded(passages(3).values())
    target = client.run(open_target(stage.index))
    name = client.run(add_encoder(target, profile)).profile.vector_field
    assert feeder.turn() == SENDING
    (message,) = take(stage, CAP)
    assert (message.field, sorted(message.ids)) == (name, sorted(passages(3)))
    vector = [1.0] * profile.dimension
    for one in ("p00000", "p00001"):
        raw.update(index=stage.concrete, id=one, body={"doc": {name: vector}}, refresh=True)
    trouble = {"reason": "bad", "fingerprint": profile.fingerprint, "text_hash": "", "attempts": 1}
    raw.update(index=stage.concrete, id="p00002", body={"doc": {"encode_error": trouble}}, refresh=True)
    signs.add_done(broker, "one@here", Filled())
    assert "1 passages would lose their vector by changing over to newer" in feeder.turn()
    assert client.run(open_target(stage.index)).profile.pair_id == stage.encoder.pair_id
    # What came meanwhile is to have both vectors.
    raw.update(index=stage.concrete, id="p00002", body={"doc": {name: vector}})
    late = passage(3)
    stage.write([late])
    raw.update(index=stage.concrete, id=late.id, body={"doc": {name: vector}}, refresh=True)
    assert feeder.turn() == SENDING
    signs.add_done(broker, "one@here", Filled())
    assert "1 passages wait for a vector of the encoder before newer" in feeder.turn()
    assert client.run(open_target(stage.index)).profile.pair_id == stage.encoder.pair_id
    assert [(message.field, message.ids) for message in take(stage, CAP)] == [(stage.vector_field, (late.id,))]
    signs.add_done(broker, "one@here", Filled())
    raw.update(index=stage.concrete, id=late.id, body={"doc": {stage.vector_field: vector}}, refresh=True)
    assert feeder.turn() == IDLE
    assert client.run(open_target(stage.index)).profile.pair_id == "newer"
