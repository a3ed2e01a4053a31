"""Batched reading gives the spans and scores of a slow reference, one window at a time, by transformers' own classes.

Readers are tiny and random, so every token, position and padding mistake moves a score.
"""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import AutoModelForQuestionAnswering, AutoTokenizer, DPRReader

from hybrid.encoders.backends import Means, WantedBackend
from hybrid.errors import ModelError, UsageError
from hybrid.reader.answers import ReadOptions, ReadPassage, ReadRequest
from hybrid.reader.cards import Calibration, Card, write_card
from hybrid.reader.folders import find_reader, read_folder
from hybrid.reader.reader import Reader
from hybrid.reader.selecting import Reading
from tests.messages import assert_one_clear_line
from tests.tiny_models import change_json, save_bert, save_kin

#: (first character, last character, score) of the best span, and relevance.
Best = tuple[int, int, float, float]

PASSAGES = (
    ReadPassage("1", "moon", "The gravity of the moon pulls the ocean; who wrote it?", 9.0),
    ReadPassage("2", "", "Tides", 8.5),
    ReadPassage("3", "a title, and more", "what a passage: 'the tides pull'", 8.0),
    ReadPassage("4", "empty", "", 7.0),
    ReadPassage("5", "space", "   ", 6.0),
)
REQUESTS = (
    ReadRequest("who pulls the ocean?", PASSAGES),
    ReadRequest("what", PASSAGES[1:3]),
    ReadRequest("no hits", ()),
)
ROBERTA: dict[str, Any] = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "type_vocab_size": 1}
QA = {
    "bert": ("BertForQuestionAnswering", {}),
    "distilbert": ("DistilBertForQuestionAnswering", {"dim": 16, "n_heads": 2, "n_layers": 2, "hidden_dim": 32}),
    "roberta": ("RobertaForQuestionAnswering", ROBERTA),
}


@pytest.fixture(scope="module")
def dpr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_kin(tmp_path_factory.mktemp("models") / "dpr", "DPRReader", max_position_embeddings=128)


def open_at(folder: Path, backend: WantedBackend = "auto", **card: Any) -> Reader:
    found = read_folder(folder)
    found = dataclasses.replace(found, card=dataclasses.replace(found.card, **card))
    return Reader(found, Means(backend=backend, device="cpu", precision="fp32"))


def search_spans(
    logits: np.ndarray[Any, Any], offsets: Sequence[tuple[int, int]], first: int
) -> tuple[int, int, float]:
    """Find the best span among the tokens from ``first``, by looking at all; the formula of the paper."""
    best = (0, 0, -np.inf)
    tokens = range(first, first + len(offsets))
    starts = sorted(tokens, key=lambda token: -logits[token, 0])[:10]
    ends = sorted(tokens, key=lambda token: -logits[token, 1])[:10]
    for start in starts:
        for end in ends:
            score = logits[start, 0] + logits[end, 1]
            if start <= end < start + 10 and score > best[2]:
                best = (offsets[start - first][0], offsets[end - first][1], float(score))
    return best


def read_slowly_dpr(folder: Path, question: str, passage: ReadPassage) -> Best | None:
    model: Any = DPRReader.from_pretrained(folder)
    model.eval()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    parts = [tokenizer.encode(text, add_special_tokens=False) for text in (question, passage.title, passage.text)]
    cls, sep = (tokenizer.token_to_id(name) for name in ("[CLS]", "[SEP]"))
    ids = [cls, *parts[0].ids, sep, *parts[1].ids, sep, *parts[2].ids]
    if not parts[2].ids:
        return None
    with torch.inference_mode():
        found = model(torch.tensor([ids]))
    logits = torch.stack([found.start_logits[0], found.end_logits[0]], dim=1).numpy()
    return (*search_spans(logits, parts[2].offsets, len(ids) - len(parts[2].ids)), float(found.relevance_logits[0]))


def read_slowly_qa(folder: Path, question: str, passage: ReadPassage) -> Best | None:
    model: Any = AutoModelForQuestionAnswering.from_pretrained(folder)
    model.eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    given = tokenizer(question, passage.text, return_tensors="pt", return_offsets_mapping=True)
    sides = given.sequence_ids(0)
    offsets = [tuple(pair) for pair in given.pop("offset_mapping")[0].tolist()]
    if 1 not in sides:
        return None
    if "token_type_ids" in given and model.config.model_type != "bert":
        given.pop("token_type_ids")
    with torch.inference_mode():
        found = model(**given)
    logits = torch.stack([found.start_logits[0], found.end_logits[0]], dim=1).numpy()
    first = sides.index(1)
    text = [pair for pair, side in zip(offsets, sides, strict=True) if side == 1]
    start, end, score = search_spans(logits, text, first)
    return start, end, score, score - float(logits[0].sum())


def assert_same(found: Sequence[Reading], wanted: Sequence[Best | None], passages: Sequence[ReadPassage]) -> None:
    kept = [(place, best) for place, best in enumerate(wanted) if best is not None]
    assert [one.passage for one in found] == [place for place, _ in kept]
    for one, (place, (start, end, score, relevance)) in zip(found, kept, strict=True):
        text = passages[place].text
        assert one.spans[0].score == pytest.approx(score, abs=1e-4)
        assert one.relevance == pytest.approx(relevance, abs=1e-4)
        # Whole words: what the reference found lies inside, and no letter stands next to it.
        assert one.spans[0].start <= start < end <= one.spans[0].end
        assert not re.search(r"\w\w", text[: one.spans[0].start][-1:] + text[one.spans[0].start])
        assert not re.search(r"\w\w", text[one.spans[0].end - 1] + text[one.spans[0].end :][:1])


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_dpr_reader_gives_what_a_slow_reference_gives(backend: WantedBackend, dpr: Path) -> None:
    reader = open_at(dpr, backend)
    for request, found in zip(REQUESTS, reader.find(REQUESTS), strict=True):
        wanted = [read_slowly_dpr(dpr, request.question, one) for one in request.passages]
        assert_same(found, wanted, request.passages)


@pytest.mark.parametrize("kind", QA)
def test_model_for_question_answering_gives_what_a_slow_reference_gives(kind: str, tmp_path: Path) -> None:
    name, sizes = QA[kind]
    folder = save_kin(tmp_path / "qa", name, **{"max_position_embeddings": 128, **sizes})
    reader = open_at(folder)
    for request, found in zip(REQUESTS, reader.find(REQUESTS), strict=True):
        wanted = [read_slowly_qa(folder, request.question, one) for one in request.passages]
        assert_same(found, wanted, request.passages)


def test_reader_that_saw_single_passages_goes_by_their_best_spans(dpr: Path) -> None:
    """What it says of relevance, nobody taught it."""
    learnt, by_span = open_at(dpr), open_at(dpr, relevance="span", beta=1.0, gamma=0.0)
    (found,), (other,) = learnt.find(REQUESTS[:1]), by_span.find(REQUESTS[:1])
    assert [one.spans for one in other] == [one.spans for one in found]
    assert [one.relevance for one in other] == [one.spans[0].score for one in found]
    assert [one.relevance for one in other] != [one.relevance for one in found]
    best = max(found, key=lambda one: one.spans[0].score)
    (answers,) = by_span.read(REQUESTS[:1])
    assert answers[0].passage_id == PASSAGES[best.passage].id


def test_answers_stand_in_the_text_and_empty_hits_have_none(dpr: Path) -> None:
    *found, none = open_at(dpr).read(REQUESTS)
    assert none == []
    for request, answers in zip(REQUESTS, found, strict=False):
        texts = {one.id: one.text for one in request.passages}
        assert answers
        assert all(texts[one.passage_id][one.start : one.end] == one.text for one in answers)


def test_questions_do_not_disturb_each_other(dpr: Path) -> None:
    reader = open_at(dpr)
    together, alone = reader.read(REQUESTS), [reader.read([request])[0] for request in REQUESTS]
    for one, other in zip(together, alone, strict=True):
        assert [(answer.text, answer.start) for answer in one] == [(answer.text, answer.start) for answer in other]
        assert [answer.score for answer in one] == pytest.approx([answer.score for answer in other], abs=1e-4)


def test_long_passage_is_read_to_its_end(dpr: Path) -> None:
    """Each window is read as if it were a passage of its own."""
    text = " ".join(["the moon pulls"] * 300 + ["tide"])
    reader = open_at(dpr, max_length=64)
    (found,) = reader.find([ReadRequest("who", (ReadPassage("1", "", text),))])
    assert len(found) > 20
    assert max(one.spans[0].start for one in found) > len(text) - 300
    best = max(found, key=lambda one: one.relevance)
    (answers,) = reader.read([ReadRequest("who", (ReadPassage("1", "", text),))])
    assert (answers[0].start, answers[0].end) == (best.spans[0].start, best.spans[0].end)


def test_reader_may_take_its_embeddings_from_an_encoder(dpr: Path, tmp_path: Path) -> None:
    """What ``--freeze-embeddings`` leaves out comes from the encoder that the card names."""
    base = save_bert(tmp_path / "base", 1, max_position_embeddings=128)
    whole, part = (save_bert(tmp_path / name, max_position_embeddings=128) for name in ("whole", "part"))
    trained = {
        name.removeprefix("span_predictor.encoder.bert_model.").removeprefix("span_predictor."): weight
        for name, weight in load_file(dpr / "model.safetensors").items()
    }
    own = {name: weight for name, weight in trained.items() if not name.startswith("embeddings.")}
    save_file(own, part / "model.safetensors")
    write_card(part, Card(base=str(base), max_length=128))
    save_file({**load_file(base / "model.safetensors"), **own}, whole / "model.safetensors")
    write_card(whole, Card(max_length=128))
    first, second = (open_at(folder).read(REQUESTS) for folder in (part, whole))
    assert first == second
    assert first != open_at(dpr).read(REQUESTS)


def test_threshold_asks_for_a_calibrated_reader(dpr: Path) -> None:
    request = dataclasses.replace(REQUESTS[0], options=ReadOptions(threshold=0.5))
    with pytest.raises(UsageError, match="not calibrated") as caught:
        open_at(dpr).read([request])
    assert_one_clear_line(caught.value)


def test_answers_below_the_threshold_are_left_out(dpr: Path) -> None:
    reader = open_at(dpr, calibration=Calibration(temperature=2.0, data="made up"))
    (all_of_them,) = reader.read(REQUESTS[:1])
    sure = [one.confidence or 0.0 for one in all_of_them]
    assert all(0 <= one <= 1 for one in sure)
    middle = sorted(sure)[len(sure) // 2]
    some = dataclasses.replace(REQUESTS[0], options=ReadOptions(threshold=middle))
    assert reader.read([some]) == [[one for one in all_of_them if (one.confidence or 0.0) >= middle]]
    none = dataclasses.replace(REQUESTS[0], options=ReadOptions(threshold=1.0))
    assert reader.read([none]) == [[]]


def test_answers_below_the_least_score_are_left_out(dpr: Path) -> None:
    reader = open_at(dpr)
    (all_of_them,) = reader.read(REQUESTS[:1])
    least = all_of_them[0].score
    some = dataclasses.replace(REQUESTS[0], options=ReadOptions(least_score=least))
    assert reader.read([some]) == [all_of_them[:1]]


def test_model_that_is_no_reader_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no reader") as caught:
        read_folder(save_bert(tmp_path / "bert"))
    assert_one_clear_line(caught.value)


@pytest.mark.parametrize("name", ["nowhere", "./nowhere", "/no/where/at/all", ""])
def test_reader_that_is_nowhere_is_told(name: str) -> None:
    with pytest.raises(ModelError, match="no folder") as caught:
        find_reader(name)
    assert_one_clear_line(caught.value)


def test_card_that_is_garbled_is_told(tmp_path: Path) -> None:
    folder = save_kin(tmp_path / "dpr", "DPRReader")
    write_card(folder, Card())
    change_json(folder / "hybrid_reader.json", nonsense=1)
    with pytest.raises(ModelError, match="hybrid_reader"):
        read_folder(folder)


@pytest.mark.parametrize(
    "options", [{"answers": 0}, {"longest": 0}, {"threshold": 2.0}, {"rule": "best"}], ids=lambda one: next(iter(one))
)
def test_wrong_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        ReadOptions(**options)
    assert_one_clear_line(caught.value)


def test_request_travels_as_json() -> None:
    request = dataclasses.replace(REQUESTS[0], options=ReadOptions(answers=2, gamma=0.5))
    assert ReadRequest.from_json(request.to_json()) == request
