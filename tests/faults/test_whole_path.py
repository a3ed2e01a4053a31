"""Text in, ids through the queue, vectors out, by the real command of a worker."""

from tests.faults.stage import Stage, passages


def test_worker_encodes_what_it_is_sent_and_what_it_was_never_sent(stage: Stage) -> None:
    wanted = passages(700)
    stage.write(wanted.values())
    assert stage.send(list(wanted)[:300]) == 2
    stage.troupe.add("one")
    stage.wait_encoded()
    stage.assert_holds(wanted)
