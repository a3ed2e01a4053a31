"""Run files keep what is written, and other tools read from them the order that was meant."""

import json
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.errors import HybridError, UsageError
from hybrid.evaluation.metrics import measure
from hybrid.evaluation.questions import Question
from hybrid.evaluation.rankings import Ranked, Ranking
from hybrid.evaluation.runs import (
    check_places,
    read_results,
    read_trec,
    save,
    write_dpr,
    write_pyserini,
    write_trec,
)

IDS = st.text(st.sampled_from("ab%é語 \t\u00a0\u2028:#"), min_size=1, max_size=4) | st.just("quoted:x")
#: Scores that tie, exactly or in single precision.
SCORES = st.sampled_from([30.0, 12.5, 12.5 + 1e-9, 12.5 - 1e-9, 1e-30, 0.0, -0.0, -1e-50, -3.25]) | st.floats(
    -1e6, 1e6
)
TEXTS = st.text(st.sampled_from('aé語"\\\n\t🙂'), max_size=6)


def ranked(question: Question, found: dict[str, float], **more: Any) -> Ranking:
    passages = sorted(
        (Ranked(one, score, **more) for one, score in found.items()), key=lambda one: (-one.score, one.id)
    )
    return Ranking(question, tuple(passages))


@st.composite
def rankings(draw: st.DrawFn) -> list[Ranking]:
    named = draw(st.lists(IDS, max_size=3, unique=True))
    return [ranked(Question(one, "q"), draw(st.dictionaries(IDS, SCORES, max_size=6))) for one in named]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


def order_of(found: list[Ranking]) -> dict[str, list[str]]:
    return {one.question.id: [passage.id for passage in one.passages] for one in found if one.passages}


# TREC's


@given(written=rankings())
def test_trec_run_gives_back_ids_and_order(written: list[Ranking], folder: Path) -> None:
    save(folder / "run", write_trec(written, "tag"))
    assert order_of(read_trec(folder / "run")) == order_of(written)


@given(written=rankings())
def test_trec_eval_reads_the_order_that_was_meant(written: list[Ranking], folder: Path) -> None:
    """It takes scores in single precision, and of equal ones the greater id first."""
    save(folder / "run", write_trec(written, "tag"))
    rows: dict[str, list[tuple[np.float32, str, int]]] = {}
    for line in (folder / "run").read_bytes().splitlines():
        question_id, _, passage_id, rank, score, _ = line.decode().split()
        rows.setdefault(question_id, []).append((np.float32(score), passage_id, int(rank)))
    for found in rows.values():
        assert [rank for _, _, rank in sorted(found, reverse=True)] == list(range(1, len(found) + 1))


@given(written=rankings())
def test_scores_change_by_no_more_than_ties_ask_for(written: list[Ranking], folder: Path) -> None:
    save(folder / "run", write_trec(written, "tag"))
    read = {one.question.id: one.passages for one in read_trec(folder / "run")}
    for ranking in written:
        scores = [passage.score for passage in ranking.passages]
        again = [passage.score for passage in read.get(ranking.question.id, ())]
        assert again == pytest.approx(scores, rel=1e-6, abs=1e-40)


def test_trec_run_is_as_other_tools_know_it() -> None:
    written = [ranked(Question("7", "q"), {"d#1": 12.5, "my notes.md#0": 12.5, "b": 3.0})]
    assert b"".join(write_trec(written, "hybrid-1.1")).decode() == (
        "7 Q0 d#1 1 12.5 hybrid-1.1\n7 Q0 quoted:my%20notes.md%230 2 12.499999 hybrid-1.1\n7 Q0 b 3 3.0 hybrid-1.1\n"
    )


def test_ir_measures_reads_from_the_file_what_we_measure(folder: Path, rng: np.random.Generator) -> None:
    written, relevant = [], []
    for number in range(40):
        found = {f"p{one}": float(rng.integers(0, 6)) for one in rng.permutation(60)[:30]}
        written.append(ranked(Question(str(number), "q"), found))
        relevant.append({f"p{one}": int(rng.integers(0, 3)) for one in rng.permutation(60)[:8]})
    save(folder / "run", write_trec(written, "tag"))
    save(
        folder / "qrels",
        (f"{number} 0 {one} {grade}\n".encode() for number, row in enumerate(relevant) for one, grade in row.items()),
    )
    ours = measure([[passage.id for passage in one.passages] for one in written], relevant)
    tool: Any = ir_measures
    measures = {
        tool.parse_measure(theirs): name for name, theirs in (("mrr", "RR"), ("ndcg@10", "nDCG@10"), ("map", "AP"))
    }
    qrels, run = tool.read_trec_qrels(str(folder / "qrels")), tool.read_trec_run(str(folder / "run"))
    theirs = tool.calc_aggregate(list(measures), qrels, run)
    for one, name in measures.items():
        assert ours[name].mean() == pytest.approx(theirs[one])


def test_run_of_others_is_ordered_by_score_and_of_equal_ones_by_rank(folder: Path) -> None:
    (folder / "run").write_text("1 Q0 b 2 0.5 t\n2\tQ0\tx\t1\t1e3\tt\n1 Q0 c 1 0.5 t\n1 Q0 a 3 0.75 t\n\n")
    assert order_of(read_trec(folder / "run")) == {"1": ["a", "c", "b"], "2": ["x"]}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1 Q0 d 1 2.0", "5 columns instead of question, Q0, passage, rank, score, tag"),
        ("1 Q0 my d 1 2.0 t", "7 columns"),
        ("1 Q0 d one 2.0 t", "rank and score are no numbers: 'one', '2.0'"),
        ("1 Q0 d 1 nan t", "rank and score are no numbers: '1', 'nan'"),
    ],
)
def test_malformed_run_is_an_error_with_file_and_line(row: str, reason: str, folder: Path) -> None:
    path = folder / "run"
    path.write_text(f"1 Q0 a 1 3.0 t\n{row}\n")
    with pytest.raises(HybridError) as caught:
        read_trec(path)
    assert str(caught.value).startswith(f"{path}, line 2: {reason}")


def test_run_that_ranks_a_passage_twice_is_refused(folder: Path) -> None:
    (folder / "run").write_text("1 Q0 a 1 3.0 t\n1 Q0 a 2 2.0 t\n")
    with pytest.raises(UsageError, match="ranked twice for question '1'"):
        read_trec(folder / "run")


@pytest.mark.parametrize("tag", ["", "two words", "a\u00a0b"])
def test_tag_is_one_word(tag: str) -> None:
    with pytest.raises(UsageError, match="cannot name a run"):
        list(write_trec([], tag))


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ([Ranking(Question("1", "q"), ()), Ranking(Question("1", "r"), ())], "Two questions have the id '1'"),
        ([Ranking(Question("1", "q"), (Ranked("a", 1.0), Ranked("a", 1.0)))], "ranked twice"),
        ([Ranking(Question("1", "q"), (Ranked("a", 1.0), Ranked("b", 2.0)))], "not in the order of their scores"),
        ([Ranking(Question("1", "q"), (Ranked("a", float("nan")),))], "no finite number of single precision"),
        ([Ranking(Question("1", "q"), (Ranked("a", 1e39),))], "no finite number of single precision"),
    ],
)
@pytest.mark.parametrize("write", [lambda found: write_trec(found, "t"), write_dpr, write_pyserini])
def test_rankings_that_no_file_could_give_back_are_refused(write: Any, written: list[Ranking], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        list(write(written))


# Results of retrievers


@st.composite
def results(draw: st.DrawFn) -> list[Ranking]:
    """Make rankings with texts, the questions named by their numbers."""
    title = draw(TEXTS.map(lambda text: " ".join(text.split())))
    more = {"title": title, "text": draw(TEXTS), "has_answer": draw(st.sampled_from([None, True, False]))}
    return [
        ranked(
            Question(str(number), draw(TEXTS), tuple(draw(st.lists(TEXTS, max_size=2)))),
            draw(st.dictionaries(IDS, SCORES, max_size=3)),
            **more,
        )
        for number in range(draw(st.integers(0, 3)))
    ]


@pytest.mark.parametrize("write", [write_dpr, write_pyserini])
@given(written=results())
def test_results_come_back_whole_in_either_form(write: Any, written: list[Ranking], folder: Path) -> None:
    save(folder / "results.json", write(written))
    assert read_results(folder / "results.json") == written


def test_results_are_written_as_facebook_and_pyserini_write_them() -> None:
    question = Question("5", "q", ("a",))
    written = [Ranking(question, (Ranked("d", np.float64(2.5), "T\nU", "some text", True), Ranked("e", 1.0)))]
    assert json.loads(b"".join(write_dpr(written))) == [
        {
            "question": "q",
            "answers": ["a"],
            "ctxs": [
                {"id": "d", "title": "T\nU", "text": "some text", "score": "2.5", "has_answer": True},
                {"id": "e", "title": "", "text": "", "score": "1.0"},
            ],
        }
    ]
    assert json.loads(b"".join(write_pyserini(written))) == {
        "5": {
            "question": "q",
            "answers": ["a"],
            "contexts": [
                {"docid": "d", "score": 2.5, "text": "T U\nsome text", "has_answer": True},
                {"docid": "e", "score": 1.0, "text": "\n"},
            ],
        }
    }


def test_results_of_others_may_have_scores_as_text_and_no_texts(folder: Path) -> None:
    path = folder / "results.json"
    path.write_text('{"q1": {"question": "q", "answers": [], "contexts": [{"docid": 7, "score": "1.5"}]}}')
    assert read_results(path) == [Ranking(Question("q1", "q"), (Ranked("7", 1.5),))]


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ("5", "the file: neither a list nor an object"),
        ("[\n{", "line 2: not JSON"),
        ('[{"question": "q"}]', "question 0: no result of a retriever: KeyError 'ctxs'"),
        (
            '{"a": {"question": "q", "contexts": [{"docid": "d", "score": "x"}]}}',
            "question a: no result of a retriever",
        ),
        ('[{"question": "q", "ctxs": [5]}]', "question 0: no result of a retriever"),
        ('[{"question": 5, "ctxs": []}]', "question 0: no result of a retriever: TypeError int instead of str"),
        ('[{"question": "q", "answers": [5], "ctxs": []}]', "question 0: no result of a retriever: TypeError int"),
        ('[{"question": "q", "answers": "yes", "ctxs": []}]', "question 0: no result of a retriever: TypeError str"),
        (
            '[{"question": "q", "ctxs": [{"id": "d", "score": 1, "title": "t", "text": 5}]}]',
            "question 0: no result of a retriever: TypeError int",
        ),
    ],
)
def test_malformed_results_are_an_error_with_their_place(content: str, where: str, folder: Path) -> None:
    path = folder / "results.json"
    path.write_text(content)
    with pytest.raises(HybridError) as caught:
        read_results(path)
    assert str(caught.value).startswith(f"{path}, {where}")


# Files


def test_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.write_bytes(b"old")
    with pytest.raises(UsageError):
        save(path, write_trec([Ranking(Question("1", "q"), ())] * 2, "t"))
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("run", b"old")]
    save(path, iter([b"a", b"b"]))
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("run", b"ab")]


def test_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HybridError, match="run cannot be written: No such file"):
        save(tmp_path / "missing" / "run", [b"a"])
    with pytest.raises(HybridError, match="run cannot be written: No such file"):
        check_places(None, tmp_path / "missing" / "run")
    (tmp_path / "run").write_bytes(b"old")
    check_places(tmp_path / "run", tmp_path / "other")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("run", b"old")]


def test_place_below_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    for write in (check_places, lambda path: save(path, [b"a"])):
        with pytest.raises(HybridError, match="run cannot be written: Not a directory"):
            write(tmp_path / "file" / "run")


def test_what_lies_beside_a_place_is_left_alone(tmp_path: Path) -> None:
    beside = tmp_path / "run.part"
    beside.write_bytes(b"mine")
    check_places(tmp_path / "run")
    save(tmp_path / "run", [b"a"])
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == {"run": b"a", "run.part": b"mine"}


def test_file_is_not_written_twice_and_not_over_one_that_is_read(tmp_path: Path) -> None:
    run, link = tmp_path / "run", tmp_path / "link"
    link.symlink_to(run)
    for paths, read in (
        ([run, run], ()),
        ([run, tmp_path / "folder" / ".." / "run"], ()),
        ([run, link], ()),
        ([run], [None, str(run)]),
        ([link], [run]),
    ):
        with pytest.raises(UsageError, match=f"{paths[-1].name} is to be written, and is named for something else"):
            check_places(None, *paths, read=read)
    assert list(tmp_path.iterdir()) == [link]
    check_places(run, tmp_path / "other", read=[None, tmp_path / "third"])
