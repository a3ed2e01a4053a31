"""A job's record and the index that it wrote into: with another index under the same name the job begins anew."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from hybrid import IndexSpec, create_index, open_index
from hybrid.errors import ModelError
from hybrid.records import Job
from hybrid.settings import Settings
from tests.conftest import MakeIndex, small_profile
from tests.integration.faults import name_of
from tests.integration.feeding import (
    JOB,
    accepted_of,
    assert_holds,
    document,
    encode,
    ingest,
    versions,
)

pytestmark = pytest.mark.usefixtures("small_steps")

SOURCE = [document(f"d{number}", number % 8 + 1) for number in range(30)]
WANTED = accepted_of(SOURCE)
#: What an index in load mode had before.
SAVED = {"refresh_interval": "7s"}


@pytest.fixture
def address(make_index: MakeIndex) -> str:
    return make_index()


def stop_midway(address: str, rejects: Path) -> Job:
    """Run the job to its middle; gives its record, with settings that are still to be put back."""

    def stop(pairs: Any) -> Any:
        if any(text.startswith("d17w0") for _, text in pairs):
            raise ModelError("no model")
        return encode(pairs)

    with pytest.raises(ModelError):
        ingest(address, SOURCE, rejects, encode=stop)
    with open_index(address, settings=Settings()) as index:
        intake = index.intake()
        found = intake.load_job(JOB)
        assert found is not None
        assert 10 < found.position <= 17
        return intake.save_job(dataclasses.replace(found, saved_settings=SAVED))


def concrete_of(raw: Any, address: str) -> str:
    (name,) = raw.indices.get(index=name_of(address))
    return str(name)


def interval_of(raw: Any, address: str) -> str | None:
    (found,) = raw.indices.get_settings(index=name_of(address)).values()
    interval: str | None = found["settings"]["index"].get("refresh_interval")
    return interval


def test_job_whose_index_is_gone_begins_anew_in_the_next_one(address: str, rejects: Path, raw: Any) -> None:
    stop_midway(address, rejects)
    raw.indices.delete(index=concrete_of(raw, address))
    create_index(address, small_profile(), IndexSpec(replicas=0), settings=Settings())
    tally = ingest(address, SOURCE, rejects, resume=True).tally
    assert (tally.rows, tally.created, tally.adds_up) == (len(SOURCE), len(WANTED), True)
    assert_holds(raw, address, WANTED)
    assert interval_of(raw, address) is None


def test_record_that_names_no_index_begins_anew_and_nothing_is_written_twice(
    address: str, rejects: Path, raw: Any
) -> None:
    """As an earlier version left it."""
    stop_midway(address, rejects)
    jobs = f"{name_of(address)}-jobs"
    left = raw.get(index=jobs, id=f"job-{JOB}")["_source"]
    left.pop("owner", None)
    raw.index(index=jobs, id=f"job-{JOB}", body=left)
    before = versions(raw, address)
    tally = ingest(address, SOURCE, rejects, resume=True).tally
    assert (tally.rows, tally.unchanged, tally.adds_up) == (len(SOURCE), len(before), True)
    assert versions(raw, address).items() >= before.items()
    assert_holds(raw, address, WANTED)
    assert interval_of(raw, address) == SAVED["refresh_interval"]


def test_job_goes_on_by_another_alias_of_the_same_index(address: str, rejects: Path, raw: Any) -> None:
    before, other = stop_midway(address, rejects), f"{address}-other"
    raw.indices.put_alias(index=concrete_of(raw, address), name=name_of(other))
    with open_index(other, settings=Settings()) as index:
        assert index.intake().load_job(JOB) == before
        assert index.intake().list_jobs() == [before]
    tally = ingest(other, SOURCE, rejects, resume=True).tally
    assert (tally.rows, tally.created, tally.unchanged) == (len(SOURCE), len(WANTED), 0)
    assert_holds(raw, address, WANTED)


def test_jobs_of_all_indexes_behind_a_name_are_listed(make_index: MakeIndex, raw: Any) -> None:
    addresses = [make_index(), make_index()]
    both = f"{addresses[0]}-both"
    for number, one in enumerate(addresses):
        raw.indices.put_alias(index=concrete_of(raw, one), name=name_of(both))
        with open_index(one, settings=Settings()) as index:
            index.intake().save_job(Job(f"job{number}", "here", ""))
    with open_index(both, settings=Settings()) as index:
        assert {one.id for one in index.intake().list_jobs()} == {"job0", "job1"}
