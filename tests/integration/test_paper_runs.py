"""The paper's tables from end to end on tiny models: at the reduced scale, and with files like the authors'."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from benchmarks.paper import __main__ as command
from benchmarks.paper import report
from benchmarks.paper.__main__ import gather, run_cells, run_jobs
from benchmarks.paper.budgets import BUDGETS
from benchmarks.paper.cells import list_cells
from benchmarks.paper.jobs import Job, list_jobs
from benchmarks.paper.recipes import AS_IT_IS, RECIPES
from benchmarks.paper.results import Results
from hybrid.encoders import load_encoder
from hybrid.evaluation.matching import TokenMatcher
from hybrid.training.dpr_json import Context, Row, write_rows
from tests import corpora
from tests.tiny_models import save_bert, save_dpr, save_kin

WORDS = ("moon", "tide", "tides", "gravity", "pulls", "ocean", "who", "what", "wrote", "query", "passage")


def make_texts(count: int, words: int, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return [f"{' '.join(rng.choice(WORDS, words).tolist())} {'abcdefgh'[number % 8]}" for number in range(count)]


def test_the_reduced_scale_runs_and_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "data" / "squad-sentences"
    folder.mkdir(parents=True)
    passages = make_texts(80, 6, seed=1)
    (folder / "passages.txt").write_text("\n".join(passages), "utf-8")
    (folder / "questions.txt").write_text("\n".join(" ".join(one.split()[1:4]) for one in passages), "utf-8")
    monkeypatch.setattr(corpora, "DATA", folder.parent)
    budget = dataclasses.replace(
        BUDGETS["small"], questions=12, epochs=1, tested=20, max_length=16, seeds=2, cut_layers=1, sizes=(4, 8),
        model=str(save_bert(tmp_path / "model")),
    )  # fmt: skip
    results = Results(tmp_path / "work")
    rows = {"3": ("random-7", "batch-8", "batch-32+1"), "6": ("l2-triplet",), "figure1": ("bm25", "4")}
    for table, wanted in rows.items():
        jobs = [job for job in list_jobs(table, budget) if job.row in wanted]
        run_jobs(jobs, results)
        again = [dataclasses.replace(job, work=lambda: pytest.fail("it is run again")) for job in jobs]
        run_jobs(again, results)
    _, reduced = gather(list(rows), results, budget)
    assert reduced.rows("3") == ["random-7", "batch-8", "batch-32+1"]
    # A row of another table that is trained alike is there without a run of its own.
    assert reduced.rows("6") == ["dot-nll", "l2-triplet"]
    assert reduced.figure("6", "dot-nll", "sentences/top5") == reduced.figure("3", "batch-32+1", "sentences/top5")
    assert len(reduced.seeds("3", "batch-8", "sentences/top1")) == 2
    assert len(reduced.seeds("figure1", "bm25", "sentences/top1")) == 1
    shown = "\n".join(report.describe_table("3", reduced, reduced))
    assert "highest seed" in shown


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        (["--row", "batch-8"], ["batch-8"] * 3),
        (["--row", "batch-8", "--seeds", "1"], ["batch-8"]),
        (["--row", "batch-8", "--as-it-is", "--seeds", "2"], ["batch-8, as it is"] * 2),
        (["--row", "batch-8, as it is", "--seeds", "1"], ["batch-8, as it is"]),
        (["--as-it-is", "--seeds", "1"], [f"{row}{AS_IT_IS}" for row in RECIPES["3"]]),
    ],
)
def test_rows_and_seeds_that_are_asked_for_are_run(
    asked: list[str], rows: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen: list[Job] = []
    monkeypatch.setattr(command, "run_jobs", lambda jobs, _: chosen.extend(jobs))
    monkeypatch.setattr("sys.argv", ["paper", "--work", str(tmp_path), "--table", "3", *asked])
    command.main()
    assert [job.row for job in chosen] == rows


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with what the authors give away, only smaller."""
    folder = tmp_path_factory.mktemp("paper")
    texts = make_texts(120, 8, seed=2)
    with (folder / "psgs_w100.tsv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, delimiter="\t", lineterminator="\n")
        rows.writerow(("id", "text", "title"))
        rows.writerows((number, text, "tides") for number, text in enumerate(texts, 1))
    questions = [(" ".join(text.split()[2:5]), [" ".join(text.split()[5:8])]) for text in texts[::6]]
    for split in ("train", "dev", "test"):
        lines = [f"{question}\t{answers!r}" for question, answers in questions]
        (folder / f"nq-{split}.qa.csv").write_text("\n".join(lines) + "\n", "utf-8")
    right = [Row(question, tuple(answers), (Context("", "tides"),)) for question, answers in questions]
    (folder / "biencoder-nq-train.json").write_bytes(
        b"".join(write_rows([*right, dataclasses.replace(right[0], positives=())]))
    )
    save_dpr(folder / "dpr-multi" / "question", passages=False, seed=1)
    save_dpr(folder / "dpr-multi" / "passage", passages=True, seed=2)
    save_kin(folder / "reader-nq", "DPRReader")
    save_bert(folder / "bert-base-uncased", seed=3)
    return folder


def test_the_papers_rows_are_measured_with_its_files(paper: Path, tmp_path: Path) -> None:
    results = Results(tmp_path)
    cells = [cell for table in ("1", "2") for cell in list_cells(table)]
    assert run_cells(cells, None, results) == 0
    assert run_cells(cells, paper, results) == 4
    original, _ = gather(["1", "2"], results, BUDGETS["small"])
    assert original.rows("1") == ["nq"]
    assert [original.figure("1", "nq", one).mean for one in ("train", "used", "dev", "test")] == [20] * 4
    assert original.rows("2") == ["multi-dense", "multi-hybrid", "bm25"]
    assert [one.name for one in (paper / "indexes").iterdir() if one.is_dir()] == ["dpr-multi"]
    assert original.figure("2", "multi-dense", "nq/top20").mean == 100 * np.mean(find_by_hand(paper, 20))
    assert original.figure("2", "multi-dense", "nq/top1").mean == 100 * np.mean(find_by_hand(paper, 1))
    lines = list(report.describe_table("2", original, original))
    (line,) = [one for one in lines if one.split()[:4] == ["DPR,", "multi", "nq/top20", "79.4"]]
    assert line.split()[-1] in ("pass", "fail")


@pytest.mark.slow
def test_rows_are_trained_and_read_with_the_papers_files(paper: Path, tmp_path: Path) -> None:
    results = Results(tmp_path)
    run_cells([cell for cell in list_cells("3") if cell.row == "batch-8"], paper, results)
    run_cells([cell for cell in list_cells("4") if cell.row == "multi-dense"], paper, results)
    original, _ = gather(["3", "4"], results, BUDGETS["small"])
    assert original.columns("3", "batch-8") == [f"nq-dev/top{k}" for k in (1, 5, 20, 100)]
    assert (paper / "trained" / "3-batch-8" / "question").is_dir()
    assert original.columns("4", "multi-dense") == ["nq/em", "nq/f1"]


def find_by_hand(folder: Path, depth: int) -> list[bool]:
    """Tell for each question whether one of the nearest passages holds the answer."""
    with (folder / "psgs_w100.tsv").open(encoding="utf-8", newline="") as file:
        passages = [(title, text) for _, text, title in list(csv.reader(file, delimiter="\t"))[1:]]
    encoder = load_encoder(str(folder / "dpr-multi"))
    vectors = encoder.encode_passages(passages)
    found = []
    for line in (folder / "nq-test.qa.csv").read_text("utf-8").splitlines():
        question, _, answers = line.partition("\t")
        best = np.argsort(-(vectors @ encoder.encode_questions([question])[0]), kind="stable")[:depth]
        matcher = TokenMatcher([answers[2:-2]])
        found.append(any(matcher.matches(passages[place][1]) for place in best))
    return found
