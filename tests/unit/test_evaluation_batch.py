"""A run that is stopped goes on where it was, and ends as if it had never been stopped; on a folder."""

import fcntl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hybrid import Passage
from hybrid.engines.contract import Index
from hybrid.errors import HybridError, LockHeldError, UsageError
from hybrid.evaluation import batch
from hybrid.evaluation.batch import Answered, answer_all, name_kept
from hybrid.evaluation.evaluating import Run
from hybrid.evaluation.questions import Question
from hybrid.evaluation.runs import read_results, read_trec
from hybrid.passages import SearchResult
from hybrid.requests import SearchOptions
from tests.conftest import FillFolder
from tests.made import make_corpus

MADE = make_corpus()
QUESTIONS = [Question(str(number), text, answers=("zzyzx",)) for number, text in enumerate(MADE.questions)]
OPTIONS: SearchOptions = {"k": 5}


class Stopping:
    """An index that answers so many batches, then is interrupted."""

    def __init__(self, index: Index, batches: int):
        self._index = index
        self._batches = batches
        self.profile = index.profile
        self.moment = index.moment

    def search_many(self, questions: Sequence[str], vectors: Any, **options: Any) -> list[SearchResult]:
        if not self._batches:
            raise KeyboardInterrupt
        self._batches -= 1
        return self._index.search_many(questions, vectors, **options)


@pytest.fixture(scope="module")
def index(fill_folder: FillFolder) -> Index:
    return fill_folder(MADE.passages)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "BATCH", 2)


def answer(index: Any, run: Run, options: SearchOptions = OPTIONS) -> tuple[Answered, list[int]]:
    seen: list[int] = []
    return answer_all(index, "./here", QUESTIONS, MADE.question_vectors, options, run, seen.append), seen


def test_run_is_what_searches_give(index: Index, tmp_path: Path) -> None:
    run = Run(tmp_path / "run.json", "dpr")
    done, seen = answer(index, run)
    assert (done, seen) == (Answered(7, 0, 0), [0, 2, 4, 6, 7])
    rankings = read_results(run.path)
    for question, vector, ranking in zip(QUESTIONS, MADE.question_vectors, rankings, strict=True):
        hits = index.search(question.text, vector=vector, k=5).hits
        assert [(one.id, one.score, one.title, one.text) for one in ranking.passages] == [
            (hit.id, hit.score, hit.title, hit.text) for hit in hits
        ]
        assert [one.has_answer for one in ranking.passages] == ["zzyzx" in hit.text for hit in hits]
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.parametrize("stopped_after", [0, 1, 3])
@pytest.mark.parametrize("run_format", ["trec", "pyserini"])
def test_stopped_run_goes_on_and_ends_the_same(
    index: Index, stopped_after: int, run_format: Any, tmp_path: Path
) -> None:
    whole, parts = Run(tmp_path / "whole", run_format), Run(tmp_path / "parts", run_format)
    answer(index, whole)
    with pytest.raises(KeyboardInterrupt):
        answer(Stopping(index, stopped_after), parts)
    assert not parts.path.exists()
    done, seen = answer(index, parts)
    assert done.resumed == seen[0] == 2 * stopped_after
    assert parts.path.read_bytes() == whole.path.read_bytes()
    assert not name_kept(parts.path).exists()


@pytest.mark.parametrize("lost", [1, 20])
def test_line_that_was_not_finished_is_asked_again(index: Index, lost: int, tmp_path: Path) -> None:
    whole, parts = Run(tmp_path / "whole", "trec"), Run(tmp_path / "parts", "trec")
    answer(index, whole)
    with pytest.raises(KeyboardInterrupt):
        answer(Stopping(index, 2), parts)
    kept = name_kept(parts.path)
    kept.write_bytes(kept.read_bytes()[:-lost])
    assert answer(index, parts)[0].resumed == 3
    assert parts.path.read_bytes() == whole.path.read_bytes()


def test_beginning_that_was_not_finished_is_begun_anew(index: Index, tmp_path: Path) -> None:
    run = Run(tmp_path / "run", "trec")
    name_kept(run.path).write_bytes(b'{"index": "./he')
    assert answer(index, run)[0].resumed == 0
    assert len(read_trec(run.path)) == 7


def test_answers_to_something_else_are_not_taken(index: Index, tmp_path: Path) -> None:
    run = Run(tmp_path / "run", "trec")
    with pytest.raises(KeyboardInterrupt):
        answer(Stopping(index, 1), run)
    kept = name_kept(run.path).read_bytes()
    with pytest.raises(UsageError, match=r"answers to other questions, or by other options.*delete it to begin anew"):
        answer(index, run, {"k": 6})
    with pytest.raises(UsageError, match="answers to other questions"):
        answer_all(index, "./here", QUESTIONS[:-1], MADE.question_vectors[:-1], OPTIONS, run, print)
    assert name_kept(run.path).read_bytes() == kept


def test_answers_of_before_a_change_are_not_mixed_with_later_ones(fill_folder: FillFolder, tmp_path: Path) -> None:
    index, run = fill_folder(MADE.passages), Run(tmp_path / "run", "trec")
    with pytest.raises(KeyboardInterrupt):
        answer(Stopping(index, 1), run)
    kept = name_kept(run.path).read_bytes()
    # A longer vector changes the profile, too.
    for vector in (MADE.question_vectors[0], 3 * MADE.question_vectors[0]):
        index.add([Passage("new", MADE.questions[0], vector=vector)])
        with pytest.raises(
            UsageError, match=r"the same questions, but of the index as it was before it was changed; delete it to"
        ):
            answer(index, run)
    assert name_kept(run.path).read_bytes() == kept
    name_kept(run.path).unlink()
    assert answer(index, run)[0].resumed == 0


def test_damaged_answers_are_refused(index: Index, tmp_path: Path) -> None:
    run = Run(tmp_path / "run", "trec")
    with pytest.raises(KeyboardInterrupt):
        answer(Stopping(index, 1), run)
    with name_kept(run.path).open("ab") as kept:
        kept.write(b"\0\0\0\n")
    with pytest.raises(HybridError, match="is damaged; delete it and begin anew"):
        answer(index, run)


def test_two_commands_do_not_write_one_run(index: Index, tmp_path: Path) -> None:
    run = Run(tmp_path / "run", "trec")
    with name_kept(run.path).open("a+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(LockHeldError, match="is being written by another command"):
            answer(index, run)


def test_place_that_cannot_be_written_is_told_before_anything_is_asked(index: Index, tmp_path: Path) -> None:
    with pytest.raises(HybridError, match="cannot be written: No such file or directory"):
        answer(Stopping(index, 0), Run(tmp_path / "no" / "run", "trec"))
