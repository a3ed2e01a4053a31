"""Rows to batches: which passages come along, which count, how often a set is shown, and what is no use."""

import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid.encoders.training.batches import Batches, assemble, choose
from hybrid.encoders.training.examples import DataSet, gather, read_set
from hybrid.encoders.training.plan import Plan
from hybrid.encoders.training.validating import make_dev_set
from hybrid.errors import HybridError, UsageError
from hybrid.training.dpr_json import Context, Row, write_row
from tests.messages import assert_one_clear_line
from tests.training import ROWS


def context(name: str, text: str = "") -> Context:
    return Context("", text or f"text {name}", name)


def row(name: str, *, hard: int = 0, others: int = 0, positives: int = 1, answers: tuple[str, ...] = ()) -> Row:
    kinds = (("p", positives), ("h", hard), ("n", others))
    right, wrong, rest = (tuple(context(f"{name}{kind}{one}") for one in range(count)) for kind, count in kinds)
    return Row(name, answers, right, wrong, rest, "made")


def names(given: Row, plan: Plan, seed: int = 0) -> list[str]:
    return [one.id for one in choose(given, plan, np.random.default_rng(seed)).contexts]


def test_row_brings_its_first_right_passage_and_as_many_wrong_ones_as_planned() -> None:
    given = row("a", hard=3, others=3, positives=2)
    for seed in range(5):
        first, *others = names(given, Plan(hard_negatives=2, negatives=1), seed)
        assert first == "ap0"
        assert [one[:2] for one in others] == ["ah", "ah", "an"]
        assert len(set(others)) == 3
    assert {names(given, Plan(shuffle_positives=True), seed)[0] for seed in range(9)} == {"ap0", "ap1"}


@pytest.mark.parametrize(
    ("hard", "others", "expected"), [(0, 3, ["an", "an", "an"]), (1, 3, ["ah", "an", "an"]), (1, 0, ["ah"])]
)
def test_other_negatives_stand_in_for_hard_ones_that_a_row_lacks(hard: int, others: int, expected: list[str]) -> None:
    found = names(row("a", hard=hard, others=others), Plan(hard_negatives=2, negatives=1))[1:]
    assert [one[:2] for one in found] == expected
    assert len(set(found)) == len(found)


def make(rows: list[Row], **options: Any) -> Any:
    plan = Plan(**options)
    return assemble([choose(one, plan, np.random.default_rng(0)) for one in rows], plan)


def test_batch_counts_every_passage_for_every_question() -> None:
    batch = make([row("a", hard=1), row("b"), row("c", hard=1)])
    assert batch.questions == ("a", "b", "c")
    assert [text for _, text in batch.contexts] == [f"text {one}" for one in ("ap0", "ah0", "bp0", "cp0", "ch0")]
    assert batch.targets.tolist() == [0, 2, 3]
    assert batch.counts.all()


def test_without_the_batch_a_question_has_its_own_passages_only() -> None:
    batch = make([row("a", hard=1), row("b", hard=1)], in_batch=False)
    assert batch.counts.tolist() == [[True, True, False, False], [False, False, True, True]]
    assert batch.idle == 0


def test_passages_that_may_be_right_do_not_count_against_a_question() -> None:
    same_id = dataclasses.replace(row("b"), positives=(context("ap1", "another edition"),))
    same_text = dataclasses.replace(row("c"), positives=(context("cp0", " text ap0 "),))
    holds_answer = dataclasses.replace(row("d"), positives=(context("dp0", "It was Ann  LEE."),))
    own = dataclasses.replace(
        row("a", positives=2, answers=("ann lee",)), hard_negatives=(context("ah0", "Ann Lee again"),)
    )
    rows = [own, same_id, same_text, holds_answer, row("e")]
    masked, plain = (make(rows, mask_false_negatives=one) for one in (True, False))
    # What a row itself calls wrong counts, whatever it holds.
    assert masked.counts[0].tolist() == [True, True, False, False, False, True]
    assert masked.counts[3].tolist() == [True] * 6
    # a's passage has the same text as c's.
    assert masked.counts[2].tolist() == [False, True, True, True, True, True]
    assert plain.counts.all()
    twin = dataclasses.replace(own, hard_negatives=(context("x", "text ap0"),))
    assert make([twin, row("e")]).counts[0].tolist() == [True, False, True]


def test_answers_that_are_patterns_are_looked_for_as_such() -> None:
    when = dataclasses.replace(row("a", answers=(r"19\d\d",)), patterns=True)
    holds = dataclasses.replace(row("b"), positives=(context("bp0", "It landed in 1969."),))
    assert make([when, holds]).counts.tolist() == [[True, False], [True, True]]
    assert make([dataclasses.replace(when, patterns=False), holds]).counts.all()


def test_same_id_in_another_data_set_is_another_passage() -> None:
    mine, other = (row("a"), dataclasses.replace(row("b"), positives=(context("ap0", "something else"),)))
    assert make([mine, other]).idle == 2
    for dataset in ("another", ""):
        assert make([mine, dataclasses.replace(other, dataset=dataset)]).counts.all()
        dev = make_dev_set([mine, dataclasses.replace(other, dataset=dataset)])
        assert [one.tolist() for one in dev.right] == [[0], [1]]
    assert [one.tolist() for one in make_dev_set([mine, other]).right] == [[0, 1], [0, 1]]


def test_question_for_which_nothing_is_left_is_counted() -> None:
    twins = [dataclasses.replace(row("a"), question=one) for one in ("x", "y")]
    assert make(twins).idle == 2
    assert make(twins, mask_false_negatives=False).idle == 0


def test_epoch_shows_every_row_once_and_fills_its_last_batch_up() -> None:
    rows = [row(str(number), hard=1) for number in range(10)]
    batches = Batches(gather(rows, Plan(batch=4)), Plan(batch=4))
    assert batches.per_epoch == 3
    for epoch in range(2):
        shown = [one for step in range(3) for one in batches.make(3 * epoch + step).questions]
        assert [len(batches.make(3 * epoch + step).questions) for step in range(3)] == [4, 4, 4]
        assert sorted(shown[:10]) == sorted(one.question for one in rows)
        assert shown[10:] == shown[:2]
    assert batches.make(0).questions != batches.make(3).questions
    assert [batches.ends(step) for step in range(4)] == [False, False, True, False]


def test_batch_follows_from_its_step_alone() -> None:
    rows = [row(str(number), hard=3, others=3, positives=2) for number in range(10)]
    plan = Plan(batch=4, negatives=1, shuffle_positives=True)
    there, back = Batches(gather(rows, plan), plan), Batches(gather(rows, plan), plan)
    ahead = [there.make(step) for step in range(6)]
    behind = [back.make(step) for step in reversed(range(6))][::-1]
    assert [(one.questions, one.contexts) for one in ahead] == [(one.questions, one.contexts) for one in behind]
    other = dataclasses.replace(plan, seed=1)
    assert Batches(gather(rows, other), other).make(0).contexts != ahead[0].contexts


def test_sets_are_shown_as_often_as_their_rates_say() -> None:
    sets = [
        DataSet([row(f"a{number}") for number in range(8)], 0.5),
        DataSet([row(f"b{number}") for number in range(4)], 2.25),
        DataSet([row("c")]),
    ]
    plan = Plan(hard_negatives=0)
    examples = gather(sets, plan)
    assert examples.per_epoch == 4 + 9 + 1
    halves = []
    for epoch in range(3):
        shown = Counter(examples.rows[number].question for number in examples.order(0, epoch))
        assert sorted(shown[f"b{number}"] for number in range(4)) == [2, 2, 2, 3]
        assert shown["c"] == 1
        halves.append({one for one in shown if one.startswith("a")})
        assert [shown[one] for one in halves[-1]] == [1] * 4
    assert len({frozenset(one) for one in halves}) > 1


def test_rows_that_teach_nothing_are_left_out_and_counted() -> None:
    rows = [row("a", hard=1), row("b"), dataclasses.replace(row("c"), positives=()), row("d", others=1)]
    together = gather(rows, Plan())
    assert [one.question for one in together.rows] == ["a", "b", "d"]
    assert (together.left.without_positives, together.left.without_negatives) == (1, 0)
    for alone in (Plan(in_batch=False), Plan(batch=1)):
        left = gather(rows, alone)
        assert [one.question for one in left.rows] == ["a", "d"]
        assert (left.left.without_positives, left.left.without_negatives) == (1, 1)


@pytest.mark.parametrize(
    ("rows", "plan"),
    [
        ([], Plan()),
        ([dataclasses.replace(row("c"), positives=())], Plan()),
        ([row("a"), row("b")], Plan(batch=1)),
        ([row("a")], Plan(batch=4)),
        ([row("a")], Plan(batch=4, hard_negatives=0)),
    ],
)
def test_set_without_anything_to_learn_is_refused(rows: list[Row], plan: Plan) -> None:
    with pytest.raises(UsageError, match="nothing to learn") as caught:
        gather(rows, plan)
    assert_one_clear_line(caught.value)


@pytest.mark.parametrize("options", [{"batch": 1}, {"in_batch": False}])
def test_plan_without_any_negative_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="nothing to learn") as caught:
        Plan(hard_negatives=0, **options)
    assert_one_clear_line(caught.value)
    assert Plan(hard_negatives=0, negatives=1, **options).is_alone


@pytest.mark.parametrize(
    "options",
    [
        {"epochs": -1},
        {"batch": 0},
        {"negatives": -1},
        {"lr": 0.0},
        {"dropout": 1.0},
        {"warmup": 1.0},
        {"chunk_tokens": 0},
        {"towers": 3},
        {"loss": "hinge"},
        {"similarity": "manhattan"},
        {"similarity": "dot", "scale": 20.0},
        {"similarity": "cosine", "scale": -1.0},
        {"pooling": "average"},
        {"pooling": "mean+mean"},
        {"margin": 2.0},
        {"template": "title"},
        {"keep_by": "loss"},
    ],
)
def test_plan_that_makes_no_sense_is_refused_in_one_line(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        Plan(**options)
    assert_one_clear_line(caught.value)


def test_file_comes_with_a_rate(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(b"\n".join(map(write_row, ROWS)))
    odd = tmp_path / "a=2"
    odd.write_bytes(path.read_bytes())
    assert (read_set(str(path)).rate, list(read_set(str(path)).rows)) == (1.0, ROWS)
    assert read_set(f"{path}=0.5").rate == 0.5
    assert (read_set(str(odd)).rate, read_set(f"{odd}=3").rate) == (1.0, 3.0)
    for wrong in (f"{path}=much", f"{path}=", str(tmp_path / "none"), f"{tmp_path / 'none'}=2"):
        with pytest.raises(UsageError) as caught:
            read_set(wrong)
        assert_one_clear_line(caught.value)
    for rate in ("0", "-1", "nan", "inf"):
        with pytest.raises(UsageError, match="no number above 0"):
            gather([read_set(f"{path}={rate}")], Plan())


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        '[{"query": "q"}]',
        json.dumps([{"question": "q", "answers": ["a"], "positives": []}]),
        json.dumps([{"question": "q", "answers": ["a"], "positive_ctxs": [{"body": "x"}]}]),
    ],
)
def test_file_that_is_none_of_ours_is_named(content: str, tmp_path: Path) -> None:
    path = tmp_path / "train.json"
    path.write_text(content)
    with pytest.raises(HybridError, match=r"train\.json") as caught:
        read_set(str(path))
    assert_one_clear_line(caught.value)
