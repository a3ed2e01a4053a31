"""``examples/close_the_loop.sh``: mine, train, encode anew, measure; on a folder and on a cluster."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.paper.sets import Set, load_set
from benchmarks.paper.splits import spread
from hybrid import delete_index
from hybrid.settings import Settings
from tests import corpora
from tests.docs import ROOT
from tests.services.discover import Service
from tests.tiny_models import save_bert

SCRIPT = ROOT / "examples" / "close_the_loop.sh"
BIN = Path(sys.executable).parent
#: The command, but training is killed when an epoch has ended, its encoder has been written and its state saved.
KILLED = """
import os, signal
from hybrid.cli.main import main
from hybrid.encoders.training import loop
save = loop.save_state
def strike(*given):
    save(*given)
    os.kill(os.getpid(), signal.SIGKILL)
loop.save_state = strike
main()
"""

pytestmark = [
    pytest.mark.skipif(not corpora.have("squad-sentences"), reason="the sentences are not here"),
    pytest.mark.slow,
]


def write_beir(folder: Path, asked: Set, count: int | None = None) -> None:
    """Write a set as BEIR has them, with so many questions of each half, and only their passages."""
    (folder / "qrels").mkdir(parents=True)
    halves = {"train": spread(asked.train, count).tolist(), "test": spread(asked.test, count).tolist()}
    places = [place for half in halves.values() for place in half]
    kept = sorted({asked.gold(place) for place in places}) if count else range(len(asked.passages))
    passages = [json.dumps({"_id": f"p{one}", "title": "", "text": asked.passages[one]}) for one in kept]
    (folder / "corpus.jsonl").write_text("\n".join(passages) + "\n", "utf-8")
    questions = [json.dumps({"_id": f"q{one}", "text": asked.questions[one]}) for one in places]
    (folder / "queries.jsonl").write_text("\n".join(questions) + "\n", "utf-8")
    for name, half in halves.items():
        lines = ["query-id\tcorpus-id\tscore", *(f"q{one}\tp{asked.gold(one)}\t1" for one in half)]
        (folder / "qrels" / f"{name}.tsv").write_text("\n".join(lines) + "\n", "utf-8")


def run_script(
    place: Path, index: str, *options: str, commands: Sequence[Path] = (BIN,)
) -> subprocess.CompletedProcess[str]:
    """Run the script in a folder; ``commands`` says where it finds what it calls."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("HYBRID_")}
    path = ":".join([*map(str, commands), os.environ["PATH"]])
    environ = {**plain, "PATH": path, "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [str(SCRIPT), index, "./beir", *options], cwd=place, env=environ, capture_output=True, text=True, check=False
    )


def close_loop(place: Path, index: str, *options: str) -> dict[tuple[str, str], Sequence[float]]:
    """Run the script and give the gains with their intervals, by mode and metric."""
    done = run_script(place, index, *options)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    lines = [line.split("\t") for line in done.stdout.splitlines()[-12:]]
    return {(mode, metric): [float(one) for one in numbers] for mode, metric, *numbers in lines}


def make_places(root: Path, *names: str) -> list[Path]:
    """Make folders to run the script in, with few questions each."""
    write_beir(root / "beir", load_set("sentences"), 40)
    for name in names:
        (root / name).mkdir()
        (root / name / "beir").symlink_to(root / "beir")
    return [root / name for name in names]


def begin(root: Path, epochs: int) -> Sequence[str]:
    """Give the options that train a tiny model."""
    return "--from", str(save_bert(root / "tiny")), "--epochs", str(epochs), "--batch", "8"


def test_it_runs_on_a_folder_and_on_a_cluster_and_runs_again(tmp_path: Path, opensearch: Service) -> None:
    here, there = make_places(tmp_path, "here", "there")
    tiny = begin(tmp_path, 1)
    local = close_loop(here, "./wiki", *tiny)
    assert {mode for mode, _ in local} == {"hybrid", "lexical", "dense"}
    # BM25 has learnt nothing, a random model less than that.
    assert local["lexical", "top1"] == [0, 0, 0]
    assert local["dense", "top1"][0] < 0
    assert close_loop(here, "./wiki", *tiny) == local
    shutil.copytree(here / "loop" / "encoder", there / "loop" / "encoder")
    address = f"{opensearch.url}/loop-{secrets.token_hex(4)}"
    try:
        first = close_loop(there, address, *tiny)
        assert first["dense", "top1"][0] == pytest.approx(local["dense", "top1"][0])
        # The index is encoded anew by now; what was before it is not measured again.
        assert close_loop(there, address, *tiny) == first
    finally:
        delete_index(address, settings=Settings())


def test_training_that_was_killed_after_an_epoch_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    (here,) = make_places(tmp_path, "here")
    tiny = begin(tmp_path, 2)
    command = tmp_path / "bin" / "hybrid"
    command.parent.mkdir()
    lines = [
        "#!/bin/sh",
        f'[ "$1" = train ] && exec "{sys.executable}" -c \'{KILLED}\' "$@"',
        f'exec "{BIN}/hybrid" "$@"',
    ]
    command.write_text("\n".join(lines) + "\n", "utf-8")
    command.chmod(0o755)
    killed = run_script(here, "./wiki", *tiny, commands=(command.parent, BIN))
    assert killed.returncode == 128 + signal.SIGKILL, killed.stderr
    encoder, states = here / "loop" / "encoder", here / "loop" / "encoder.training"
    assert json.loads((encoder / "hybrid_training.json").read_text("utf-8"))["epoch"] == 1
    assert states.is_dir()
    close_loop(here, "./wiki", *tiny)
    assert json.loads((encoder / "hybrid_training.json").read_text("utf-8"))["epoch"] == 2
    assert not states.exists()


def test_training_on_one_half_helps_on_the_other(tmp_path: Path) -> None:
    write_beir(tmp_path / "beir", load_set("sentences"))
    gains = close_loop(tmp_path, "./wiki")
    mean, low, _ = gains["dense", "top1"]
    assert 0 < low < mean
