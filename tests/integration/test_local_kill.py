"""A writer that is killed at any moment leaves a folder whose last commit stands, and nothing else."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hybrid.engines.local import database, segments
from hybrid.engines.local.doctor import examine
from hybrid.errors import IndexMissingError
from hybrid.index import open_index
from hybrid.passages import Mode
from tests.agreement import Tally, check_hits
from tests.local_model import Asked, Model
from tests.local_story import MERGE_FACTOR, ROOT, STEPS, Step, Teller, apply, make_story

#: How often a whole story touches the disk, roughly: moments are drawn from so many.
MOMENTS = 4000
QUICK = range(3)
SLOW = range(100, 130)
QUESTIONS: tuple[tuple[str, Mode], ...] = (("w0 w1 w1", "hybrid"), ("w2", "lexical"), ("w3 w4", "dense"))
Snapshot = dict[str, tuple[object, ...]]


@pytest.fixture(autouse=True)
def merge_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "MERGE_FACTOR", MERGE_FACTOR)


def run_story(folder: Path, seed: int, moment: int) -> tuple[int, list[str]]:
    """Tell a story in a process of its own; gives its exit code, and what it said."""
    command = [sys.executable, "-m", "tests.local_story", str(folder), str(seed), str(moment)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout.split("\n")


def states_of(steps: list[Step]) -> list[Snapshot]:
    """Give what the index holds before the first step, and after each."""
    model, states = Model(), [dict[str, tuple[object, ...]]()]
    for step in steps:
        apply(model, step)
        states.append(snapshot_of_model(model))
    return states


def snapshot_of_model(model: Model) -> Snapshot:
    return {
        one.id: (one.text, one.document_id, one.meta, to_list(one.vector), one.id in model.failed)
        for one in model.passages.values()
    }


def snapshot(folder: Path) -> Snapshot:
    """Read all of an index."""
    with open_index(str(folder)) as index:
        passages = [passage for page in index.scan() for passage in page]
    connection = database.open_to_read(folder)
    failed = {name for (name,) in connection.execute("SELECT id FROM passages WHERE encode_error IS NOT NULL")}
    connection.close()
    return {one.id: (one.text, one.document_id, one.meta, to_list(one.vector), one.id in failed) for one in passages}


def to_list(vector: object) -> list[float] | None:
    return None if vector is None else np.asarray(vector, dtype=np.float64).tolist()


def assert_sound(folder: Path, model: Model) -> None:
    """Fail unless the doctor is content, and searches give what the model says."""
    assert {check.name for check in examine(folder) if not check.passed} <= {"coverage"}
    with open_index(str(folder)) as index:
        assert index.status() == model.status()
        for question, mode in QUESTIONS:
            for part in (None, 1):
                asked = Asked(question, (1.0, 2.0, -1.0), mode, 1.1, 2000, 30, part)
                check_hits(index.search(question, **asked.options).hits, model.truth(asked), asked.k, Tally())


def count_leftovers(folder: Path) -> int:
    connection = database.open_to_read(folder)
    counted = {segment.name for segment in segments.read_segments(connection)}
    connection.close()
    found = {path.stem for path in (folder / segments.FOLDER).glob("*")}
    assert counted <= found
    return len(found - counted)


def kill_and_go_on(folder: Path, seed: int, moment: int) -> bool:
    """Kill a story, look at what it left, and tell the rest of it; gives whether it was killed at all."""
    steps = make_story(seed)
    code, said = run_story(folder, seed, moment)
    assert code in (-9, 0)
    done = sum(line.isdigit() for line in said)
    states = states_of(steps)
    if "made" in said:
        found = snapshot(folder)
        # What was acknowledged is there; the step after it may be, too, but whole.
        assert found in states[done : done + 2], f"{done} steps were acknowledged"
        done += found != states[done]
    elif not (folder / database.NAME).exists():
        with pytest.raises(IndexMissingError):
            open_index(str(folder))
    model = Model()
    for step in steps[:done]:
        apply(model, step)
    if (folder / database.NAME).exists():
        assert_sound(folder, model)
    teller = Teller(folder)
    for step in steps[done:]:
        teller.tell(step)
        apply(model, step)
    # Whoever writes next, even nothing, clears away what a killed writer left.
    teller.tell(Step("delete"))
    teller.close()
    assert_sound(folder, model)
    assert snapshot(folder) == states[-1]
    assert count_leftovers(folder) == 0
    return code == -9


def test_leftovers_of_a_killed_writer_go_when_the_next_one_comes(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    teller = Teller(folder)
    teller.tell(make_story(1)[0])
    for name in ("0123456789abcdef.safetensors", "half"):
        (folder / segments.FOLDER / name).write_bytes(b"left by a writer that was killed")
    assert count_leftovers(folder) == 2
    teller.tell(Step("delete"))
    assert count_leftovers(folder) == 0
    teller.close()


def draw_moment(seed: int) -> int:
    return int(np.random.default_rng(seed).integers(1, MOMENTS))


@pytest.mark.parametrize("seed", QUICK)
def test_killed_writer_leaves_its_last_commit(seed: int, tmp_path: Path) -> None:
    assert kill_and_go_on(tmp_path / "index", seed, draw_moment(seed))


@pytest.mark.slow
@pytest.mark.parametrize("seed", SLOW)
def test_folder_survives_being_killed_at_thirty_moments(seed: int, tmp_path: Path) -> None:
    kill_and_go_on(tmp_path / "index", seed, draw_moment(seed))


@pytest.mark.parametrize("moment", range(2, 50, 6))
def test_index_that_was_being_made_is_made_again(moment: int, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    code, said = run_story(folder, 1, moment)
    assert code == -9
    if "made" not in said:
        Teller(folder).close()
        assert snapshot(folder) == {}
        assert_sound(folder, Model())


def test_story_is_as_long_as_the_moments_that_are_drawn(tmp_path: Path) -> None:
    code, said = run_story(tmp_path / "index", 0, 0)
    assert code == 0
    assert sum(line.isdigit() for line in said) == STEPS
    (moments,) = re.findall(r"^(\d+) moments$", "\n".join(said), re.MULTILINE)
    assert MOMENTS * 0.7 < int(moments) < MOMENTS * 1.5
