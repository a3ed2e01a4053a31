"""``hybrid compare`` adds up what the gateway wrote."""

import json
from pathlib import Path
from typing import Any

import pytest

from hybrid.cli.main import run

LINES: list[dict[str, Any]] = [
    {
        "index": "wiki",
        "text": "a",
        "hybrid": "on; text=match",
        "totals": [5, 9],
        "same_first": True,
        "hits": 10,
        "new": 4,
    },
    {
        "index": "wiki",
        "text": "a",
        "hybrid": "on; text=match",
        "totals": [0, 9],
        "same_first": False,
        "hits": 5,
        "new": 5,
    },
    {
        "index": "wiki",
        "text": "b",
        "hybrid": "off; reason=encoder",
        "totals": [1, 1],
        "same_first": True,
        "hits": 1,
        "new": 0,
    },
    {"index": "news", "text": "c", "hybrid": "on", "totals": [3, None], "same_first": True, "hits": 0, "new": 0},
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.log"
    lines = [f"INFO hybrid.gateway.shadowing: shadow {json.dumps(one)}" for one in LINES]
    path.write_text("\n".join(["INFO started", lines[0], "shadow {cut off", *lines[1:]]) + "\n", "utf-8")
    return path


def test_searches_are_added_up_by_index(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", str(log), "--json"]) == 0
    news, wiki = json.loads(capsys.readouterr().out)["indexes"]
    assert wiki == {
        "index": "wiki",
        "searches": 3,
        "different_texts": 2,
        "hybrid": 2,
        "first_hit_changed": "50.0%",
        "hits_that_are_new": "60.0%",
        "nothing_before": 1,
        "lexical, encoder": 1,
    }
    assert (news["searches"], news["hits_that_are_new"]) == (1, "-")


def test_people_see_a_table(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", str(log)]) == 0
    assert "first_hit_changed\t50.0%" in capsys.readouterr().out


def test_a_log_without_comparisons_is_no_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.log").touch()
    assert run(["compare", str(tmp_path / "empty.log")]) == 2
    assert "shadow" in capsys.readouterr().err
