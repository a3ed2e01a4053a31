"""Training: the loss by hand, answers found as whole words, files in both formats, the same end after a stop."""

import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from hybrid.errors import HybridError, ModelError, UsageError
from hybrid.reader.answers import ReadPassage, ReadRequest
from hybrid.reader.folders import read_folder
from hybrid.reader.measuring import Measured
from hybrid.reader.reader import Reader, open_frame
from hybrid.reader.texts import read_texts
from hybrid.reader.training import loop
from hybrid.reader.training.dev import Figures, make_dev_set
from hybrid.reader.training.examples import Example, Read, Source, read_examples
from hybrid.reader.training.inputs import Group, Input, Inputs, find_answers
from hybrid.reader.training.loop import Plan, Told, Training
from hybrid.reader.training.losses import batch_loss
from hybrid.reader.training.start import find_start, make_model
from hybrid.training.optimizing import warm_up
from tests.messages import assert_one_clear_line
from tests.tiny_models import save_kin

WORDS = ("moon", "tide", "ocean", "gravity")
EXAMPLES = [
    Example(
        f"what {word}",
        (word,),
        (Source("the", f"the query pulls {word} passage"),),
        (Source("", "the passage wrote"), Source("who", "query")),
    )
    for word in WORDS
]


pytestmark = pytest.mark.usefixtures("one_thread")


def nothing(_: Told) -> None:
    """Tell nobody."""


def make(bert: Path, target: Path, plan: Plan, examples: Sequence[Example] = EXAMPLES) -> Training:
    return Training(target, find_start(str(bert), 64), plan, examples, "cpu")


def test_loss_is_that_of_the_formula() -> None:
    """Two questions, the first with two passages and an answer in two places, counted out in plain Python."""
    rng = np.random.default_rng(3)
    scores, relevance = rng.normal(size=(3, 6, 2)), rng.normal(size=3)
    ids = np.zeros(6, np.int32)
    first = Group((Input(ids, 2, 6), Input(ids, 1, 3)), ((2, 3), (5, 5)))
    second = Group((Input(ids, 3, 5),), ((3, 4),))

    def share(row: int, column: int, token: int, own: Input) -> float:
        whole = sum(math.exp(scores[row, one, column]) for one in range(own.begin, own.end))
        return math.exp(scores[row, token, column]) / whole

    right = math.exp(relevance[0]) / (math.exp(relevance[0]) + math.exp(relevance[1]))
    places = sum(share(0, 0, a, first.inputs[0]) * share(0, 1, b, first.inputs[0]) for a, b in first.places)
    alone = share(2, 0, 3, second.inputs[0]) * share(2, 1, 4, second.inputs[0])
    wanted = (-math.log(right) - math.log(places) - math.log(alone)) / 2
    found = batch_loss(torch.tensor(relevance), torch.tensor(scores), [first, second])
    assert float(found) == pytest.approx(wanted)


def test_answers_are_found_wherever_they_stand_as_whole_words(bert: Path) -> None:
    tokenizer, _ = open_frame(find_start(str(bert), 64))
    text, moon, tides, none = read_texts(tokenizer, ["the moon; moonlit the Moon", "moon", "the moon", "gravity"])
    found = [text.text[text.starts[first] : text.ends[last]] for first, last in find_answers(text, [moon, tides])]
    assert found == ["the moon", "moon", "the Moon", "Moon"]
    assert find_answers(text, [none]) == []


def test_group_begins_with_the_passage_that_holds_the_answer(bert: Path) -> None:
    tokenizer, frame = open_frame(find_start(str(bert), 64))
    made = Inputs(tokenizer, frame, 64, passages=3).make(EXAMPLES[0], np.random.default_rng(0))
    assert made is not None
    assert len(made.inputs) == 3
    ((first, last),) = made.places
    assert tokenizer.decode(made.inputs[0].ids[first : last + 1].tolist()) == "moon"
    assert made.inputs[0].begin <= first <= last < made.inputs[0].end


def test_answer_in_a_later_window_of_a_long_passage_is_found(bert: Path) -> None:
    tokenizer, frame = open_frame(find_start(str(bert), 64))
    long = Example("what", ("gravity",), (Source("", "the moon " * 60 + "gravity"),), ())
    made = Inputs(tokenizer, frame, 64, passages=1).make(long, np.random.default_rng(0))
    assert made is not None
    ((first, last),) = made.places
    assert tokenizer.decode(made.inputs[0].ids[first : last + 1].tolist()) == "gravity"


def test_example_without_an_answer_of_whole_words_is_passed_over(bert: Path) -> None:
    tokenizer, frame = open_frame(find_start(str(bert), 64))
    hidden = Example("what", ("moon",), (Source("", "moonlit"),), ())
    assert Inputs(tokenizer, frame, 64, passages=1).make(hidden, np.random.default_rng(0)) is None


def test_training_teaches_what_is_to_be_learnt(bert: Path, tmp_path: Path) -> None:
    losses: list[float] = []
    training = make(bert, tmp_path / "reader", Plan(epochs=40, batch=4, passages=3, lr=3e-2, precision="fp32"))
    card = training.run(make_dev_set(EXAMPLES), "made up", lambda told: losses.append(told.loss))
    assert losses[-1] < 0.2 * losses[0]
    assert card.notes["dev"]["among"]["em"] == 100.0
    reader = Reader(read_folder(tmp_path / "reader"))
    passages = (
        ReadPassage("b", "", "the passage wrote", 5.0),
        ReadPassage("a", "the", "the query pulls tide passage"),
    )
    (answers,) = reader.read([ReadRequest("what tide", passages)])
    assert (answers[0].text, answers[0].passage_id) == ("tide", "a")
    assert (answers[0].confidence is None) == (card.calibration is None)
    assert not (tmp_path / "reader.training").exists()


class StoppedError(Exception):
    """What a test stops training with."""


@pytest.mark.parametrize("stop", [1, 4, 5])
def test_training_that_was_stopped_ends_as_if_it_had_not_been(stop: int, bert: Path, tmp_path: Path) -> None:
    plan = Plan(epochs=3, batch=2, accumulate=2, passages=2, lr=1e-3, save_every=3, precision="fp32")
    dev = make_dev_set(EXAMPLES)
    whole = make(bert, tmp_path / "whole", plan).run(dev, "made up", nothing)

    def strike(told: Told) -> None:
        if told.step == stop:
            raise StoppedError

    with pytest.raises(StoppedError):
        make(bert, tmp_path / "parts", plan).run(dev, "made up", strike)
    steps: list[int] = []
    card = make(bert, tmp_path / "parts", plan).run(dev, "made up", lambda told: steps.append(told.step))
    # States are written after every third step and at the end of an epoch, which has two.
    assert steps == list(range({1: 1, 4: 5, 5: 5}[stop], 7))
    assert card == whole
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "parts"))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_best_reader_is_kept_and_an_equal_one_does_not_replace_it(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worth = iter([10.0, 30.0, 30.0, 20.0])
    kept: list[bytes] = []

    def judge(*_: Any, **__: Any) -> Figures:
        return Figures(Measured(1, 0.0, 0.0), Measured(1, next(worth, 0.0), 0.0))

    monkeypatch.setattr(loop, "measure", judge)
    target = tmp_path / "reader"

    def look(_: Told) -> None:
        kept.append((target / "model.safetensors").read_bytes())

    plan = Plan(epochs=4, batch=4, passages=2, lr=1e-3, precision="fp32")
    make(bert, target, plan).run(make_dev_set(EXAMPLES), "made up", look)
    assert kept[0] != kept[1]
    assert kept[1] == kept[2] == kept[3] == (target / "model.safetensors").read_bytes()


def test_other_options_or_data_do_not_go_on_with_a_training(bert: Path, tmp_path: Path) -> None:
    def strike(_: Told) -> None:
        raise StoppedError

    plan, dev = Plan(epochs=2, batch=2, passages=1, save_every=1, precision="fp32"), make_dev_set(EXAMPLES)
    with pytest.raises(StoppedError):
        make(bert, tmp_path / "reader", plan).run(dev, "", strike)
    others = [replace(EXAMPLES[0], answers=("query",)), *EXAMPLES[1:]]
    for training, judged in (
        (make(bert, tmp_path / "reader", replace(plan, lr=1e-3)), dev),
        (make(bert, tmp_path / "reader", plan, others), dev),
        (make(bert, tmp_path / "reader", plan), None),
        (make(bert, tmp_path / "reader", plan), make_dev_set(others)),
    ):
        with pytest.raises(UsageError, match="other options or data"):
            training.run(judged, "", nothing)
    steps: list[int] = []
    cheaper = replace(plan, accumulate=2, save_every=5)
    make(bert, tmp_path / "reader", cheaper).run(dev, "", lambda told: steps.append(told.step))
    assert steps == [2, 3, 4]


def test_memory_that_does_not_suffice_is_told_with_what_takes_less(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lack(*_: Any) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(loop, "batch_loss", lack)
    for accumulate, advice in ((1, "--accumulate 2"), (3, "--accumulate 4"), (4, "fewer --passages")):
        plan = Plan(epochs=1, batch=4, passages=1, accumulate=accumulate)
        with pytest.raises(ModelError, match=advice) as caught:
            make(bert, tmp_path / "reader", plan).run(None, "", nothing)
        assert_one_clear_line(caught.value)


def test_folder_that_is_taken_is_left_alone(bert: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is there already"):
        make(bert, bert, Plan(epochs=1)).run(None, "", nothing)
    assert (bert / "model.safetensors").is_file()
    shutil.rmtree(tmp_path)


def test_frozen_embeddings_stay_out_of_the_files_and_come_back(bert: Path, tmp_path: Path) -> None:
    plan = Plan(epochs=1, batch=4, passages=2, lr=1e-2, freeze_embeddings=True, precision="fp32")
    card = make(bert, tmp_path / "reader", plan).run(None, "", nothing)
    names = set(load_file(tmp_path / "reader" / "model.safetensors"))
    assert card.base == str(bert)
    assert names
    assert not any(name.startswith("embeddings.") for name in names)
    further = find_start(str(tmp_path / "reader"), 64)
    before = load_file(bert / "model.safetensors")
    model = make_model(further, 0)
    assert torch.equal(model.bert.embeddings.word_embeddings.weight, before["embeddings.word_embeddings.weight"])
    name = "encoder.layer.0.output.dense.weight"
    assert not torch.equal(dict(model.bert.named_parameters())[name], before[name])


def test_reader_that_is_trained_further_keeps_all_that_it_learns(bert: Path, tmp_path: Path) -> None:
    """A reader whose embeddings lie elsewhere is trained further, embeddings and all; then it needs nobody else."""
    frozen = Plan(epochs=1, batch=4, passages=2, lr=1e-2, freeze_embeddings=True, precision="fp32")
    make(bert, tmp_path / "first", frozen).run(None, "", nothing)
    whole = Plan(epochs=1, batch=4, passages=2, lr=1e-2, precision="fp32")
    card = make(tmp_path / "first", tmp_path / "second", whole).run(None, "", nothing)
    name = "embeddings.word_embeddings.weight"
    before, after = (load_file(folder / "model.safetensors") for folder in (bert, tmp_path / "second"))
    assert card.base is None
    assert not torch.equal(before[name].half(), after[name])


def test_calibration_alone_leaves_the_weights_as_they_are(bert: Path, tmp_path: Path) -> None:
    frozen = Plan(epochs=1, batch=4, passages=2, lr=1e-2, freeze_embeddings=True, precision="fp32")
    make(bert, tmp_path / "first", frozen).run(None, "", nothing)
    only = Plan(epochs=0, passages=2, precision="fp32")
    card = make(tmp_path / "first", tmp_path / "second", only, []).run(make_dev_set(EXAMPLES), "made up", nothing)
    # Confidences that were found to be far off are not told.
    told = card.calibration or card.notes["not calibrated"]
    assert (card.calibration is None) == ("not calibrated" in card.notes)
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("first", "second"))
    assert told
    assert card.base == str(bert)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_reader_taught_spans_only_trusts_the_retriever(bert: Path, tmp_path: Path) -> None:
    card = make(bert, tmp_path / "reader", Plan(epochs=1, batch=4, passages=1, precision="fp32")).run(
        None, "", nothing
    )
    assert (card.beta, card.gamma) == (0.0, 1.0)


def test_learning_rate_grows_then_falls_to_nothing() -> None:
    rates = [warm_up(step, 10, 0.3) for step in range(10)]
    assert rates[:3] == pytest.approx([1 / 3, 2 / 3, 1.0])
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert 0 < rates[-1] < 0.2


def test_only_bert_becomes_a_reader(tmp_path: Path) -> None:
    sizes = {"dim": 16, "n_heads": 2, "n_layers": 2, "hidden_dim": 32}
    with pytest.raises(ModelError, match="made of BERT"):
        find_start(str(save_kin(tmp_path / "distilbert", "DistilBertModel", **sizes)), 64)
    with pytest.raises(UsageError, match="spans only"):
        find_start(str(save_kin(tmp_path / "qa", "BertForQuestionAnswering")), 64)


DPR_ROWS = [
    {
        "question": " who? ",
        "answers": ["Ann Lee", "A. Lee"],
        "positive_ctxs": [{"title": "T", "text": "by ann lee."}, {"title": "T", "text": "not here"}],
        "hard_negative_ctxs": [{"title": "H", "text": "nobody"}, {"title": "H", "text": "Ann Lee again"}],
        "negative_ctxs": [{"text": "else"}],
    },
    {"question": "none?", "answers": ["x"], "positive_ctxs": []},
]


def test_dpr_file_is_read_and_passages_are_sorted_by_what_they_hold(tmp_path: Path) -> None:
    path = tmp_path / "train.json"
    path.write_text(json.dumps(DPR_ROWS))
    wanted = Example(
        "who?", ("Ann Lee", "A. Lee"), (Source("T", "by ann lee."),), (Source("H", "nobody"), Source("", "else"))
    )
    assert read_examples(path) == Read((wanted,), left=1)


def test_answers_that_are_patterns_are_looked_for_as_such_and_spelt_out(bert: Path, tmp_path: Path) -> None:
    texts = {"positive_ctxs": ["the moon pulls", "gravity", "the tide wrote"], "negative_ctxs": ["a  tides", "ocean"]}
    row = {"question": "what", "answers": [r"\b(moon|tide)s?\b"], "patterns": True}
    path = tmp_path / "train.json"
    path.write_text(json.dumps([row | {name: [{"text": one} for one in some] for name, some in texts.items()}]))
    (example,) = read_examples(path).examples
    assert example.answers == ("moon", "tide")
    assert [one.text for one in example.positives] == ["the moon pulls", "the tide wrote"]
    assert [one.text for one in example.negatives] == ["ocean"]
    tokenizer, frame = open_frame(find_start(str(bert), 64))
    for seed in range(4):
        assert Inputs(tokenizer, frame, 64, passages=2).make(example, np.random.default_rng(seed)) is not None
    path.write_text(path.read_text().replace("true", "false"))
    with pytest.raises(UsageError, match="no question with an answer"):
        read_examples(path)


def test_squad_file_is_read_with_other_paragraphs_of_the_article(tmp_path: Path) -> None:
    paragraphs = [
        {
            "context": "By Ann Lee.",
            "qas": [{"question": "who?", "answers": [{"text": "Ann Lee", "answer_start": 3}]}],
        },
        {"context": "Nobody else.", "qas": [{"question": "why?", "answers": []}]},
        {"context": "Ann Lee again.", "qas": []},
    ]
    path = tmp_path / "train.json"
    path.write_text(json.dumps({"data": [{"title": "A_title", "paragraphs": paragraphs}]}))
    read = read_examples(path)
    (example,) = read.examples
    assert read.left == 1
    assert example.positives == (Source("A title", "By Ann Lee."),)
    assert example.negatives == (Source("A title", "Nobody else."),)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "7",
        "[7]",
        "[]",
        '{"data": [{}]}',
        '{"data": []}',
        '[{"question": "q"}]',
        '[{"question": "q", "answers": ["a"], "positive_ctxs": [{}]}]',
    ],
)
def test_file_that_is_neither_is_told_in_one_line(content: str, tmp_path: Path) -> None:
    path = tmp_path / "train.json"
    path.write_text(content)
    with pytest.raises(HybridError, match=r"train\.json") as caught:
        read_examples(path)
    assert "\n" not in str(caught.value)
