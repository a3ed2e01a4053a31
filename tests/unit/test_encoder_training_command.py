"""``hybrid train encoder`` as a command: what it says, what it refuses, and the paper's recipe from end to end."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from hybrid.cli.main import run
from hybrid.cli.train_encoder import command
from hybrid.encoders import load_encoder
from hybrid.encoders.training import caching
from hybrid.encoders.training.plan import Plan
from hybrid.training.dpr_json import Row, write_row
from tests.commands import Say, one_line
from tests.full_disks import room
from tests.training import ROWS

pytestmark = pytest.mark.usefixtures("one_thread")


def write(path: Path, rows: list[Row]) -> Path:
    path.write_bytes(b"\n".join(map(write_row, rows)))
    return path


def test_command_trains_and_says_what_came_of_it(
    bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "train.jsonl", [*ROWS, Row("none", (), ())])
    given = ["train", "encoder", str(tmp_path / "out"), "--questions", str(file), "--questions", f"{file}=0.5"]
    options = ["--dev", str(file), "--from", str(bert), "--epochs", "2", "--batch", "4", "--device", "cpu"]
    assert run([*given, *options, "--lr", "1e-3", "--precision", "fp32", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["epoch"] in (1, 2)
    assert json.loads(out)["after"]["questions"] == len(ROWS)
    assert "16 questions, 6 steps" in err
    assert "left out: 2 rows with no right passage" in err
    assert "step 3: average rank" in err
    assert load_encoder(str(tmp_path / "out"), device="cpu").dimension == 16
    assert run([*given, *options]) == 2
    assert "is there already" in capsys.readouterr().err


def test_command_tells_once_of_questions_that_nothing_is_wrong_for(hybrid: Say, bert: Path, tmp_path: Path) -> None:
    twins = [dataclasses.replace(ROWS[0], question=one, hard_negatives=(), negatives=()) for one in ("who", "what")]
    given = ["--from", bert, "--epochs", 3, "--batch", 2, "--device", "cpu", "--precision", "fp32"]
    idle, some = write(tmp_path / "idle.jsonl", twins), write(tmp_path / "some.jsonl", [*twins, *ROWS[1:]])
    said = hybrid("train", "encoder", tmp_path / "none", "--questions", idle, *given)
    assert said.code == 2
    assert "there is nothing to learn" in said.err.splitlines()[-1]
    said = hybrid("train", "encoder", tmp_path / "out", "--questions", idle, "--questions", some, *given)
    assert said.code == 0
    assert said.err.count("nothing was wrong for ") == 1


def test_recipe_of_the_paper_makes_what_the_authors_code_can_run(hybrid: Say, bert: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "train.jsonl", ROWS)
    recipe = ["--pooling", "cls", "--template", "title [SEP] text", "--warmup", 0.2, "--dropout", 0.3, "--no-mask"]
    given = ["--from", bert, "--questions", file, "--device", "cpu", "--precision", "fp32", "--max-length", 32]
    loss = ["--loss", "triplet", "--margin", 0.5, "--epochs", 1, "--batch", 4]
    assert hybrid("train", "encoder", tmp_path / "out", *given, *recipe, *loss).code == 0
    notes = json.loads((tmp_path / "out" / "hybrid_training.json").read_text())
    plan = notes["plan"]
    assert notes["sets"] == [{"name": "train.jsonl", "rows": len(ROWS), "rate": 1.0}]
    wanted = {"warmup": 0.2, "dropout": 0.3, "margin": 0.5, "pooling": "cls", "template": "title [SEP] text"}
    assert {name: plan[name] for name in wanted} == wanted
    assert hybrid("convert-encoder", tmp_path / "out", tmp_path / "out.cp").code == 0
    # It comes back by itself, for it names what holds the tokenizer.
    assert hybrid("convert-encoder", tmp_path / "out.cp", tmp_path / "back").code == 0
    texts = ["who wrote the moon"]
    vectors = [load_encoder(str(tmp_path / name), device="cpu").encode_questions(texts) for name in ("out", "back")]
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-6)


def test_command_says_where_the_model_reads_less_than_was_asked_for(hybrid: Say, bert: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "train.jsonl", ROWS)
    given = ["--from", bert, "--questions", file, "--device", "cpu", "--precision", "fp32", "--epochs", 1]
    said = hybrid("train", "encoder", tmp_path / "long", *given, "--max-length", 4096)
    assert (said.code, "tokens are read, as its model does, not 4096" in said.err) == (0, True)
    said = hybrid("train", "encoder", tmp_path / "short", *given, "--max-length", 16)
    assert (said.code, "tokens are read" in said.err) == (0, False)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--keep-by", "top1"], "--keep-by goes with --dev"),
        (["--seed", "-1"], "is not in the range x>=0"),
        (["--max-length", "1"], "is not in the range x>=16"),
        (["--warmup", "1"], "is not in the range 0<=x<1"),
        (["--dropout", "1"], "is not in the range 0<=x<1"),
        (["--margin", "0"], "is not in the range x>0"),
        (["--margin", "2"], "a margin is of the triplet loss only"),
        (["--template", "title"], "is not one of 'text'"),
        (["--pooling", "mean+mean"], "the pooling 'mean+mean' is none of"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    options: list[str], told: str, hybrid: Say, bert: Path, tmp_path: Path
) -> None:
    file = write(tmp_path / "train.jsonl", ROWS)
    said = hybrid("train", "encoder", tmp_path / "out", "--questions", file, "--from", bert, *options)
    assert said.code == 2
    assert told in one_line(said)
    assert list(tmp_path.iterdir()) == [file]


def test_places_that_cannot_be_written_are_told(
    hybrid: Say, bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path / "train.jsonl", ROWS)
    given = ["--questions", file, "--from", bert, "--device", "cpu", "--epochs", 1]
    monkeypatch.chdir(tmp_path)
    assert "is there already" in one_line(hybrid("train", "encoder", ".", *given))
    said = hybrid("train", "encoder", file / "x", *given)
    assert said.code == 1
    assert "cannot be written: Not a directory" in said.err.splitlines()[-1]
    with room(8192):
        said = hybrid("train", "encoder", "out", *given)
    assert said.code == 1
    assert "cannot be written" in said.err.splitlines()[-1]
    assert "Traceback" not in said.err
    assert list((tmp_path / "out.training").glob("unfinished-*")) == []
    assert hybrid("train", "encoder", "out", *given).code == 0
    assert sorted(one.name for one in tmp_path.iterdir()) == ["out", "train.jsonl"]


def test_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "encoder", "--help"]) == 0
    told = capsys.readouterr().out
    assert "\\b" not in told
    assert "--questions webq.json=4" in told
    assert "below 1024, on a GPU 8192" in " ".join(told.split())
    assert (caching.CPU_PART, caching.GPU_PART) == (1024, 8192)
    plan = Plan()
    shown = {one.name or "": one.default for one in command.params if isinstance(one.default, int | float | str)}
    wanted = {name: str(default) for name, default in shown.items() if hasattr(plan, name)}
    assert {name: str(getattr(plan, name)) for name in wanted} == wanted
