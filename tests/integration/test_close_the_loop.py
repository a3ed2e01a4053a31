"""``examples/close_the_loop.sh``: mine, train, encode anew, measure; on a folder and on a cluster."""

import json
import os
import secrets
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


def close_loop(place: Path, index: str, *options: str) -> dict[tuple[str, str], Sequence[float]]:
    """Run the script and give the gains with their intervals, by mode and metric."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("HYBRID_")}
    environ = {**plain, "PATH": f"{BIN}:{os.environ['PATH']}", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [str(SCRIPT), index, "./beir", *options], cwd=place, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    lines = [line.split("\t") for line in done.stdout.splitlines()[-12:]]
    return {(mode, metric): [float(one) for one in numbers] for mode, metric, *numbers in lines}


def test_it_runs_on_a_folder_and_on_a_cluster_and_goes_on(tmp_path: Path, opensearch: Service) -> None:
    write_beir(tmp_path / "beir", load_set("sentences"), 40)
    tiny = ("--from", str(save_bert(tmp_path / "tiny")), "--epochs", "1", "--batch", "8")
    local = close_loop(tmp_path, "./wiki", *tiny)
    assert {mode for mode, _ in local} == {"hybrid", "lexical", "dense"}
    # BM25 has learnt nothing, a random model less than that.
    assert local["lexical", "top1"] == [0, 0, 0]
    assert local["dense", "top1"][0] < 0
    assert close_loop(tmp_path, "./wiki", *tiny) == local
    address = f"{opensearch.url}/loop-{secrets.token_hex(4)}"
    try:
        assert close_loop(tmp_path, address, *tiny)["dense", "top1"][0] == pytest.approx(local["dense", "top1"][0])
    finally:
        delete_index(address, settings=Settings())


def test_training_on_one_half_helps_on_the_other(tmp_path: Path) -> None:
    write_beir(tmp_path / "beir", load_set("sentences"))
    gains = close_loop(tmp_path, "./wiki")
    mean, low, _ = gains["dense", "top1"]
    assert 0 < low < mean
