"""``hybrid eval`` as a person meets it, on a folder and on a cluster alike, and what ``tune`` and ``batch`` share."""

import json
from pathlib import Path

import numpy as np
import pytest

from hybrid.evaluation.runs import read_results
from tests.commands import Say, one_line
from tests.integration.evaluating import COUNT, MADE, Asked


def test_evaluation_has_the_shape_that_is_promised(hybrid: Say, address: str, asked: Asked) -> None:
    said = hybrid("eval", address, *asked.options, "--lambda", "2", "--fusion", "rrf,minimum", "--json")
    assert said.code == 0
    found = said.json
    assert (found["index"], found["questions"], found["by"], found["lambda"]) == (address, COUNT, "ids", 1.1)
    assert list(found["modes"]) == ["hybrid", "lexical", "dense", "lambda 2", "rrf", "minimum"]
    assert found["modes"]["lambda 2"]["top1"] == found["modes"]["lambda 2"]["ndcg@10"] == 1.0
    assert found["modes"]["lexical"]["top1"] < 1.0
    low, high = found["intervals"]["hybrid"]["top20"]
    assert low <= found["modes"]["hybrid"]["top20"] <= high
    assert {(test["first"], test["second"]) for test in found["tests"]} == {
        ("hybrid", mode) for mode in ("lexical", "dense", "lambda 2", "rrf", "minimum")
    }
    assert set(found["latency_ms"]) == {"search hybrid", "search lexical", "search dense"}
    assert found["overlap"]["questions"] == COUNT
    assert found["faults"] == found["diff"] == []


def test_engines_give_the_same_figures(hybrid: Say, addresses: dict[str, str], asked: Asked) -> None:
    options = [*asked.options, "--lambda", "0,0.5,2", "--fusion", "rrf,min-max,z-score,minimum,zero,head", "--json"]
    local, cluster = (hybrid("eval", addresses[engine], *options).json for engine in ("local", "cluster"))
    for mode, metrics in local["modes"].items():
        assert cluster["modes"][mode] == pytest.approx(metrics, abs=1e-6), mode


def test_index_that_is_not_whole_is_told(hybrid: Say, addresses: dict[str, str], asked: Asked) -> None:
    said = hybrid("eval", addresses["local"], *asked.options, "--modes", "lexical")
    assert "62 of 625 passages have no vector; their sim is a guess" in said.err


def test_figures_are_lines_in_a_pipe(hybrid: Say, addresses: dict[str, str], asked: Asked) -> None:
    said = hybrid("eval", addresses["local"], *asked.options, "--modes", "dense,lexical", "--k", "3,1")
    lines = [line.split("\t") for line in said.out.splitlines()]
    metrics = ["top1", "top3", "mrr", "ndcg@10", "map", "recall@20", "recall@100"]
    assert [line[:2] for line in lines] == [[mode, metric] for mode in ("dense", "lexical") for metric in metrics]
    assert {len(line) for line in lines[: len(metrics)]} == {5}
    assert {len(line) for line in lines[len(metrics) :]} == {9}
    assert "40 questions; of a question's words" in said.err


def test_each_question_has_its_line_and_the_first_mode_its_run(
    hybrid: Say, address: str, asked: Asked, tmp_path: Path
) -> None:
    lines, run = tmp_path / "lines.jsonl", tmp_path / "run.json"
    options = [*asked.options, "--modes", "dense", "--per-question", lines, "--run", run, "--run-format", "dpr"]
    found = hybrid("eval", address, *options, "--json").json
    rows = [json.loads(line) for line in lines.read_text("utf-8").splitlines()]
    assert [row["id"] for row in rows] == [f"q{number}" for number in range(COUNT)]
    for metric, mean in found["modes"]["dense"].items():
        assert np.mean([row["modes"]["dense"][metric] for row in rows]) == pytest.approx(mean)
    rankings = read_results(run)
    assert [len(ranking.passages) for ranking in rankings] == [100] * COUNT
    assert all(passage.text for passage in rankings[0].passages)


def test_questions_that_one_side_wins_are_shown_with_both_passages(hybrid: Say, address: str, asked: Asked) -> None:
    options = [*asked.options, "--diff", "lexical,dense", "--diff-at", "1"]
    won = hybrid("eval", address, *options, "--json").json["diff"]
    assert {one["winner"] for one in won} == {"lexical", "dense"}
    for one in won:
        assert one["rank"] == 1
        assert one["loser_rank"] is None or one["loser_rank"] > 1
        assert one["right"]["id"] != one["instead"]["id"]
        assert one["right"]["text"]
    said = hybrid("eval", address, *options)
    assert said.out.count("; first is: [") == len(won)


def test_difference_further_down_than_any_metric_looks_that_far(hybrid: Say, address: str, asked: Asked) -> None:
    options = ["eval", address, *asked.options, "--diff", "lexical,dense", "--diff-at", "300", "--json"]
    deep = hybrid(*options, "--k", "300").json
    assert hybrid(*options, "--k", "5").json["diff"] == deep["diff"]


def test_depth_that_metrics_look_beyond_is_told(hybrid: Say, addresses: dict[str, str], asked: Asked) -> None:
    options = ["eval", addresses["local"], *asked.options, "--k", "1,150"]
    assert "--depth 150 asks for more" in hybrid(*options, "--depth", "120").err
    assert "asks for more" not in hybrid(*options, "--depth", "150").err


def test_part_of_the_questions_keeps_their_vectors(hybrid: Say, addresses: dict[str, str], asked: Asked) -> None:
    some = ["eval", addresses["local"], *asked.options, "--limit", "15", "--lambda", "2", "--json"]
    found = hybrid(*some, "--seed", "4").json
    assert found["questions"] == 15
    assert found["modes"]["lambda 2"]["top1"] == 1.0
    assert hybrid(*some, "--seed", "4").json["modes"] == found["modes"]


def test_what_is_wrong_with_the_questions_is_told(hybrid: Say, addresses: dict[str, str], tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    rows = [{"question": MADE.questions[0], "answer": [answer]} for answer in ("the", " ", "qwghlm")]
    questions.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    options = ["eval", addresses["local"], "--questions", questions, "--modes", "lexical", "--json"]
    plain, whole = hybrid(*options).json, hybrid(*options, "--check-answers").json
    assert [fault["name"] for fault in plain["faults"]] == [
        "questions that come twice",
        "answers that cannot be looked for",
    ]
    (more,) = [fault for fault in whole["faults"] if fault not in plain["faults"]]
    assert more["name"] == "questions whose answers stand in no passage"
    assert more["count"] == 2
    assert plain["modes"]["lexical"]["top1"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--modes", "sparse"], "'sparse' is no mode; say some of hybrid, lexical, dense"),
        (["--modes", ""], "There is nothing to measure"),
        (["--fusion", "sum"], "'sum' is no rule of fusion"),
        (["--lambda", "1,x"], "--lambda '1,x' is not a comma-separated list of numbers"),
        (["--k", "0"], "--k '0': say ranks of 1 to 10000"),
        (["--k", "a"], "--k 'a' is not a comma-separated list of numbers"),
        (["--diff", "dense"], "--diff wants two modes"),
        (["--diff", "dense,rrf"], "--diff names 'rrf'; measured are hybrid, lexical, dense"),
        (["--by", "answers"], "come without answers; say --by ids"),
        (["--questions", "nowhere.tsv"], "nowhere.tsv is not there"),
        (["--vectors", "nowhere.npy"], "Cannot read vectors from nowhere.npy"),
    ],
)
def test_mistake_is_told_in_one_line(
    hybrid: Say, addresses: dict[str, str], asked: Asked, options: list[str], message: str
) -> None:
    said = hybrid("eval", addresses["local"], *asked.options, *options)
    assert said.code == 2
    assert message in one_line(said)


def test_vectors_that_fit_no_questions_are_refused(
    hybrid: Say, addresses: dict[str, str], asked: Asked, tmp_path: Path
) -> None:
    np.savez(tmp_path / "some.npz", rows=np.ones((40, 8)))
    np.save(tmp_path / "complex.npy", np.ones((40, 8), dtype=complex))
    for name in ("some.npz", "complex.npy"):
        said = hybrid("eval", addresses["local"], *asked.options, "--vectors", tmp_path / name)
        assert (said.code, "holds no array of numbers" in one_line(said)) == (2, True)
    (tmp_path / "empty.npy").touch()
    said = hybrid("eval", addresses["local"], *asked.options, "--vectors", tmp_path / "empty.npy")
    assert (said.code, "Cannot read vectors from" in one_line(said)) == (2, True)
    np.save(tmp_path / "few.npy", np.ones((3, 8)))
    said = hybrid("eval", addresses["local"], *asked.options, "--vectors", tmp_path / "few.npy")
    assert "has the shape 3×8; 40 questions need a row each" in one_line(said)


def test_index_without_an_encoder_wants_vectors(hybrid: Say, address: str, asked: Asked) -> None:
    said = hybrid("eval", address, *asked.options[:4])
    assert "hybrid needs the questions' vectors, and the index names no encoder; give --vectors" in one_line(said)


def test_answers_of_a_reader_are_judged_beside_the_passages(hybrid: Say, address: str, tmp_path: Path) -> None:
    """Whole sentences are answers, too; passages of the made corpus are one sentence each."""
    questions, lines = tmp_path / "questions.jsonl", tmp_path / "lines.jsonl"
    texts = [passage.text for passage in MADE.passages[100:103]]
    rows = [{"question": text, "answer": [answer]} for text, answer in zip(texts, [*texts[:2], "none"], strict=True)]
    questions.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    np.save(tmp_path / "vectors.npy", np.ones((3, 8)))
    options = ["eval", address, "--questions", questions, "--vectors", tmp_path / "vectors.npy", "--modes", "lexical"]
    found = hybrid(
        *options, "--lambda", "0", "--read", "2", "--reader", "sentences", "--per-question", lines, "--json"
    ).json
    assert found["modes"]["lexical"]["em"] == pytest.approx(2 / 3)
    assert "f1" in found["intervals"]["lexical"]
    assert "em" not in found["modes"]["lambda 0"]
    judged = [json.loads(line)["modes"]["lexical"]["em"] for line in lines.read_text("utf-8").splitlines()]
    assert judged == [1.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--reader", "./nowhere"], "say --read 20"),
        (["--read", "5"], "come without answers to compare a reader's with"),
    ],
)
def test_reader_without_what_it_needs_is_refused(
    hybrid: Say, addresses: dict[str, str], asked: Asked, options: list[str], message: str
) -> None:
    assert message in one_line(hybrid("eval", addresses["local"], *asked.options, *options))


@pytest.mark.parametrize("option", ["--run", "--per-question", "--html", "--svg"])
def test_file_that_cannot_be_written_is_told_before_anything_is_opened(
    hybrid: Say, asked: Asked, tmp_path: Path, option: str
) -> None:
    command = "eval" if option in ("--run", "--per-question") else "tune"
    said = hybrid(command, tmp_path / "nowhere", *asked.options, option, tmp_path / "missing" / "file")
    assert "missing/file cannot be written: No such file or directory" in one_line(said)


@pytest.mark.parametrize(
    ("name", "option"), [("eval", "--run"), ("eval", "--per-question"), ("tune", "--html"), ("tune", "--svg")]
)
def test_what_is_read_is_not_written_over(
    name: str, option: str, hybrid: Say, addresses: dict[str, str], asked: Asked
) -> None:
    before = asked.questions.read_bytes()
    said = hybrid(name, addresses["local"], *asked.options, option, asked.questions)
    assert "is named for something else as well" in one_line(said)
    assert asked.questions.read_bytes() == before
