"""What may happen while passages are being encoded: none is lost or revived, none has the vector of another text."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from hybrid import Passage
from hybrid.queue.begun import GIVEN_UP, Begun
from hybrid.queue.broker import Broker
from tests.faults.processes import Worker, wait_for
from tests.faults.stage import Stage, passage, passages
from tests.faults.tiny import POISON
from tests.faults.troupe import Troupe
from tests.services.http_server import Reply, Request
from tests.services.recorder import Answer, Fault, applied_unanswered, in_turn, limited

COUNT = 600


@pytest.fixture(scope="module")
def worker(troupe: Troupe) -> Worker:
    worker = troupe.add("one")
    worker.wait_ready()
    return worker


@pytest.fixture(autouse=True)
def clean(troupe: Troupe, worker: Worker) -> Iterator[None]:  # noqa: ARG001 - every test needs the worker
    yield
    troupe.points.spoil = troupe.points.overhear = None
    assert troupe.points.strikes == []


def test_passages_that_are_edited_or_deleted_meanwhile_get_the_vector_of_their_new_text_or_none(stage: Stage) -> None:
    wanted = passages(COUNT)

    def edit() -> None:
        """Give texts to other passages, add metadata, and take every seventh away."""
        changed = {one.id: one for number in range(0, COUNT, 5) for one in [passage(number, "other")]}
        noted = {
            one: Passage(one, wanted[one].text, title=wanted[one].title, meta={"seen": True})
            for one in list(wanted)[1::5]
        }
        gone = list(wanted)[::7]
        stage.write([*changed.values(), *noted.values()])
        stage.delete(gone)
        wanted.update(changed)
        wanted.update(noted)
        for one in gone:
            del wanted[one]

    stage.troupe.points.order("after encode", edit, cuts=False)
    stage.write(wanted.values())
    wait_for(lambda: not stage.troupe.points.strikes, "the first vectors", stage.troupe.evidence)
    stage.wait_encoded()
    stage.assert_holds(wanted)


def test_passages_that_the_encoder_cannot_read_are_recorded_and_their_neighbours_encoded(stage: Stage) -> None:
    wanted = passages(300)
    bad = {f"p{number:05}": Passage(f"p{number:05}", f"the {POISON} {number}") for number in (0, 17, 18, 299)}
    wanted |= bad
    stage.write(wanted.values())
    stage.wait_encoded(failed=len(bad))
    stage.assert_holds(wanted, failed=bad)
    errors = [stage.stored()[one]["encode_error"] for one in bad]
    assert {error["reason"] for error in errors} == {"the encoder gives NaN or infinity"}
    assert {error["attempts"] for error in errors} == {1}


@pytest.mark.slow
def test_text_that_kills_whoever_encodes_it_is_given_up_and_its_neighbours_encoded(
    stage: Stage, worker: Worker
) -> None:
    wanted = passages(300)
    killer = wanted["p00123"]
    profile = stage.encoder.make_profile()
    with Broker(stage.settings) as broker:
        (name,) = Begun(broker, profile.fingerprint).name([(killer.title, killer.text)])

    def kill(sent: bytes) -> bool:
        """Strike while the text is being encoded: before it is noted that the process survived."""
        if b"HDEL" not in sent or name.encode() not in sent:
            return False
        worker.kill_child()
        return True

    stage.troupe.points.overhear = kill
    stage.write(wanted.values())
    stage.wait_encoded(failed=1)
    stage.assert_holds(wanted, failed=[killer.id])
    assert stage.stored()[killer.id]["encode_error"]["reason"] == GIVEN_UP
    # Whoever asks for another try gets one.
    stage.troupe.points.overhear = None
    assert stage.send([killer.id]) == 1
    stage.wait_encoded()
    stage.assert_holds(wanted)


def refusing(refusals: Mapping[str, list[int]]) -> Any:
    """Refuse updates by id, once for each status that is given; the others go on to the node."""
    left = {one: list(statuses) for one, statuses in refusals.items()}

    def spoil(honest: Answer) -> Answer:
        def answer(request: Request) -> Reply | Fault:
            lines = request.body.splitlines(keepends=True)
            pairs = [
                (json.loads(lines[at])["update"]["_id"], lines[at] + lines[at + 1]) for at in range(0, len(lines), 2)
            ]
            refused = {one: left[one].pop(0) for one, _ in pairs if left.get(one)}
            kept = b"".join(payload for one, payload in pairs if one not in refused)
            done: Iterator[Any] = iter(())
            if kept:
                reply = honest(Request(request.method, request.path, request.headers, kept))
                assert isinstance(reply, Reply)
                done = iter(json.loads(reply.body)["items"])
            items = [{"update": _refusal(one, refused[one])} if one in refused else next(done) for one, _ in pairs]
            return Reply(200, json.dumps({"took": 1, "errors": bool(refused), "items": items}).encode())

        return answer

    return spoil


def _refusal(passage_id: str, status: int) -> dict[str, Any]:
    error = {"type": "rejected_execution_exception", "reason": "the node has too much to do"}
    return {"_id": passage_id, "status": status, "error": error}


def test_items_that_are_refused_for_now_are_written_later(stage: Stage) -> None:
    wanted = passages(COUNT)
    stage.troupe.points.spoil = refusing({one: [429, 503, 429][: number % 4] for number, one in enumerate(wanted)})
    stage.write(wanted.values())
    stage.wait_encoded()
    stage.assert_holds(wanted)


def test_vectors_whose_answer_got_lost_and_bulks_that_are_too_large_are_written_once(stage: Stage) -> None:
    wanted = passages(COUNT)
    lost = applied_unanswered(stage.upstream)

    def spoil(honest: Answer) -> Answer:
        return limited(20_000, then=in_turn(lost, honest, lost, honest))

    stage.troupe.points.spoil = _once(spoil)
    stage.write(wanted.values())
    stage.wait_encoded()
    stage.assert_holds(wanted)


def _once(spoil: Any) -> Any:
    """Build the faulty answer once, for it counts requests."""
    built: list[Answer] = []

    def spoil_once(honest: Answer) -> Answer:
        if not built:
            built.append(spoil(honest))
        return built[0]

    return spoil_once


def test_messages_that_vanish_are_sent_again(stage: Stage, troupe: Troupe) -> None:
    wanted = passages(3_000)
    stolen = [0]

    def steal() -> None:
        while troupe.redis.library.rpop("hybrid:encode"):
            stolen[0] += 1

    troupe.points.order("after encode", steal, cuts=False)
    troupe.points.order("after encode", steal, cuts=False)
    stage.write(wanted.values())
    stage.wait_encoded()
    assert stolen[0] > 0
    stage.assert_holds(wanted)
