"""The long plays: dozens of kills at random moments, a minute without Redis, a node of three that dies."""

import contextlib
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import opensearchpy
import pytest

from hybrid import Passage
from hybrid.encoders import Encoder
from hybrid.errors import HybridError
from hybrid.queue.broker import CAP, Broker
from tests.conftest import serve
from tests.faults.processes import wait_for
from tests.faults.stage import Stage, clear_stage, passage, passages, set_stage
from tests.faults.troupe import troupe_of
from tests.services.node import Cluster, start_cluster

pytestmark = pytest.mark.slow

SEED = 20201116
KILLS = 50
#: Seconds from one kill to the next, at random: from the middle of a start to many messages later.
MOMENTS = (0.0, 6.0)


def test_workers_are_killed_at_fifty_random_moments_while_others_write(own_stage: Stage) -> None:
    chance, troupe = random.Random(SEED), own_stage.troupe
    workers = [troupe.add("one"), troupe.add("two")]
    wanted: dict[str, Passage] = {}
    for kill in range(KILLS):
        _write_at_random(own_stage, wanted, chance, kill)
        time.sleep(chance.uniform(*MOMENTS))
        victim = chance.choice(workers)
        if chance.random() < 0.5:
            victim.kill_child()
        else:
            victim.kill()
            victim.start()
    own_stage.wait_encoded()
    own_stage.assert_holds(wanted)


def _write_at_random(stage: Stage, wanted: dict[str, Passage], chance: random.Random, turn: int) -> None:
    """Add passages, give new texts to some, and take some away."""
    changed = {one: passage(int(one[1:]), chance.choice(["", "other"])) for one in _draw(wanted, chance, 40)}
    gone = [one for one in _draw(wanted, chance, 20) if one not in changed]
    written = {**passages(chance.randint(1, 180), start=200 * turn), **changed}
    stage.write(written.values())
    if gone:
        stage.delete(gone)
    wanted.update(written)
    for one in gone:
        del wanted[one]


def _draw(wanted: dict[str, Passage], chance: random.Random, most: int) -> list[str]:
    return chance.sample(sorted(wanted), chance.randint(0, min(most, len(wanted))))


def test_redis_is_silent_for_a_minute(own_stage: Stage) -> None:
    troupe, wanted = own_stage.troupe, passages(3_000)
    own_stage.write(wanted.values())
    troupe.points.order("after encode", troupe.redis.pause, cuts=False)
    troupe.add("one")
    troupe.add("two")
    wait_for(lambda: not troupe.points.strikes, "reaching the point", troupe.evidence)
    # Text goes on coming meanwhile.
    time.sleep(30)
    late = passages(500, start=10_000)
    own_stage.write(late.values())
    time.sleep(30)
    troupe.redis.go_on()
    own_stage.wait_encoded()
    own_stage.assert_holds(wanted | late)
    with Broker(own_stage.settings) as broker:
        lengths = broker.lengths()
        assert lengths.waiting + lengths.taken <= CAP


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Give three nodes of the test's own."""
    yield from serve(_running_cluster())


@contextlib.contextmanager
def _running_cluster() -> Iterator[Cluster]:
    cluster = start_cluster(nodes=3)
    try:
        yield cluster
    finally:
        cluster.stop()


def test_node_of_three_dies_while_passages_are_encoded(cluster: Cluster, encoder: Encoder, tmp_path: Path) -> None:
    wanted, raw = passages(3_000), opensearchpy.OpenSearch(list(cluster.urls), timeout=60, retry_on_timeout=True)
    with troupe_of(cluster.urls[0], tmp_path) as troupe:
        stage = set_stage(troupe, raw, encoder, replicas=1, shards=3)
        raw.cluster.health(index=stage.index, wait_for_status="green", timeout=60)
        stage.write(wanted.values())
        troupe.points.order("after encode", cluster.nodes[2].kill, cuts=False)
        troupe.add("one")
        troupe.add("two")
        wait_for(lambda: not troupe.points.strikes, "reaching the point", troupe.evidence)
        late = passages(200, start=10_000)
        wait_for(lambda: _writes(stage, late), "writing to two nodes", troupe.evidence)
        stage.wait_encoded()
        stage.assert_holds(wanted | late)
        clear_stage(stage)
    raw.close()


def _writes(stage: Stage, written: dict[str, Any]) -> bool:
    """Write; tells whether the cluster took it."""
    try:
        stage.write(written.values())
    except HybridError:
        return False
    return True
