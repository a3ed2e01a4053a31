"""``hybrid eval --against``: what other systems found is judged exactly as our own rankings are."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.commands import Say, one_line
from tests.integration.evaluating import COUNT, MADE, Asked

FORMATS = ("trec", "dpr", "pyserini")


def write_run(hybrid: Say, address: str, options: list[str], path: Path, mode: str, run_format: str) -> Path:
    """Write what one mode finds."""
    said = hybrid("eval", address, *options, "--modes", mode, "--run", path, "--run-format", run_format, "--json")
    assert said.code == 0, said.err
    return path


@pytest.fixture
def answered(tmp_path: Path) -> list[str]:
    """Give options that name questions with answers."""
    rows = [
        {"question": passage.text, "answer": [" ".join(passage.text.split()[:3])]}
        for passage in MADE.passages[:COUNT]
    ]
    questions, vectors = tmp_path / "answered.jsonl", tmp_path / "answered.npy"
    questions.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    np.save(vectors, np.random.default_rng(5).normal(size=(COUNT, 8)).astype(np.float32))
    return ["--questions", str(questions), "--vectors", str(vectors)]


@pytest.mark.parametrize("run_format", FORMATS)
@pytest.mark.parametrize("by", ["ids", "answers"])
def test_our_own_run_gets_our_own_figures(
    hybrid: Say, address: str, asked: Asked, answered: list[str], by: str, run_format: str, tmp_path: Path
) -> None:
    options = asked.options if by == "ids" else answered
    run = write_run(hybrid, address, options, tmp_path / "dense.run", "dense", run_format)
    options = [*options, "--against", f"copy={run}", "--modes", "lexical,dense", "--diff-at", "1"]
    ours, copy = (
        hybrid("eval", address, *options, "--diff", f"lexical,{name}", "--json").json for name in ("dense", "copy")
    )
    assert ours["by"] == by
    assert ours["modes"]["copy"] == ours["modes"]["dense"]
    assert ours["intervals"]["copy"] == ours["intervals"]["dense"]
    tests = {test["second"]: test for test in ours["tests"] if test["metric"] == "top1"}
    assert {**tests["copy"], "second": "dense"} == tests["dense"]
    assert ours["diff"]
    assert json.dumps(copy["diff"]).replace('"copy"', '"dense"') == json.dumps(ours["diff"])


def test_run_of_other_questions_in_another_order_is_put_in_ours(
    hybrid: Say, address: str, asked: Asked, tmp_path: Path
) -> None:
    run = write_run(hybrid, address, asked.options, tmp_path / "run.trec", "dense", "trec")
    lines = run.read_text("utf-8").splitlines(keepends=True)
    run.write_text("".join([*reversed(lines), "another Q0 passage 1 2.5 tag\n"]), "utf-8")
    modes = hybrid("eval", address, *asked.options, "--against", run, "--json").json["modes"]
    assert modes["run"] == modes["dense"]


def test_what_a_run_lacks_counts_as_not_found_and_is_told(
    hybrid: Say, address: str, asked: Asked, tmp_path: Path
) -> None:
    run = write_run(hybrid, address, asked.options, tmp_path / "run.trec", "dense", "trec")
    kept = [line for line in run.read_text("utf-8").splitlines(keepends=True) if not line.startswith(("q0 ", "q7 "))]
    run.write_text("".join(kept), "utf-8")
    lines = tmp_path / "lines.jsonl"
    said = hybrid("eval", address, *asked.options, "--against", run, "--per-question", lines, "--json")
    assert {"name": "questions without a ranking in run.trec", "count": 2, "examples": ["q0", "q7"]} in said.json[
        "faults"
    ]
    for row in map(json.loads, lines.read_text("utf-8").splitlines()):
        modes: Any = row["modes"]
        assert modes["run"] == (dict.fromkeys(modes["dense"], 0.0) if row["id"] in ("q0", "q7") else modes["dense"])


def test_metric_that_looks_further_than_the_run_is_left_out(
    hybrid: Say, address: str, asked: Asked, tmp_path: Path
) -> None:
    run = write_run(hybrid, address, asked.options, tmp_path / "run.trec", "dense", "trec")
    short = [line for line in run.read_text("utf-8").splitlines(keepends=True) if int(line.split()[3]) <= 20]
    run.write_text("".join(short), "utf-8")
    found = hybrid("eval", address, *asked.options, "--against", run, "--json").json["modes"]
    assert list(found["run"]) == ["top1", "top5", "top20", "ndcg@10", "recall@20"]
    assert all(found["dense"][metric] == value for metric, value in found["run"].items())
    compared = ["eval", address, *asked.options, "--against", run, "--diff", "lexical,run"]
    assert hybrid(*compared, "--diff-at", "20").code == 0
    assert "run ranks at most 20 passages for a question" in one_line(hybrid(*compared, "--diff-at", "21"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "ranks none of the questions; it tells them by id"),
        ("another Q0 p1 1 2.5 tag\n", "ranks none of the questions; it tells them by id"),
        ("q0 Q0 p1 1\n", "other.trec, line 1: 4 columns instead of question"),
        ("q0 Q0 p1 1 2.5 tag\nq0 Q0 p1 2 1.5 tag\n", "other.trec: A passage is ranked twice for question 'q0'"),
        ("q0 Q0 nowhere 1 2.5 tag\n", "other ranks no passage of the index, nowhere for example"),
        ('[{"question": "who?", "ctxs": []}]', "ranks none of the questions; it tells them by text"),
        ('{"q0": 3}', "other.trec, question q0: no result of a retriever"),
        ("{", "other.trec, line 1: not JSON"),
    ],
)
def test_run_that_cannot_be_compared_is_one_line(
    hybrid: Say, addresses: dict[str, str], asked: Asked, tmp_path: Path, content: str, message: str
) -> None:
    run = tmp_path / "other.trec"
    run.write_text(content, "utf-8")
    said = hybrid("eval", addresses["local"], *asked.options, "--against", run)
    assert said.code
    assert message in one_line(said)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--against", "nowhere.trec"], "nowhere.trec cannot be read: No such file"),
        (["--against", "=run.trec"], "'=run.trec' names no run; say a file, or NAME=FILE"),
        (["--against", "ours="], "'ours=' names no run"),
        (["--against", "dense={run}"], "Two things to measure are called 'dense'"),
        (["--against", "{run}", "--against", "a/../{run}"], "Two things to measure are called 'run'"),
        (["--against", "{run}", "--diff", "hybrid,ours"], "measured are hybrid, lexical, dense, run"),
        (["--against", "{run}", "--run", "{run}"], "is named for something else as well"),
    ],
)
def test_mistake_is_one_line(
    hybrid: Say,
    addresses: dict[str, str],
    asked: Asked,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    write_run(hybrid, addresses["local"], asked.options, tmp_path / "run.trec", "dense", "trec")
    said = hybrid("eval", addresses["local"], *asked.options, *(one.format(run="run.trec") for one in options))
    assert said.code
    assert message in one_line(said)
