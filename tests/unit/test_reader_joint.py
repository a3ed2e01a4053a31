"""Joint training: the loss by hand, the tower that is served, both losses fall, and an index's vectors stay."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from hybrid import Passage, create_index, open_index
from hybrid.encoders import load_encoder
from hybrid.encoders.digests import hash_file
from hybrid.errors import UsageError
from hybrid.passages import Vector
from hybrid.reader.training.examples import Example, Source, retrieve_negatives
from hybrid.reader.training.joint import NEGATIVES, POSITIVES, Candidates, Joint, prepare_joint
from hybrid.reader.training.loop import Plan, Told, Training
from hybrid.reader.training.losses import retriever_loss
from hybrid.reader.training.start import find_start
from hybrid.settings import Settings
from tests.commands import Say, one_line
from tests.messages import assert_one_clear_line
from tests.tiny_models import HIDDEN, save_bert, save_dpr, save_sentence_transformer

WORDS = ("moon", "tide", "ocean", "gravity")
QUESTIONS = tuple(f"what {word}" for word in WORDS)
PASSAGES = tuple(f"{how} {word}" for word in WORDS for how in ("the query pulls", "who wrote", "a passage:"))


pytestmark = pytest.mark.usefixtures("one_thread")


def give_card(folder: Path, **facts: Any) -> Path:
    (folder / "hybrid_encoder.json").write_text(json.dumps(facts), "utf-8")
    return folder


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Give encoders of each kind: one tower or two, and each way to compare."""
    root = tmp_path_factory.mktemp("encoders")
    save_bert(root / "l2" / "question", seed=3)
    save_bert(root / "l2" / "passage", seed=4)
    save_dpr(root / "dpr" / "question", passages=False, seed=5)
    save_dpr(root / "dpr" / "passage", passages=True, seed=6)
    return {
        "cosine": give_card(save_bert(root / "cosine", seed=1), similarity="cosine", scale=8.0),
        "prompts": give_card(
            save_sentence_transformer(root / "prompts", pooling="cls", prompts={"query": "query: "}, seed=2),
            similarity="cosine",
            scale=20.0,
        ),
        "l2": give_card(root / "l2", similarity="l2", level=12.5),
        "dpr": root / "dpr",
        "dot": give_card(save_bert(root / "dot", seed=7), similarity="dot"),
    }


def make_index(folder: Path, encoder: Path, vectors: Vector | None = None) -> str:
    made = load_encoder(str(encoder), device="cpu", precision="fp32")
    create_index(str(folder), made.make_profile(), settings=Settings())
    if vectors is None:
        vectors = made.encode_passages([("", text) for text in PASSAGES])
    with open_index(str(folder), settings=Settings()) as index:
        index.add([Passage(f"p{row}", text, vector=vectors[row]) for row, text in enumerate(PASSAGES)])
    return str(folder)


def make_examples() -> list[Example]:
    return [
        Example(question, (word,), (Source("", f"the query pulls {word}"),), ())
        for question, word in zip(QUESTIONS, WORDS, strict=True)
    ]


def prepare(address: str, target: Path, k: int = 12) -> tuple[list[Example], Joint]:
    with open_index(address, settings=Settings()) as index:
        return prepare_joint(index, make_examples(), k, target, "cpu")


def test_loss_is_that_of_the_formula() -> None:
    """Three questions; the second has two right passages, the third none."""
    rng = np.random.default_rng(5)
    scores = rng.normal(size=(3, 5)) * 3
    right = np.zeros((3, 5), dtype=bool)
    right[0, 2] = right[1, 0] = right[1, 4] = True
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    wanted = -(np.log(chances[0, 2]) + np.log(chances[1, 0] + chances[1, 4])) / 2
    assert float(retriever_loss(torch.tensor(scores), torch.tensor(right))) == pytest.approx(wanted)
    assert float(retriever_loss(torch.tensor(scores[2:]), torch.tensor(right[2:]))) == 0.0


def test_all_passages_of_a_step_count_for_each_of_its_questions() -> None:
    rng = np.random.default_rng(6)
    vectors = rng.normal(size=(9, 4)).astype(np.float32)
    rows = (np.array([7, 1]), np.array([1, 3, 0]), np.array([8]))
    right = (np.array([True, False]), np.array([True, False, True]), np.array([False]))
    found = Candidates(vectors, rows, right)
    questions = torch.tensor(rng.normal(size=(2, 4)).astype(np.float32), requires_grad=True)
    loss = found.compare(questions, [0, 1])
    scores = np.exp(questions.detach().numpy().astype(np.float64) @ vectors.T)
    whole = scores[:, [0, 1, 3, 7]].sum(axis=1)
    wanted = -np.log(scores[0, 7] / whole[0]) - np.log((scores[1, 1] + scores[1, 0]) / whole[1])
    assert float(loss.detach()) == pytest.approx(wanted / 2, rel=1e-5)
    loss.backward()  # type: ignore[no-untyped-call]
    step = 1e-2
    for place in ((0, 1), (1, 3)):
        moved = []
        for sign in (1, -1):
            with torch.no_grad():
                changed = questions.clone()
                changed[place] += sign * step
                moved.append(float(found.compare(changed, [0, 1])))
        assert questions.grad is not None
        assert float(questions.grad[place]) == pytest.approx((moved[0] - moved[1]) / (2 * step), rel=1e-2, abs=1e-4)


@pytest.mark.parametrize("kind", ["cosine", "prompts", "l2", "dpr"])
def test_tower_in_training_gives_the_vectors_that_are_served(
    kind: str, encoders: dict[str, Path], tmp_path: Path
) -> None:
    _, joint = prepare(make_index(tmp_path / "index", encoders[kind]), tmp_path / "out")
    tower = joint.make_tower().eval()
    served = load_encoder(str(encoders[kind]), device="cpu", precision="fp32").encode_questions(QUESTIONS)
    with torch.no_grad():
        np.testing.assert_allclose(tower(QUESTIONS).numpy(), served, atol=2e-4)


@pytest.mark.parametrize("kind", ["cosine", "prompts", "l2", "dpr"])
def test_encoder_that_is_written_keeps_the_passages_tower(
    kind: str, encoders: dict[str, Path], tmp_path: Path
) -> None:
    _, joint = prepare(make_index(tmp_path / "index", encoders[kind]), tmp_path / "out")
    tower = joint.make_tower()
    joint.save(tower, tmp_path / "same")
    with torch.no_grad():
        for weight in tower.parameters():
            weight.add_(0.05 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)))
    joint.save(tower, tmp_path / "other")
    before = load_encoder(str(encoders[kind]), device="cpu", precision="fp32")
    for name in ("same", "other"):
        after = load_encoder(str(tmp_path / name), device="cpu", precision="fp32")
        assert after.passages.tower.fingerprint == before.passages.tower.fingerprint
        assert (after.similarity, after.scale) == (before.similarity, before.scale)
        with torch.no_grad():
            expected = tower.eval()(QUESTIONS).numpy() if name == "other" else before.encode_questions(QUESTIONS)
        np.testing.assert_allclose(after.encode_questions(QUESTIONS), expected, atol=2e-4)
        pairs = [("", text) for text in PASSAGES]
        np.testing.assert_array_equal(after.encode_passages(pairs), before.encode_passages(pairs))


def test_examples_read_what_the_index_finds(encoders: dict[str, Path], tmp_path: Path) -> None:
    address = make_index(tmp_path / "index", encoders["cosine"])
    examples, joint = prepare(address, tmp_path / "out")
    found = joint.candidates
    made = load_encoder(str(encoders["cosine"]), device="cpu", precision="fp32")
    vectors = made.encode_passages([("", text) for text in PASSAGES])
    names = sorted(f"p{row}" for row in range(len(PASSAGES)))
    np.testing.assert_allclose(found.vectors, vectors[[int(name[1:]) for name in names]], atol=1e-6)
    sims = made.encode_questions(QUESTIONS) @ vectors.T
    for row, example in enumerate(examples):
        best = [PASSAGES[place] for place in np.argsort(-sims[row], kind="stable")]
        right = [text for text in best if WORDS[row] in text.split()]
        assert sorted(one.text for one in example.positives) == sorted(right[:POSITIVES])
        assert {one.text for one in example.negatives} == set(best) - set(right)
        assert len(example.negatives) <= NEGATIVES
        holds = [PASSAGES[int(names[place][1:])] for place in found.rows[row][found.right[row]]]
        assert sorted(holds) == sorted(right)


def test_what_holds_an_answer_tells_joint_trainings_apart(encoders: dict[str, Path], tmp_path: Path) -> None:
    address = make_index(tmp_path / "index", encoders["cosine"])
    _, first = prepare(address, tmp_path / "out")
    _, again = prepare(address, tmp_path / "out")
    with open_index(address, settings=Settings()) as index:
        others = [dataclasses.replace(one, answers=("query",)) for one in make_examples()]
        _, other = prepare_joint(index, others, 12, tmp_path / "out", "cpu")
    assert [one.tolist() for one in other.candidates.rows] == [one.tolist() for one in first.candidates.rows]
    assert first.name == again.name != other.name


def test_passages_found_are_judged_by_patterns(encoders: dict[str, Path], tmp_path: Path) -> None:
    address = make_index(tmp_path / "index", encoders["cosine"])
    given = [Example("what moon", ("moon",), (Source("", "moon"),), (), (r"\b(moon|tide)\b",))]
    with open_index(address, settings=Settings()) as index:
        (asked,), _ = prepare_joint(index, given, 12, tmp_path / "out", "cpu")
        (found,) = retrieve_negatives(index, [dataclasses.replace(given[0], question="who")], 12)
    assert set(asked.answers) == {"moon", "tide"}
    for negatives in (asked.negatives, found.negatives):
        assert {one.text.split()[-1] for one in negatives} == {"ocean", "gravity"}


def test_index_without_an_answer_is_refused(encoders: dict[str, Path], tmp_path: Path) -> None:
    address = make_index(tmp_path / "index", encoders["cosine"])
    with open_index(address, settings=Settings()) as index, pytest.raises(UsageError, match="No passage") as raised:
        prepare_joint(index, [Example("what", ("zebra",), (Source("", "zebra"),), ())], 5, tmp_path / "out", "cpu")
    assert_one_clear_line(raised.value)


class StoppedError(Exception):
    """What a test stops training with."""


def train(bert: Path, root: Path, address: str, plan: Plan, stop: int | None = None) -> list[Told]:
    examples, joint = prepare(address, root / "encoder")
    told: list[Told] = []

    def tell(one: Told) -> None:
        told.append(one)
        if one.step == stop:
            raise StoppedError

    Training(root / "reader", find_start(str(bert), 64), plan, examples, "cpu", joint).run(None, "", tell)
    return told


def test_both_losses_fall_and_questions_find_more(bert: Path, encoders: dict[str, Path], tmp_path: Path) -> None:
    # Random weights tell passages hardly apart, so these have vectors that do.
    vectors = np.random.default_rng(8).normal(size=(len(PASSAGES), HIDDEN)).astype(np.float32)
    address = make_index(tmp_path / "index", encoders["dot"], vectors)
    told = train(bert, tmp_path, address, Plan(epochs=60, batch=4, passages=3, lr=1e-2, precision="fp32"))
    retriever = [one.retriever or 0.0 for one in told]
    reader = [one.loss - (one.retriever or 0.0) for one in told]
    assert np.mean(retriever[-3:]) < 0.75 * retriever[0]
    assert np.mean(reader[-3:]) < 0.5 * reader[0]
    before, after = (
        load_encoder(str(folder), device="cpu", precision="fp32")
        for folder in (encoders["dot"], tmp_path / "encoder")
    )
    holds = np.array([[word in text.split() for text in PASSAGES] for word in WORDS])

    def share(questions: Any) -> float:
        sims = questions @ vectors.T
        chances = np.exp(sims - sims.max(axis=1, keepdims=True))
        return float((chances * holds).sum() / chances.sum())

    assert share(after.encode_questions(QUESTIONS)) > share(before.encode_questions(QUESTIONS))
    assert not (tmp_path / "reader.training").exists()


@pytest.mark.parametrize("stop", [1, 4])
def test_training_that_was_stopped_ends_as_if_it_had_not_been(
    stop: int, bert: Path, encoders: dict[str, Path], tmp_path: Path
) -> None:
    address = make_index(tmp_path / "index", encoders["dpr"])
    plan = Plan(epochs=3, batch=2, passages=2, lr=1e-3, save_every=1, precision="fp32")
    train(bert, tmp_path / "whole", address, plan)
    with pytest.raises(StoppedError):
        train(bert, tmp_path / "parts", address, plan, stop)
    with pytest.raises(UsageError, match="begun with other options or data"):
        train(bert, tmp_path / "parts", make_index(tmp_path / "other", encoders["cosine"]), plan)
    train(bert, tmp_path / "parts", address, plan)
    files = [path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*.safetensors")]
    assert len(files) == 3
    for path in files:
        whole, parts = (load_file(tmp_path / name / path) for name in ("whole", "parts"))
        assert whole.keys() == parts.keys()
        assert all(torch.equal(whole[name], parts[name]) for name in whole), path


def test_folders_are_not_overwritten(bert: Path, encoders: dict[str, Path], tmp_path: Path) -> None:
    examples, joint = prepare(make_index(tmp_path / "index", encoders["cosine"]), tmp_path / "out")
    (tmp_path / "out").mkdir()
    for target, complaint in ((tmp_path / "reader", "is there already"), (tmp_path / "out", "cannot both be")):
        with pytest.raises(UsageError, match=complaint) as raised:
            Training(target, find_start(str(bert), 64), Plan(), examples, "cpu", joint)
        assert_one_clear_line(raised.value)
    other = dataclasses.replace(joint, target=tmp_path / "fresh")
    Training(tmp_path / "reader", find_start(str(bert), 64), Plan(), examples, "cpu", other)


@pytest.fixture
def hybrid(hybrid: Say, monkeypatch: pytest.MonkeyPatch) -> Say:
    monkeypatch.delenv("HYBRID_REDIS_URL", raising=False)
    return hybrid


def test_command_trains_both_and_the_index_takes_the_tower_and_gives_it_back(
    hybrid: Say, bert: Path, encoders: dict[str, Path], tmp_path: Path
) -> None:
    address = make_index(tmp_path / "index", encoders["cosine"])
    rows = [
        {
            "question": one.question,
            "answers": one.answers,
            "positive_ctxs": [{"title": "", "text": one.positives[0].text}],
        }
        for one in make_examples()
    ]
    questions = tmp_path / "rows.json"
    questions.write_text(json.dumps(rows), "utf-8")
    base = ("train", "reader", tmp_path / "reader", "--from", bert, "--questions", questions, "--max-length", 64)
    joint = ("--joint", tmp_path / "encoder", "--found", 12, "--device", "cpu", "--precision", "fp32")
    assert "goes with --index" in one_line(hybrid(*base, *joint))
    learnt = hybrid(*base, *joint, "--index", address, "--epochs", 3, "--lr", 1e-2, "--batch", 2)
    assert learnt.code == 0
    assert f"the encoder is in {tmp_path / 'encoder'}; hybrid reencode {address} --encoder" in learnt.err
    with open_index(address, settings=Settings()) as index:
        before = index.profile
    files = {path.name: hash_file(path) for path in (tmp_path / "index").rglob("*") if path.suffix == ".npy"}
    changed = hybrid("reencode", address, "--encoder", tmp_path / "encoder", "--json")
    assert changed.code == 0, changed.err
    with open_index(address, settings=Settings()) as index:
        after = index.profile
        hits = index.search("what moon", k=3).hits
    assert changed.json == {"encoder": after.pair_id, "done": True}
    assert after.pair_id != before.pair_id
    names = [field.name for field in dataclasses.fields(after)]
    assert {name for name in names if getattr(after, name) != getattr(before, name)} == {
        "pair_id",
        "question_tower",
        "passage_tower",
    }
    assert before.passage_tower is not None
    assert after.passage_tower == dataclasses.replace(
        before.passage_tower, model=str(tmp_path / "encoder" / "passage")
    )
    served = load_encoder(str(tmp_path / "encoder"), device="cpu", precision="fp32")
    expected = served.encode_questions(["what moon"]) @ served.encode_passages([("", hit.text) for hit in hits]).T
    np.testing.assert_allclose([hit.sim or 0.0 for hit in hits], expected[0], atol=1e-3)
    assert {path.name: hash_file(path) for path in (tmp_path / "index").rglob("*") if path.suffix == ".npy"} == files
    assert hybrid("reencode", address, "--encoder", encoders["cosine"]).code == 0
    with open_index(address, settings=Settings()) as index:
        assert index.profile.pair_id == before.pair_id
    assert "is a folder" in one_line(hybrid("reencode", address, "--encoder", encoders["dpr"]))
