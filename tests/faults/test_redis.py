"""Redis killed, wiped or silent: workers come back by themselves, and the index tells what is left to do."""

from collections.abc import Callable

import pytest

from hybrid.queue.broker import Broker
from tests.faults.processes import RedisServer, wait_for
from tests.faults.stage import Stage, passages

COUNT = 1_500


def kill(redis: RedisServer) -> None:
    redis.kill()
    redis.start()


def wipe(redis: RedisServer) -> None:
    redis.library.flushall()


def play(stage: Stage, strike: Callable[[RedisServer], None], after: Callable[[], None] = lambda: None) -> None:
    """Strike at the first passages and in the middle, and see that all is encoded in the end."""
    wanted, troupe = passages(COUNT), stage.troupe
    stage.write(wanted.values())
    for point in ("before encode", "after encode"):
        troupe.points.order(point, lambda: strike(troupe.redis), cuts=False)
    troupe.add("one")
    wait_for(lambda: not troupe.points.strikes, "reaching the points", troupe.evidence)
    after()
    stage.wait_encoded()
    stage.assert_holds(wanted)


def test_redis_without_persistence_is_killed_and_comes_back_empty(own_stage: Stage) -> None:
    play(own_stage, kill)


@pytest.mark.parametrize("own_troupe", [True], indirect=True)
def test_redis_with_persistence_is_killed_and_comes_back(own_stage: Stage) -> None:
    play(own_stage, kill)


def test_redis_is_wiped(own_stage: Stage) -> None:
    play(own_stage, wipe)


def test_redis_that_is_silent_is_waited_for(own_stage: Stage) -> None:
    """Stop it longer than anybody waits for an answer, and let it go on."""
    troupe = own_stage.troupe

    def go_on() -> None:
        worker = troupe.workers[0]
        wait_for(lambda: worker.said("gives no answer") > 0, "noticing that Redis is silent", troupe.evidence)
        troupe.redis.go_on()

    wanted = passages(COUNT)
    own_stage.write(wanted.values())
    troupe.points.order("before encode", troupe.redis.pause, cuts=False)
    troupe.add("one")
    wait_for(lambda: not troupe.points.strikes, "reaching the point", troupe.evidence)
    go_on()
    own_stage.wait_encoded()
    own_stage.assert_holds(wanted)
    with Broker(own_stage.settings) as broker:
        assert broker.lengths().waiting == 0
