"""``hybrid adopt`` of an index that changes, and after kills: nothing is lost, whatever happens meanwhile."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.adopting import (
    DOCUMENTS,
    Job,
    check_same,
    create_shop,
    make_document,
    read_all,
    write,
)
from tests.services.discover import Service


def test_a_second_pass_carries_over_what_changed_and_nothing_else(adopt: Any, raw: Any, name: str) -> None:
    adopt()
    vectors = read_all(raw, f"{name}-new")
    changes: dict[str, Any] = {f"d{number}": make_document(number, 1) for number in range(10)}  # prices
    changes |= {f"d{number}": make_document(number, 3) for number in range(10, 15)}  # texts
    changes |= {f"d{number}": None for number in range(20, 27)}
    changes |= {f"d{number}": make_document(number) for number in range(1000, 1004)}
    write(raw, name, changes)
    told = adopt()
    assert (told["created"], told["updated"], told["removed"]) == (4, 15, 7)
    assert told["encoded"] == told["passages"] == DOCUMENTS - 3
    check_same(raw, name)
    now = read_all(raw, f"{name}-new")
    (field,) = (name for name in now["d0"] if name.startswith("vec_"))
    assert all(now[f"d{number}"][field] == vectors[f"d{number}"][field] for number in range(10))
    assert all(now[f"d{number}"][field] != vectors[f"d{number}"][field] for number in range(10, 15))
    told = adopt()
    assert (told["created"], told["updated"], told["removed"]) == (0, 0, 0)


def test_writes_go_on_meanwhile_and_nothing_is_lost(adopt: Any, raw: Any, name: str) -> None:
    stop, rounds = threading.Event(), [0]

    def keep_writing() -> None:
        while not stop.is_set():
            rounds[0] += 1
            version = rounds[0]
            some = {
                f"d{(version * 13 + n) % DOCUMENTS}": make_document((version * 13 + n) % DOCUMENTS, version)
                for n in range(9)
            }
            some |= {f"d{5000 + version}": make_document(5000 + version)}
            gone = {f"d{5000 + version - 5}": None} if version > 5 and version % 2 else {}
            write(raw, name, {**some, **gone})

    writers = [threading.Thread(target=keep_writing) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        adopt()
        adopt()
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert rounds[0] > 10
    adopt()
    check_same(raw, name)


@pytest.mark.parametrize("which", ["the new index", "both"])
def test_index_that_was_deleted_is_filled_anew(which: str, adopt: Any, raw: Any, name: str) -> None:
    adopt()
    (new,) = raw.indices.get(index=f"{name}-new")
    raw.indices.delete(index=new)
    if which == "both":
        raw.indices.delete(index=name)
        create_shop(raw, name, DOCUMENTS)
    told = adopt()
    assert told["source"] == told["passages"] == told["encoded"] == told["created"] == DOCUMENTS
    check_same(raw, name)
    source, job = raw.indices.get(index=name)[name], raw.get(index=f"{name}-new-jobs", id="job-adopt")["_source"]
    assert job["source_fingerprint"] == source["settings"]["index"]["uuid"]
    told = adopt()
    assert (told["created"], told["updated"], told["removed"]) == (0, 0, 0)


@pytest.mark.slow
def test_killed_at_ten_moments_and_resumed(
    adopt: Any, raw: Any, name: str, opensearch: Service, model: Path, tmp_path: Path
) -> None:
    """Each kill comes a little further on; the last run finishes what is left."""
    new = f"{opensearch.url}/{name}-new"
    options = ("--text", "title,body", "--encoder", str(model), "--scale", "20", "--replicas", "0")
    job = Job((f"{opensearch.url}/{name}", new, *options), tmp_path)

    def passages() -> int:
        if not raw.indices.exists_alias(name=f"{name}-new"):
            return -1
        raw.indices.refresh(index=f"{name}-new")
        return int(raw.count(index=f"{name}-new")["count"])

    def dear(version: int) -> int:
        passages()
        query = {"query": {"range": {"price": {"gte": 3 * version}}}}
        return int(raw.count(index=f"{name}-new", body=query)["count"])

    moments: list[Callable[[], bool]] = [
        lambda: passages() == 0,
        lambda: passages() > 0,
        lambda: passages() == DOCUMENTS,
    ]
    kills = sum(job.kill_when(moment) for moment in moments)
    for version in range(3, 10):
        write(raw, name, {f"d{number}": make_document(number, 3 * version) for number in range(200)})
        kills += job.kill_when(lambda version=version: dear(version) > 0)
    assert kills == 10
    adopt()
    check_same(raw, name)
