"""How a worker is: deaf ones are noticed, silent ones too, and what they say is what Prometheus reads."""

import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from hybrid.queue.broker import Lengths
from hybrid.settings import Settings
from tests.services.processes import free_ports
from workers import health, watching
from workers.health import SILENT_AFTER
from workers.metrics import Metrics
from workers.notes import Health, note_path, read_notes, write_note
from workers.watching import DEAF_AFTER, Ear

WAITING = Lengths(waiting=3, taken=0)


def note(node: str = "one@here", *, age: float = 0.0, trouble: str = "", waits_for: str = "") -> Health:
    return Health(
        node, 1, time.time() - age, trouble, waits_for, waiting=3, taken=2, done={"encoded": 5, "messages": 1}
    )


def test_worker_that_takes_nothing_of_what_waits_is_deaf() -> None:
    ear = Ear()
    assert ear.listen(WAITING, 0.0, heard=7, busy=0) == ""
    assert ear.listen(WAITING, DEAF_AFTER, heard=7, busy=0) == ""
    assert "has taken none of 3 messages" in ear.listen(WAITING, DEAF_AFTER + 1, heard=7, busy=0)
    assert ear.listen(WAITING, DEAF_AFTER + 2, heard=8, busy=0) == ""


@pytest.mark.parametrize(
    ("lengths", "heard", "busy"), [(WAITING, [1, 2, 3], 0), (WAITING, [1, 1, 1], 1), (Lengths(0, 5), [1, 1, 1], 0)]
)
def test_worker_that_takes_works_or_has_nothing_to_take_is_well(
    lengths: Lengths, heard: list[int], busy: int
) -> None:
    ear = Ear()
    assert [ear.listen(lengths, 10 * DEAF_AFTER * turn, one, busy) for turn, one in enumerate(heard)] == [""] * 3


def test_notes_are_read_as_they_were_written(tmp_path: Path) -> None:
    settings, said = Settings(state_folder=tmp_path), note("a/b@here")
    path = note_path(settings, said.node)
    path.parent.mkdir(parents=True)
    write_note(path, said)
    assert list(read_notes(settings)) == [said]
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_silence_and_trouble_are_told() -> None:
    assert health.describe(note(waits_for="nothing to do")) == "one@here: well; nothing to do"
    assert health.describe(note(trouble="it is idle")) == "one@here: it is idle"
    assert "has said nothing for" in health.describe(note(age=SILENT_AFTER + 5))


def test_health_command_looks_at_the_workers_that_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(health, "read_settings", lambda: Settings(state_folder=tmp_path))
    assert health.main([]) == 1
    assert "no worker runs here" in capsys.readouterr().out
    for one in (note("one@here"), note("two@here", trouble="it is idle")):
        path = note_path(Settings(state_folder=tmp_path), one.node)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_note(path, one)
    assert health.main([]) == 1
    assert health.main(["one@here"]) == 0
    assert health.main(["three@here"]) == 1


def test_prometheus_reads_counts_and_health() -> None:
    (port,) = free_ports(1)
    said = [note()]
    metrics = Metrics(port, lambda: said[0])
    metrics.start()
    try:
        text = read(port)
        assert "hybrid_passages_encoded_total 5.0" in text
        assert "hybrid_messages_total 1.0" in text
        assert "hybrid_queue_waiting 3.0" in text
        assert "hybrid_queue_taken 2.0" in text
        assert "hybrid_worker_healthy 1.0" in text
        said[0] = note(trouble="it is idle")
        assert "hybrid_worker_healthy 0.0" in read(port)
    finally:
        metrics.stop()


def read(port: int) -> str:
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        return str(answer.read().decode())


def test_worker_is_looked_at_more_often_than_it_may_be_silent() -> None:
    assert 3 * watching.INTERVAL < SILENT_AFTER
