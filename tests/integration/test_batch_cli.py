"""``hybrid batch`` as a person meets it: a run is what searches give, also after a kill."""

import json
from pathlib import Path

import numpy as np
import pytest

from hybrid import open_index
from hybrid.evaluation.runs import read_trec
from hybrid.settings import Settings
from tests.commands import Say, one_line
from tests.integration.evaluating import Asked
from tests.integration.killing import Moment, run_watched

COMMAND = "from hybrid.cli.main import main; main()"


def test_batch_writes_what_searches_give(hybrid: Say, address: str, asked: Asked, tmp_path: Path) -> None:
    run = tmp_path / "run.trec"
    said = hybrid("batch", address, asked.questions, "--vectors", asked.vectors, "--out", run, "-k", "7")
    assert (said.code, said.out) == (0, f"40 questions answered in {run}\n")
    rankings = read_trec(run)
    questions = dict(line.split("\t") for line in asked.questions.read_text("utf-8").splitlines())
    with open_index(address, settings=Settings()) as index:
        found = index.search_many(list(questions.values()), np.load(asked.vectors), k=7)
    assert [ranking.question.id for ranking in rankings] == list(questions)
    assert [[one.id for one in ranking.passages] for ranking in rankings] == [
        [hit.id for hit in result.hits] for result in found
    ]


def test_run_that_does_not_say_its_format_is_refused(hybrid: Say, addresses: dict[str, str], asked: Asked) -> None:
    said = hybrid("batch", addresses["local"], asked.questions, "--vectors", asked.vectors, "--out", "run.csv")
    assert "run.csv does not say what to write; name it .trec or .json, or say --run-format" in one_line(said)


def test_killed_batch_goes_on_where_it_was(
    hybrid: Say, addresses: dict[str, str], asked: Asked, tmp_path: Path
) -> None:
    run, whole = tmp_path / "run.json", tmp_path / "whole.json"
    arguments = [str(asked.questions), "--vectors", str(asked.vectors), "-k", "5"]

    def command(seen: str) -> list[str]:
        return ["-c", COMMAND, "batch", seen, *arguments, "--out", str(run)]

    # Opening, holding, counting and naming the moment take seven requests, each question one; the first batch of 32
    # is through.
    code, said, _ = run_watched(addresses["cluster"], command, Moment(7 + 33, done=True))
    assert code == -9, said
    assert not run.exists()
    kept = run.with_name("run.json.answered")
    assert len(kept.read_bytes().splitlines()) == 1 + 32
    # The address is part of what was asked, and the watched one is gone.
    watched = json.loads(kept.read_bytes().splitlines()[0])["index"]
    kept.write_text(kept.read_text("utf-8").replace(watched, addresses["cluster"], 1), "utf-8")
    again = hybrid("batch", addresses["cluster"], *arguments, "--out", run)
    assert "32 of 40 questions were answered already" in again.err
    hybrid("batch", addresses["cluster"], *arguments, "--out", whole)
    assert run.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("name", ["questions", "vectors", "qrels"])
def test_batch_does_not_write_over_what_it_reads(
    hybrid: Say, addresses: dict[str, str], asked: Asked, name: str
) -> None:
    read = {"questions": asked.questions, "vectors": asked.vectors, "qrels": asked.qrels}
    before = read[name].read_bytes()
    given = [asked.questions, "--vectors", asked.vectors, "--qrels", asked.qrels]
    said = hybrid("batch", addresses["local"], *given, "--out", read[name], "--run-format", "trec")
    assert "is named for something else as well" in one_line(said)
    assert read[name].read_bytes() == before
