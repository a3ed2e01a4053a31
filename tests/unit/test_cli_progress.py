"""Progress in a pipe: a line now and then, with a rate and an estimate that can be trusted."""

from collections.abc import Iterator

import pytest

from hybrid.cli.progress import INTERVAL, Progress


class Clock:
    """A time that only a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    with monkeypatch.context() as patch:
        patch.setattr("hybrid.cli.progress.time.monotonic", clock)
        yield clock


def test_line_comes_no_oftener_than_once_an_interval(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("passages", 1000) as shown:
        for done in range(1, 31):
            clock.now += INTERVAL / 10 + 0.001
            shown.update(10 * done)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "passages: 100 of 1,000, 10/s, 90 s left",
        "passages: 200 of 1,000, 10/s, 80 s left",
        "passages: 300 of 1,000, 10/s, 70 s left",
    ]


def test_total_is_worked_out_from_what_is_read_and_not_told_at_the_end(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with Progress("passages") as shown:
        shown.update(0)
        for share in (0.25, 1.0):
            clock.now += 2 * INTERVAL
            shown.estimate(500, share)
            shown.update(500, "3 rejected")
    assert capsys.readouterr().err.splitlines() == [
        "passages: 500 of 2,000, 25/s, 60 s left, 3 rejected",
        "passages: 500, 12/s, 3 rejected",
    ]


def test_second_phase_has_a_rate_of_its_own(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("passages", 100) as shown:
        clock.now += INTERVAL / 2
        shown.update(100)
        shown.begin("vectors", 20, 100)
        clock.now += 2 * INTERVAL
        shown.update(60)
    assert capsys.readouterr().err == "vectors: 60 of 100, 2/s, 20 s left\n"


def test_what_an_earlier_command_did_does_not_count_in_the_rate(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with Progress("asking", 1000) as shown:
        shown.update(900)
        clock.now += 2 * INTERVAL
        shown.update(940)
    assert capsys.readouterr().err == "asking: 940 of 1,000, 2/s, 30 s left\n"


def test_of_what_is_slow_the_time_of_one_is_told(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("steps", 10) as shown:
        shown.update(1)
        clock.now += 2 * INTERVAL
        shown.update(6)
    assert capsys.readouterr().err == "steps: 6 of 10, 4.0 s each, 16 s left\n"


def test_nothing_is_said_of_what_is_quick(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("passages", 10) as shown:
        clock.now += INTERVAL
        shown.update(10)
    assert capsys.readouterr().err == ""
