"""Mining that is stopped goes on where it was, and ends as if it had never been stopped; on a folder."""

import dataclasses
import fcntl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hybrid.engines.contract import Index
from hybrid.errors import HybridError, LockHeldError, UsageError
from hybrid.mining import Plan, Report, lines, mine, mining
from tests.conftest import FillFolder
from tests.mining import make_world

WORLD = make_world(questions=11)
BATCH = 4
PLAN = Plan(negatives={"bm25": 2, "dense": 2, "random": 2, "gold": 1}, margin=1.2)
DISTANT = dataclasses.replace(PLAN, positives="distant", distant_depth=5, margin=None)


class Stopping:
    """An index that is asked so many times, then is interrupted."""

    def __init__(self, index: Index, calls: int):
        self._index = index
        self._calls = calls
        self.profile, self.ids, self.status, self.moment = index.profile, index.ids, index.status, index.moment

    def search_many(self, questions: Sequence[str], vectors: Any, **options: Any) -> Any:
        self._count()
        return self._index.search_many(questions, vectors, **options)

    def fetch(self, ids: Sequence[str]) -> Any:
        self._count()
        return self._index.fetch(ids)

    def _count(self) -> None:
        if not self._calls:
            raise KeyboardInterrupt
        self._calls -= 1


@pytest.fixture(scope="module")
def index(fill_folder: FillFolder) -> Index:
    return fill_folder(WORLD.passages)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BATCH", BATCH)
    monkeypatch.setattr(mining, "BATCH", BATCH)


def run(index: Any, out: Path, plan: Plan = PLAN, **rest: Any) -> tuple[Report, list[tuple[str, int]]]:
    seen: list[tuple[str, int]] = []

    def tell(step: str, done: int, total: int) -> None:
        assert total == (len(WORLD.passages) if step == "ids" else len(WORLD.wanted))
        seen.append((step, done))

    given = {"wanted": WORLD.wanted, "vectors": WORLD.vectors, **rest}
    return mine(index, "./here", given["wanted"], given["vectors"], plan, out, on_progress=tell), seen


@pytest.mark.parametrize("plan", [PLAN, DISTANT], ids=["gold", "distant"])
def test_stopped_at_any_moment_it_ends_the_same(plan: Plan, index: Index, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole.json", tmp_path / "parts.json"
    report, seen = run(index, whole, plan)
    assert seen[:4] == [("positives", 0), ("positives", 4), ("positives", 8), ("positives", 11)]
    assert [one for one in seen if one[0] == "negatives"] == [("negatives", done) for done in (0, 4, 8, 11)]
    calls = 0
    while True:
        try:
            run(Stopping(index, calls), parts, plan)
        except KeyboardInterrupt:
            assert not parts.exists()
        else:
            break
        kept = lines.name_kept(parts)
        # The last line may not be whole, and neither may the last batch.
        kept.write_bytes(kept.read_bytes()[: -1 - 3 * calls % 40] if calls % 2 else kept.read_bytes())
        again, _ = run(index, parts, plan)
        assert parts.read_bytes() == whole.read_bytes()
        assert dataclasses.replace(again, resumed=0) == report
        assert again.resumed % BATCH == 0 or again.resumed == len(WORLD.wanted)
        assert not kept.exists()
        parts.unlink()
        calls += 1
    assert calls > 9
    assert parts.read_bytes() == whole.read_bytes()


def test_stopped_again_and_again_it_goes_on_by_whole_batches(index: Index, tmp_path: Path) -> None:
    out, reached = tmp_path / "train.json", [0]
    # Seven calls are enough for all positives and a batch of negatives, then for one batch and part of the next.
    while not out.exists():
        try:
            run(Stopping(index, 7), out)
        except KeyboardInterrupt:
            reached.append(len(lines.name_kept(out).read_bytes().splitlines()) - 1)
            assert reached[-1] > reached[-2]
    assert reached == [0, 15, 19]
    run(index, tmp_path / "whole.json")
    assert out.read_bytes() == (tmp_path / "whole.json").read_bytes()


def test_line_a_row_is_written_where_the_name_says_so(index: Index, tmp_path: Path) -> None:
    run(index, tmp_path / "train.json")
    run(index, tmp_path / "train.jsonl")
    listed = (tmp_path / "train.json").read_bytes().replace(b"[\n", b"", 1).replace(b"\n]\n", b"\n")
    assert (tmp_path / "train.jsonl").read_bytes() == listed.replace(b",\n", b"\n")


@pytest.mark.parametrize(
    "other",
    [
        {"plan": dataclasses.replace(PLAN, seed=1)},
        {"plan": dataclasses.replace(PLAN, negatives=dict(reversed([*PLAN.negatives.items()])))},
        {"wanted": WORLD.wanted[:-1], "vectors": WORLD.vectors[:-1]},
        {"wanted": (dataclasses.replace(WORLD.wanted[0], golds=WORLD.wanted[1].golds), *WORLD.wanted[1:])},
        {"vectors": -WORLD.vectors},
    ],
)
def test_what_was_mined_for_something_else_is_not_taken(other: Any, index: Index, tmp_path: Path) -> None:
    out = tmp_path / "train.json"
    with pytest.raises(KeyboardInterrupt):
        run(Stopping(index, 5), out)
    kept = lines.name_kept(out).read_bytes()
    with pytest.raises(UsageError, match=r"what was mined for other questions, or by other options.*begin anew"):
        run(index, out, **other)
    assert lines.name_kept(out).read_bytes() == kept


def test_damaged_lines_are_refused(index: Index, tmp_path: Path) -> None:
    out = tmp_path / "train.json"
    with pytest.raises(KeyboardInterrupt):
        run(Stopping(index, 12), out)
    kept = lines.name_kept(out)
    data = kept.read_bytes().splitlines(keepends=True)
    kept.write_bytes(b"".join([*data[:2], b"\0\0\n", *data[3:]]))
    with pytest.raises(HybridError, match="is damaged; delete it and begin anew"):
        run(index, out)


def test_two_commands_do_not_write_one_file(index: Index, tmp_path: Path) -> None:
    out = tmp_path / "train.json"
    with lines.name_kept(out).open("a+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(LockHeldError, match="is being written by another command"):
            run(index, out)


def test_place_that_cannot_be_written_is_told_before_anything_is_asked(index: Index, tmp_path: Path) -> None:
    with pytest.raises(HybridError, match="cannot be written: No such file or directory"):
        run(Stopping(index, 0), tmp_path / "no" / "train.json")
