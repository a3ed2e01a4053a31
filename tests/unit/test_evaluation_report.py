"""An evaluation's result as the command line prints it."""

import json
from dataclasses import astuple

import numpy as np
import pytest

from hybrid.errors import UsageError
from hybrid.evaluation.bootstrap import compare, estimate
from hybrid.evaluation.metrics import Values
from hybrid.evaluation.questions import Question
from hybrid.evaluation.report import summarise, write_questions


def measured() -> dict[str, dict[str, Values]]:
    rng = np.random.default_rng(1)
    return {
        mode: {"top20": (rng.random(30) < share).astype(float), "ndcg@10": rng.random(30)}
        for mode, share in (("hybrid", 0.9), ("lexical", 0.6), ("dense", 0.5))
    }


def test_json_has_the_shape_that_is_promised() -> None:
    values = measured()
    printed = json.loads(json.dumps(summarise(values).to_json()))
    assert list(printed) == ["questions", "modes", "intervals", "level", "tests"]
    assert printed["questions"] == 30
    assert list(printed["modes"]) == ["hybrid", "lexical", "dense"]
    for mode, metrics in printed["modes"].items():
        assert metrics == {name: pytest.approx(column.mean()) for name, column in values[mode].items()}
        for name, mean in metrics.items():
            low, high = printed["intervals"][mode][name]
            assert low <= mean <= high


def test_intervals_and_tests_are_those_of_the_columns() -> None:
    values = measured()
    evaluation = summarise(values)
    (alone,) = estimate([values["dense"]["top20"]])
    assert astuple(evaluation.modes["dense"]["top20"]) == pytest.approx(astuple(alone))
    found = {(one.first, one.second, one.metric): one.difference for one in evaluation.tests}
    assert list(found) == [
        (first, second, metric)
        for first, second in (("hybrid", "lexical"), ("hybrid", "dense"), ("lexical", "dense"))
        for metric in ("top20", "ndcg@10")
    ]
    (difference,) = compare([(values["hybrid"]["top20"], values["dense"]["top20"])])
    assert astuple(found["hybrid", "dense", "top20"]) == pytest.approx(astuple(difference))


def test_only_the_pairs_asked_for_are_tested() -> None:
    values = measured()
    del values["dense"]["ndcg@10"]
    tests = summarise(values, pairs=[("hybrid", "dense")]).tests
    assert [(one.first, one.second, one.metric) for one in tests] == [("hybrid", "dense", "top20")]
    assert summarise(values, pairs=[]).to_json()["tests"] == []


def test_modes_of_different_questions_are_refused() -> None:
    with pytest.raises(UsageError, match=r"\[2, 3\] questions"):
        summarise({"a": {"top1": np.ones(2)}, "b": {"top1": np.ones(3)}})


def test_every_question_has_a_line_of_its_own() -> None:
    questions = [Question("a", "what?"), Question("b", "who?\n")]
    values = {"hybrid": {"top1": np.array([1.0, 0.0]), "mrr": np.array([1.0, 0.25])}}
    lines = b"".join(write_questions(questions, values)).decode().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"id": "a", "question": "what?", "modes": {"hybrid": {"top1": 1.0, "mrr": 1.0}}},
        {"id": "b", "question": "who?\n", "modes": {"hybrid": {"top1": 0.0, "mrr": 0.25}}},
    ]
