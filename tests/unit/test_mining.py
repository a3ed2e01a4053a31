"""Mining against a look at every passage: which positives, which negatives, from which ranks, and what is counted."""

import dataclasses
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from hybrid.engines.contract import Index
from hybrid.errors import HybridError, UsageError, VectorError
from hybrid.evaluation.questions import Question
from hybrid.mining import Gold, Plan, Report, Wanted, mine
from hybrid.mining.plan import Kind
from hybrid.training.dpr_json import Row, read_rows
from tests.conftest import FillFolder
from tests.mining import Brute, count_answers, is_allowed, make_world

WORLD = make_world()
BRUTE = Brute(WORLD)
BY_ID = {one.id: one for one in WORLD.passages}


@pytest.fixture(scope="module")
def index(fill_folder: FillFolder) -> Index:
    return fill_folder(WORLD.passages)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mined") / "train.json"


def run(index: Index, plan: Plan, out: Path, wanted: Any = WORLD.wanted) -> tuple[dict[str, Row], Report]:
    """Mine, and give the rows by the numbers of their questions."""
    vectors = WORLD.vectors[: len(wanted)]
    report = mine(index, "./here", wanted, vectors, plan, out)
    rows = list(read_rows(out))
    kept = [one.question for one in wanted if any(row.question == one.question.text for row in rows)]
    return {question.id: row for question, row in zip(kept, rows, strict=True)}, report


def ids(contexts: Any) -> list[str]:
    return [one.id for one in contexts]


KINDS: tuple[Kind, ...] = ("bm25", "dense", "hybrid")


@pytest.mark.parametrize("kind", KINDS)
def test_hard_negatives_are_the_best_of_all_passages_that_may_be_one(kind: Kind, index: Index, place: Path) -> None:
    plan = Plan(negatives={kind: 4}, window=(1, 65))
    rows, report = run(index, plan, place)
    assert len(rows) == len(WORLD.wanted) == report.kept
    for one, vector in zip(WORLD.wanted, WORLD.vectors, strict=True):
        row = rows[one.question.id]
        assert ids(row.positives) == [one.golds[0].id]
        wanted = BRUTE.negatives(one, vector, BY_ID[one.golds[0].id], plan)[kind]
        assert ids(row.hard_negatives) == [found.id for found in wanted]
        assert row.negatives == ()
    assert report.negatives[kind].taken.count == sum(len(row.hard_negatives) for row in rows.values())


#: Searched ones come first, so that what is free for them can be worked out.
COUNTS = st.tuples(
    st.dictionaries(st.sampled_from(KINDS), st.integers(0, 6)),
    st.dictionaries(st.sampled_from(["random", "gold"]), st.integers(0, 6)),
).map(lambda both: {**both[0], **both[1]})
PLANS = st.builds(
    Plan,
    negatives=COUNTS,
    window=st.tuples(st.integers(1, 9), st.integers(14, 70)),
    margin=st.none() | st.floats(0.1, 1.5),
    words=st.tuples(st.integers(0, 6), st.none() | st.integers(8, 14)),
    other_documents=st.booleans(),
    seed=st.integers(0, 3),
)


@how(max_examples=25)
@given(plan=PLANS)
def test_no_plan_lets_a_false_negative_through_or_leaves_the_window(index: Index, place: Path, plan: Plan) -> None:
    rows, report = run(index, plan, place)
    for one, vector in zip(WORLD.wanted, WORLD.vectors, strict=True):
        positive = BY_ID[one.golds[0].id]
        if not is_long_enough(positive.text, plan):
            assert one.question.id not in rows
            continue
        row = rows[one.question.id]
        wanted = BRUTE.negatives(one, vector, positive, plan)
        assert ids(row.hard_negatives) == [found.id for own in wanted.values() for found in own]
        everything = (*row.hard_negatives, *row.negatives)
        assert len({found.text for found in everything}) == len(everything)
        for found in everything:
            assert is_allowed(BY_ID[found.id], one, positive, plan)
            assert found.text == BY_ID[found.id].text
        ranked = [
            BRUTE.rank(kind, one.question.text, vector)[plan.window[0] - 1 : plan.window[1]]
            for kind in KINDS
            if kind in plan.negatives
        ]
        assert set(ids(row.hard_negatives)) <= {passage.id for some in ranked for passage in some}
    for kind, own in report.negatives.items():
        assert own.taken.count <= plan.negatives[kind] * report.kept


def is_long_enough(text: str, plan: Plan) -> bool:
    least, most = plan.words
    return least <= len(text.split()) and (most is None or len(text.split()) <= most)


def test_negatives_that_no_margin_could_be_applied_to_are_counted(fill_folder: FillFolder, place: Path) -> None:
    """Where the positive has no vector nothing is left out; else only what has none comes through unseen."""
    bare = {one.id for at, one in enumerate(WORLD.passages) if at % 3 == 0}
    passages = [dataclasses.replace(one, vector=None) if one.id in bare else one for one in WORLD.passages]
    plan = Plan(negatives={"bm25": 9, "dense": 2, "random": 3}, margin=0.5)
    rows, report = run(fill_folder(passages), plan, place)
    unseen = {
        name: [one for one in ids(row.hard_negatives) if row.positives[0].id in bare or one in bare]
        for name, row in rows.items()
    }
    counted = {kind: own.unbounded.count for kind, own in report.negatives.items()}
    assert sum(map(len, unseen.values())) == counted["bm25"] + counted["dense"]
    assert 0 < counted["dense"] < counted["bm25"] < report.negatives["bm25"].taken.count
    assert counted["random"] == 0
    first = next(f"{name}: {found[0]}" for name, found in unseen.items() if found)
    assert ("bm25", "written without --margin: no vector", counted["bm25"], first) in list(report.rows())
    assert report.to_json()["negatives"]["dense"]["unbounded"] == counted["dense"]
    for one, vector in zip(WORLD.wanted, WORLD.vectors, strict=True):
        row = rows[one.question.id]
        most = BRUTE.sim(row.positives[0].id, vector)
        bounded = [found for found in ids(row.hard_negatives) if found not in unseen[one.question.id]]
        assert all(BRUTE.sim(found, vector) <= most - 0.5 * abs(most) + 1e-5 for found in bounded)
    _, whole = run(fill_folder(WORLD.passages), plan, place)
    assert not [own.unbounded.count for own in whole.negatives.values() if own.unbounded.count]


def test_drawn_negatives_are_of_the_index_and_of_other_questions(index: Index, place: Path) -> None:
    plan = Plan(negatives={"random": 5, "gold": 5})
    rows, report = run(index, plan, place)
    assert report.negatives["random"].taken.count == report.negatives["gold"].taken.count == 5 * len(rows)
    golds = {one.golds[0].id for one in WORLD.wanted}
    drawn: Counter[str] = Counter()
    for one in WORLD.wanted:
        row = rows[one.question.id]
        assert row.hard_negatives == ()
        random, gold = ids(row.negatives)[:5], ids(row.negatives)[5:]
        assert set(gold) <= golds - {one.golds[0].id}
        assert len(set(random)) == 5
        drawn.update(random)
    # Every passage is drawn now and then: 200 draws from 65 passages.
    assert len(drawn) > 55
    assert max(drawn.values()) < 15


def test_seed_decides_what_is_drawn_and_nothing_else(index: Index, tmp_path: Path) -> None:
    plans = [Plan(negatives={"bm25": 2, "random": 3}, seed=seed) for seed in (1, 1, 2)]
    files = [tmp_path / f"{number}.json" for number in range(3)]
    found = [run(index, plan, path)[0] for plan, path in zip(plans, files, strict=True)]
    assert files[0].read_bytes() == files[1].read_bytes() != files[2].read_bytes()
    assert [one.hard_negatives for one in found[0].values()] == [one.hard_negatives for one in found[2].values()]


def test_distant_positives_are_what_holds_an_answer_among_the_first(index: Index, place: Path) -> None:
    for depth in (3, 65):
        plan = Plan(positives="distant", all_positives=True, distant_depth=depth, negatives={})
        rows, report = run(index, plan, place)
        for one in WORLD.wanted:
            query = f"{one.question.text} {one.question.answers[0]}"
            first = BRUTE.rank("bm25", query, WORLD.vectors[0])[:depth]
            right = {passage.id for passage in count_answers(WORLD, one)}
            wanted = [passage.id for passage in first if passage.id in right]
            assert ids(rows[one.question.id].positives if one.question.id in rows else ()) == wanted
        missing = report.dropped.get("no answer among the first hits")
        assert report.kept + (missing.count if missing else 0) == len(WORLD.wanted)


def test_distant_positive_is_the_first_alone_and_the_answer_may_stay_out_of_the_query(
    index: Index, place: Path
) -> None:
    plan = Plan(positives="distant", query="question", distant_depth=65, negatives={})
    rows, _ = run(index, plan, place)
    for one in WORLD.wanted:
        right = {passage.id for passage in count_answers(WORLD, one)}
        ranked = BRUTE.rank("bm25", one.question.text, WORLD.vectors[0])
        assert ids(rows[one.question.id].positives) == [next(p.id for p in ranked if p.id in right)]


def ask(answers: tuple[str, ...], **rest: Any) -> Wanted:
    return Wanted(Question("q", rest.pop("text", "what"), answers=answers, **rest))


@pytest.mark.parametrize(
    ("exact", "answer", "kept"),
    [(False, "BAPUX", True), (True, "BAPUX", False), (True, "bapux", True), (True, "bapu", False)],
)
def test_exact_match_wants_the_answer_letter_by_letter(
    exact: bool, answer: str, kept: bool, index: Index, place: Path
) -> None:
    plan = Plan(positives="distant", exact=exact, negatives={})
    wanted = [ask((answer,), text="bapux"), WORLD.wanted[0]]
    _, report = run(index, plan, place, wanted)
    assert report.kept == 1 + kept


def test_answers_that_are_patterns_are_looked_for_as_such_and_not_asked_for(index: Index, place: Path) -> None:
    pattern = r"bapux\W+(do|ke)\w+x"
    wanted = [ask((pattern, "("), text="bapux dorux", answers_are_patterns=True), WORLD.wanted[0]]
    plan = Plan(positives="distant", all_positives=True, negatives={"bm25": 9, "random": 9})
    rows, _ = run(index, plan, place, wanted)
    ranked = BRUTE.rank("bm25", "bapux dorux", WORLD.vectors[0])
    right = [passage.id for passage in ranked if re.search(pattern, passage.text)]
    assert ids(rows["q"].positives) == right != []
    assert [row.patterns for row in rows.values()] == [True, False]
    taken = [*rows["q"].hard_negatives, *rows["q"].negatives]
    assert len(taken) == 18
    assert not [one for one in taken if re.search(pattern, one.text)]


def test_questions_that_are_dropped_are_told_by_reason_with_the_first_of_each(index: Index, place: Path) -> None:
    gold = WORLD.wanted[0]
    bad = [
        Wanted(Question("nothing", "what", answers=("a",))),
        Wanted(Question("gone", "what", answers=("a",)), (Gold("nowhere"),)),
        Wanted(Question("gone too", "what", answers=("a",)), (Gold("nowhere", text="not a word of it stands here"),)),
        Wanted(Question("wrong", "what", answers=("zzyzx",)), gold.golds),
        Wanted(Question("silent", "?!", answers=("a",)), gold.golds),
        Wanted(Question("unanswered", gold.question.text), gold.golds),
        Wanted(Question("unusable", gold.question.text, answers=(" ", "")), gold.golds),
        Wanted(Question("half", gold.question.text, gold.question.answers), (Gold("nowhere"), *gold.golds)),
    ]
    report = mine(index, "./here", [*bad, gold], None, Plan(negatives={"bm25": 2}), place)
    assert [row.question for row in read_rows(place)] == 2 * [gold.question.text]
    assert {why: (one.count, one.first) for why, one in report.dropped.items()} == {
        "brings no passage": (1, "nothing"),
        "passage is not in the index": (2, "gone"),
        "no answer in the passage": (1, "wrong"),
        "the question has no words": (1, "silent"),
        "has no answer that can be looked for": (2, "unanswered"),
    }
    assert report.left_out["passage is not in the index"].count == 3
    told = report.to_json()
    assert json.loads(json.dumps(told)) == told
    assert told["dropped"]["no answer in the passage"] == {"count": 1, "first": "wrong"}
    assert ("questions", "kept", 2, "") in list(report.rows())


def test_judged_passages_and_documents_are_no_negatives(index: Index, place: Path) -> None:
    found = BRUTE.rank("bm25", "bapux dorux", WORLD.vectors[0])
    judged = {found[0].id: 1, found[1].document_id: 2, found[2].id: 0, found[4].id: 1}
    golds = (Gold(found[1].id), Gold(found[0].id))
    wanted = [Wanted(Question("q", "bapux dorux", relevant=judged), golds)]
    rows, report = run(index, Plan(negatives={"bm25": 20}), place, wanted)
    right = {found[0].id, found[4].id, *(one.id for one in WORLD.passages if one.document_id == found[1].document_id)}
    texts = {BY_ID[name].text for name in (found[0].id, found[1].id)}
    distinct: dict[str, str] = {}
    for one in found:
        if one.id not in right and one.text not in texts:
            distinct.setdefault(one.text, one.id)
    assert ids(rows["q"].hard_negatives) == list(distinct.values())[:20]
    assert report.negatives["bm25"].left_out["is judged to be right"].count > 0


def test_no_question_with_a_positive_leaves_no_file(index: Index, tmp_path: Path) -> None:
    out = tmp_path / "train.json"
    gone = [Wanted(Question("q", "what", answers=("a",)), (Gold("nowhere"),))]
    with pytest.raises(HybridError, match=r"None of 1 questions has a positive \(passage is not in the index: 1\)"):
        mine(index, "./here", gone, None, Plan(), out)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"window": (0, 5)}, "window of ranks"),
        ({"window": (9, 5)}, "window of ranks"),
        ({"window": (1, 5), "negatives": {"bm25": 6}}, "bm25=6 is more than the ranks 1:5 hold"),
        ({"negatives": {"bm52": 6}}, "a kind of negatives is 'bm52'"),
        ({"negatives": {"random": -1}}, "less than none"),
        ({"overlap": 0}, "overlap is 0"),
        ({"margin": 0}, "margin is 0"),
        ({"words": (9, 5)}, "9 to 5 words"),
        ({"distant_depth": 0}, "depth is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"positives": "all"}, "positives is 'all'"),
    ],
)
def test_plan_that_cannot_be_is_refused(changes: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Plan(**changes)


def test_what_cannot_end_well_is_refused_before_anything_is_asked(index: Index, tmp_path: Path) -> None:
    out, plan = tmp_path / "train.json", Plan(negatives={"dense": 1})
    asked = [dataclasses.replace(one, golds=()) for one in WORLD.wanted]
    silent = [Wanted(Question("q", "what"))]
    for wanted, vectors, chosen, path, told in (
        ([], None, Plan(), out, "no question to mine for"),
        (WORLD.wanted, None, Plan(), tmp_path / "train.tsv", r"name it \.json or \.jsonl"),
        (asked, None, Plan(), out, "No question brings a passage"),
        (silent, None, Plan(positives="distant"), out, "No question has an answer"),
        (WORLD.wanted, WORLD.vectors[:3], plan, out, "40 questions and 3 vectors"),
    ):
        with pytest.raises(UsageError, match=told):
            mine(index, "./here", wanted, vectors, chosen, path)
    with pytest.raises(VectorError, match="need the questions' vectors"):
        mine(index, "./here", WORLD.wanted, None, plan, out)
    assert list(tmp_path.iterdir()) == []
