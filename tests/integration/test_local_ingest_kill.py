"""An ingestion into a folder that is killed at any moment goes on, and in the end all is there, once."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hybrid import IndexSpec, create_index
from ingest.sources import read_sources
from ingest.splitter import By
from tests.conftest import small_profile
from tests.integration.feeding import feed, ingest, rejected_positions, write_jsonl
from tests.integration.test_ingest_kill import make_scene
from tests.local_ingest import assert_holds, files
from tests.local_story import ROOT

#: How often a whole run touches the disk, roughly: moments are drawn from so many.
MOMENTS = 3500
SLOW = range(100, 120)


@pytest.fixture
def address(tmp_path: Path) -> str:
    address = str(tmp_path / "index")
    create_index(address, small_profile(), IndexSpec(meta_types={"day": "date"}))
    return address


def killed_run(moment: int, address: str, source: Path, rejects: Path, *options: str) -> int:
    command = [sys.executable, "-m", "tests.local_feeder", str(moment), address, str(source), str(rejects), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode


def kill_and_resume(seed: int, address: str, folder: Path) -> int:
    """Kill two runs in a row, let a third one end, and look at what they left; gives the number killed."""
    scene, rejects, rng = make_scene(), folder / "rejects.jsonl", np.random.default_rng(seed)
    by: By = "document" if seed % 3 == 2 else "words"
    options = [["load"], ["slow"], []][seed // 3 % 3]
    ingest(address, scene.before, folder / "none.jsonl", job_id="before")
    source = write_jsonl(folder / "source.jsonl", scene.source)
    codes = [killed_run(int(rng.integers(1, MOMENTS)), address, source, rejects, by, *options) for _ in range(2)]
    assert set(codes) <= {-9, 0}
    summary = feed(address, read_sources([str(source)], format="jsonl"), rejects, by=by, resume=codes[-1] != 0)
    assert summary.tally.adds_up
    assert (summary.job.state, summary.tally.rows) == ("done", len(scene.source))
    assert sorted(rejected_positions(rejects)) == scene.rejected
    assert_holds(address, scene.wanted(by))
    before = files(address)
    again = feed(address, read_sources([str(source)]), rejects, by=by).tally
    assert (again.created, again.updated, again.deleted) == (0, 0, 0)
    assert files(address) == before
    return codes.count(-9)


@pytest.mark.parametrize("seed", range(2))
def test_killed_ingestion_goes_on_where_it_stopped(seed: int, address: str, tmp_path: Path) -> None:
    assert kill_and_resume(seed, address, tmp_path) > 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", SLOW)
def test_ingestion_survives_being_killed_at_many_moments(seed: int, address: str, tmp_path: Path) -> None:
    kill_and_resume(seed, address, tmp_path)
