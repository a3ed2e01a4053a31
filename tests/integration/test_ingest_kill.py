"""An ingestion that is killed at any moment goes on, and in the end all is there, once, with its own vector."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid import IndexSpec
from hybrid.passages import Passage
from ingest.documents import Document
from ingest.sources import read_sources
from ingest.splitter import By
from tests.conftest import MakeIndex
from tests.integration.feeding import (
    accepted_of,
    assert_holds,
    document,
    feed,
    ingest,
    rejected_positions,
    versions,
    write_jsonl,
)
from tests.integration.killing import Moment, run_feeder

SEED = 20201116
DOCUMENTS = 60
#: Requests of a whole run, roughly: moments are drawn from so many.
REQUESTS = 110
QUICK = range(4)
SLOW = range(100, 130)


@dataclass(frozen=True, slots=True)
class Scene:
    """What stands in the index before, a source with every kind of change, and what must stand there after."""

    before: list[Document]
    source: list[Document | str]
    rejected: list[int]

    def wanted(self, by: By) -> dict[str, Passage]:
        rows = [one for place, one in enumerate(self.source) if place not in self.rejected]
        documents = [one for one in rows if isinstance(one, Document)]
        named = {one.id for one in self.source if isinstance(one, Document)}
        left = [one for one in self.before if one.id not in named]
        return accepted_of(left) | accepted_of(documents, by)


def make_scene() -> Scene:
    """Draw documents that stay, change, shrink, grow and come new, and rows that repeat, contradict or are broken."""
    rng = np.random.default_rng(SEED)
    before = [document(f"d{number}", int(rng.integers(1, 15))) for number in range(DOCUMENTS)]
    source: list[Document | str] = []
    rejected: list[int] = []
    for one in before:
        kind = rng.integers(0, 10)
        if kind == 0:
            continue
        if kind == 1:
            rejected.append(len(source))
            source.append("no JSON")
        if kind == 2:
            rejected.append(len(source))
            source.append(document(one.id, 7, "refused", day="no day"))
            continue
        changed = document(one.id, int(rng.integers(1, 15)), "other" if kind % 2 else "")
        source.append(one if kind > 7 else changed)
        if kind == 3:
            source.append(changed)
        if kind == 4:
            rejected.append(len(source))
            source.append(document(one.id, 2, "contradicts"))
    return Scene(before, source + [document(f"new{number}", 8) for number in range(10)], rejected)


@pytest.fixture
def address(make_index: MakeIndex) -> str:
    return make_index(None, IndexSpec(replicas=0, meta_types={"day": "date"}))


def draw_moments(seed: int) -> list[Moment]:
    rng = np.random.default_rng(seed)
    return [Moment(int(rng.integers(1, REQUESTS)), bool(rng.integers(2))) for _ in range(2)]


def kill_and_resume(seed: int, address: str, folder: Path, raw: Any) -> int:
    """Kill two runs in a row, let a third one end, and look at all that they left; gives the number killed."""
    scene, rejects = make_scene(), folder / "rejects.jsonl"
    by: By = "document" if seed % 3 == 2 else "words"
    options = [["load"], ["slow"], []][seed // 3 % 3]
    ingest(address, scene.before, folder / "none.jsonl", job_id="before")
    source = str(write_jsonl(folder / "source.jsonl", scene.source))
    codes = [run_feeder(address, [source, str(rejects), by, *options], moment)[0] for moment in draw_moments(seed)]
    assert set(codes) <= {-9, 0}
    summary = feed(address, read_sources([source], format="jsonl"), rejects, by=by, resume=codes[-1] != 0)
    assert summary.tally.adds_up
    assert (summary.job.state, summary.tally.rows) == ("done", len(scene.source))
    assert sorted(rejected_positions(rejects)) == scene.rejected
    assert summary.tally.rejected == len(scene.rejected)
    assert_holds(raw, address, scene.wanted(by))
    assert_settles(address, by, folder, raw)
    return codes.count(-9)


def assert_settles(address: str, by: By, folder: Path, raw: Any) -> None:
    """Fail unless one more run finds nothing to do."""
    before = versions(raw, address)
    again = feed(address, read_sources([str(folder / "source.jsonl")]), folder / "rejects.jsonl", by=by).tally
    assert (again.created, again.updated, again.deleted) == (0, 0, 0)
    assert versions(raw, address) == before


@pytest.mark.parametrize("seed", QUICK)
def test_killed_ingestion_goes_on_where_it_stopped(seed: int, address: str, tmp_path: Path, raw: Any) -> None:
    assert kill_and_resume(seed, address, tmp_path, raw) > 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", SLOW)
def test_ingestion_survives_being_killed_at_thirty_moments(seed: int, address: str, tmp_path: Path, raw: Any) -> None:
    kill_and_resume(seed, address, tmp_path, raw)


@pytest.mark.slow
def test_document_that_shrank_leaves_nothing_wherever_its_run_is_killed(
    address: str, tmp_path: Path, raw: Any
) -> None:
    source = str(write_jsonl(tmp_path / "source.jsonl", [document("d", 4)]))
    arguments = [source, str(tmp_path / "rejects.jsonl"), "words"]
    killed = 0
    for request in range(1, 40):
        ingest(address, [document("d", 30)], tmp_path / "none.jsonl", job_id="before")
        code, _, _ = run_feeder(address, arguments, Moment(request, done=True))
        feed(address, read_sources([source]), tmp_path / "rejects.jsonl", resume=code != 0)
        assert_holds(raw, address, accepted_of([document("d", 4)]))
        if code == 0:
            break
        killed += 1
        raw.indices.delete(index=f"{address.rpartition('/')[2]}-jobs")
    assert killed > 5
