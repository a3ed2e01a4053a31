"""A job's record: it is saved on Ctrl-C, kept from being carried on twice, and holds the settings to put back."""

import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from hybrid import open_index
from hybrid.engines.opensearch.load import LOAD_SETTINGS
from hybrid.errors import LockHeldError, ModelError
from hybrid.passages import Vector
from hybrid.records import Filled, Job
from hybrid.settings import Settings
from ingest.tally import Tally
from tests.conftest import MakeIndex
from tests.integration.faults import name_of
from tests.integration.feeding import (
    JOB,
    Pairs,
    accepted_of,
    assert_holds,
    document,
    encode,
    ingest,
    write_jsonl,
)
from tests.integration.killing import Moment, run_feeder
from tests.messages import assert_one_clear_line

pytestmark = pytest.mark.usefixtures("small_steps")

SOURCE = [document(f"d{number}", number % 8 + 1) for number in range(30)]


@pytest.fixture
def address(make_index: MakeIndex) -> str:
    return make_index()


def record_of(address: str) -> Job:
    with open_index(address, settings=Settings()) as index:
        found = index.intake().load_job(JOB)
    assert found is not None
    return found


def settings_of(raw: Any, address: str) -> dict[str, Any]:
    (found,) = raw.indices.get_settings(index=name_of(address), params={"flat_settings": "true"}).values()
    return {name: found["settings"].get(f"index.{name}") for name in LOAD_SETTINGS}


def press_ctrl_c() -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def test_ctrl_c_ends_with_a_record_of_all_that_was_written(address: str, rejects: Path, raw: Any) -> None:
    def interrupted(pairs: Pairs) -> list[Vector]:
        if any(text.startswith("d17w0") for _, text in pairs):
            press_ctrl_c()
        return encode(pairs)

    with pytest.raises(KeyboardInterrupt):
        ingest(address, SOURCE, rejects, encode=interrupted)
    found = record_of(address)
    assert (found.state, found.counts["rows"]) == ("running", found.position)
    assert 10 < found.position <= 17
    assert_holds(raw, address, accepted_of(SOURCE[: found.position]))
    tally = ingest(address, SOURCE, rejects, resume=True).tally
    assert (tally.rows, tally.created, tally.adds_up) == (len(SOURCE), len(accepted_of(SOURCE)), True)
    assert_holds(raw, address, accepted_of(SOURCE))


def test_process_whose_job_was_taken_over_stops_with_one_line(address: str, rejects: Path, raw: Any) -> None:
    taken: list[Job] = []

    def take_over(_tally: Tally, _filled: Filled) -> None:
        if not taken:
            with open_index(address, settings=Settings()) as index:
                intake = index.intake()
                stored = intake.load_job(JOB)
                assert stored is not None
                taken.append(intake.save_job(Job(**{**fields(stored), "source": "another process"})))

    with pytest.raises(LockHeldError, match="is carried on by another process; let it finish, or stop it") as raised:
        ingest(address, SOURCE, rejects, on_progress=take_over)
    assert_one_clear_line(raised.value)
    assert record_of(address) == taken[0]
    ingest(address, SOURCE, rejects, resume=True)
    assert_holds(raw, address, accepted_of(SOURCE))


def fields(one: Job) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Job.__slots__}


def test_two_processes_that_start_the_same_job_do_not_both_end_it(address: str, tmp_path: Path, raw: Any) -> None:
    inner: list[BaseException | None] = []

    def start_another(_tally: Tally, _filled: Filled) -> None:
        if not inner:
            inner.append(None)
            ingest(address, SOURCE, tmp_path / "other.jsonl", resume=True)

    with pytest.raises(LockHeldError):
        ingest(address, SOURCE, tmp_path / "rejects.jsonl", on_progress=start_another)
    assert record_of(address).state == "done"
    assert_holds(raw, address, accepted_of(SOURCE))


def test_load_mode_is_on_while_text_is_written_and_off_afterwards(address: str, rejects: Path, raw: Any) -> None:
    before = settings_of(raw, address)
    during: list[dict[str, Any]] = []

    def look(_tally: Tally, filled: Filled) -> None:
        if not filled.encoded:
            during.append(settings_of(raw, address))

    ingest(address, SOURCE, rejects, load_mode=True, on_progress=look)
    assert all(one == dict(LOAD_SETTINGS) for one in during)
    assert len(during) > 3
    assert settings_of(raw, address) == before
    assert record_of(address).saved_settings == {}
    assert_holds(raw, address, accepted_of(SOURCE))


def test_settings_that_a_person_chose_come_back(address: str, rejects: Path, raw: Any) -> None:
    chosen = {"refresh_interval": "7s", "auto_expand_replicas": "0-1"}
    raw.indices.put_settings(index=name_of(address), body={"index": chosen})
    before = settings_of(raw, address)
    assert before.items() >= chosen.items()
    ingest(address, SOURCE, rejects, load_mode=True)
    assert settings_of(raw, address) == before


@pytest.mark.parametrize("error", [ModelError("no model"), KeyboardInterrupt()], ids=["error", "Ctrl-C"])
def test_load_mode_ends_with_an_error(error: BaseException, address: str, rejects: Path, raw: Any) -> None:
    before = settings_of(raw, address)

    def failing(_pairs: Pairs) -> list[Vector]:
        raise error

    with pytest.raises(type(error)):
        ingest(address, SOURCE, rejects, load_mode=True, encode=failing)
    assert settings_of(raw, address) == before
    assert record_of(address).saved_settings == {}


@pytest.mark.parametrize("load_again", [False, True])
def test_load_mode_of_a_killed_process_ends_with_the_next_run(
    load_again: bool, address: str, tmp_path: Path, raw: Any
) -> None:
    before = settings_of(raw, address)
    source, rejects = str(write_jsonl(tmp_path / "source.jsonl", SOURCE)), tmp_path / "rejects.jsonl"
    code, _, _ = run_feeder(address, [source, str(rejects), "words", "load"], Moment(25, done=True))
    assert code == -signal.SIGKILL
    assert settings_of(raw, address) == dict(LOAD_SETTINGS)
    ingest(address, SOURCE, rejects, resume=True, load_mode=load_again)
    assert settings_of(raw, address) == before
    assert record_of(address).saved_settings == {}
    assert_holds(raw, address, accepted_of(SOURCE))
