"""Workers that are killed at any point of a passage's way: in the end all vectors are there, each of its own text."""

from collections.abc import Sequence

import pytest

from tests.faults.points import POINTS, Point
from tests.faults.processes import wait_for
from tests.faults.stage import Stage, passages

COUNT = 1_500


def test_process_that_encodes_may_die_at_every_point(own_stage: Stage) -> None:
    points, wanted = own_stage.troupe.points, passages(COUNT)
    own_stage.write(wanted.values())
    worker = own_stage.troupe.add("one")
    for point in POINTS:
        points.order(point, worker.kill_child)
    own_stage.wait_encoded()
    assert points.strikes == []
    own_stage.assert_holds(wanted)


@pytest.mark.parametrize("points", [POINTS[2:3], pytest.param(POINTS, marks=pytest.mark.slow)])
def test_whole_worker_may_die_and_the_next_one_goes_on(own_stage: Stage, points: Sequence[Point]) -> None:
    troupe, wanted = own_stage.troupe, passages(COUNT)
    own_stage.write(wanted.values())
    for point in points:
        worker = troupe.add(point.replace(" ", "-"))
        troupe.points.order(point, worker.kill)
        wait_for(lambda: not troupe.points.strikes, f"reaching the point {point}", troupe.evidence)
    troupe.add("last")
    own_stage.wait_encoded()
    own_stage.assert_holds(wanted)
    own_stage.wait_empty()
