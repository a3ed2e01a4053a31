"""``examples/gain.py``: two evaluations in, what changed between them out."""

import json
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.docs import ROOT

METRICS = ("top1", "top5", "top20", "top100")


def write(path: Path, names: Sequence[str], found: float) -> str:
    """Write an evaluation in which every question has the same values."""
    values = {"hybrid": dict.fromkeys(METRICS, found)}
    rows = [{"id": name, "question": f"what is {name}?", "modes": values} for name in names]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


def compare(monkeypatch: pytest.MonkeyPatch, *paths: str) -> None:
    monkeypatch.setattr(sys, "argv", ["gain.py", *paths])
    runpy.run_path(str(ROOT / "examples" / "gain.py"), run_name="__main__")


def test_gain_is_told_in_points(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    compare(monkeypatch, write(tmp_path / "before", "abc", 0), write(tmp_path / "after", "abc", 1))
    assert capsys.readouterr().out.splitlines() == [f"hybrid\t{one}\t+100.0\t+100.0\t+100.0" for one in METRICS]


@pytest.mark.parametrize("names", ["abd", "acb", "ab", "abcd"])
def test_other_questions_are_no_pairs(names: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"before and .*after are of different questions; evaluate both by the same"):
        compare(monkeypatch, write(tmp_path / "before", "abc", 0), write(tmp_path / "after", names, 1))


def test_ids_that_are_numbers_of_rows_do_not_make_questions_equal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before, after = write(tmp_path / "before", "01", 0), Path(write(tmp_path / "after", "01", 1))
    after.write_text(after.read_text("utf-8").replace("what is", "who is"), "utf-8")
    with pytest.raises(SystemExit, match="different questions"):
        compare(monkeypatch, before, str(after))
