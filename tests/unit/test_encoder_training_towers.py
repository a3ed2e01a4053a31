"""Towers in training: gradients in parts and in processes, layers that begin at random, vectors once exported."""

import os
import signal
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hybrid.encoders import load_encoder
from hybrid.encoders.training import caching
from hybrid.encoders.training.batches import Batches
from hybrid.encoders.training.caching import Part, Texts, backpropagate, encode
from hybrid.encoders.training.examples import gather
from hybrid.encoders.training.losses import Slope, compare, differentiate, find_loss
from hybrid.encoders.training.plan import Plan
from hybrid.encoders.training.processes import Together, run_together
from hybrid.encoders.training.saving import save_encoder
from hybrid.encoders.training.start import Start, find_start
from hybrid.encoders.training.towers import Towers, load_towers
from hybrid.errors import ModelError, UsageError
from tests.messages import assert_one_clear_line
from tests.tiny_models import save_bert, save_dpr, save_kin, save_roberta, save_sentence_transformer
from tests.training import ROWS, be_killed, refuse

PAIRS = [("the tides", "who wrote the moon"), ("", "query"), ("ocean", "gravity pulls the ocean. " * 4)]
QUESTIONS = ["who wrote", "what pulls the tides? " * 3, "moon"]


pytestmark = pytest.mark.usefixtures("one_thread")


def load(name: Path | str, plan: Plan) -> tuple[Start, Towers]:
    start = find_start(str(name), plan)
    return start, load_towers(start, plan, has_bf16=False)


def take_gradients(towers: Towers) -> dict[str, Tensor]:
    return {name: one.grad.clone() for name, one in towers.named_parameters() if one.grad is not None}


class Batch:
    """One batch of the rows, as a step makes it."""

    def __init__(self, start: Start, plan: Plan):
        batch = Batches(gather(ROWS, plan), plan).make(0)
        self.plan = plan
        self.targets, self.counts = torch.from_numpy(batch.targets), torch.from_numpy(batch.counts)
        questions = start.questions.read([("", one) for one in batch.questions])
        self.texts = Texts(questions, start.passages.read(batch.contexts))

    def differentiate(self, questions: Tensor, contexts: Tensor) -> Slope:
        return differentiate(questions, contexts, self.targets, self.counts, self.plan)

    def differ_plainly(self, towers: Towers, parts: Sequence[Part]) -> float:
        """The loss of a batch in one piece, whose gradient torch finds by itself."""
        sides: dict[str, dict[int, Tensor]] = {"question": {}, "passage": {}}
        for part in parts:
            torch.manual_seed(part.seed)
            sides[part.side].update(zip(part.rows, towers(part.side, part.texts), strict=True))
        questions, contexts = (
            torch.stack([sides[side][row] for row in sorted(sides[side])]) for side in ("question", "passage")
        )
        loss = find_loss(compare(questions, contexts, self.plan), self.targets, self.counts, self.plan)
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())


def count_passes(monkeypatch: pytest.MonkeyPatch) -> list[Part]:
    """Note every part that goes through a tower."""
    seen: list[Part] = []
    own: Callable[[Towers, Part], Tensor] = caching._encode

    def note(towers: Towers, part: Part) -> Tensor:
        seen.append(part)
        return own(towers, part)

    monkeypatch.setattr(caching, "_encode", note)
    return seen


@pytest.mark.parametrize("towers", [1, 2])
@pytest.mark.parametrize(
    "options", [{}, {"similarity": "cosine"}, {"similarity": "l2", "loss": "triplet"}, {"in_batch": False}]
)
def test_gradients_in_parts_are_plain_gradients(
    towers: int, options: dict[str, Any], bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dropout is on, and the same in both passes."""
    start, model = load(bert, plan := Plan(batch=8, towers=towers, negatives=1, dropout=0.3, **options))
    batch = Batch(start, plan)
    parts = batch.texts.cut(40, (0, 0))
    seen = count_passes(monkeypatch)
    model.train()
    loss = batch.differ_plainly(model, parts)
    plain = take_gradients(model)
    for chunk, passes in ((10_000, 1), (40, 2)):
        seen.clear()
        model.zero_grad()
        slope = backpropagate(model, batch.texts, parts, chunk, batch.differentiate, Together())
        assert len(seen) == passes * len(parts) > 4
        assert slope.loss == pytest.approx(loss, rel=1e-6)
        found = take_gradients(model)
        assert found.keys() == plain.keys()
        for name, one in plain.items():
            torch.testing.assert_close(found[name], one, rtol=1e-5, atol=1e-6)
    assert any(one.abs().max() > 1e-3 for one in plain.values())


def test_dropout_is_on_and_differs_between_steps_and_parts(bert: Path) -> None:
    start, model = load(bert, plan := Plan(batch=8, dropout=0.3))
    batch = Batch(start, plan)
    losses = set()
    for step in range(2):
        parts = batch.texts.cut(40, (0, step))
        assert len({part.seed for part in parts}) == len(parts)
        losses.add(backpropagate(model, batch.texts, parts, 1, batch.differentiate, Together()).loss)
    assert len(losses) == 2


def test_without_dropout_parts_make_no_difference_at_all(bert: Path) -> None:
    start, model = load(bert, plan := Plan(batch=8, dropout=0.0))
    batch = Batch(start, plan)
    found = []
    for size in (20, 10_000):
        model.zero_grad()
        backpropagate(model, batch.texts, batch.texts.cut(size, (0, 0)), size, batch.differentiate, Together())
        found.append(take_gradients(model))
    for name, one in found[0].items():
        torch.testing.assert_close(found[1][name], one, rtol=1e-4, atol=1e-6)


def test_half_precision_is_about_the_same(bert: Path) -> None:
    start = find_start(str(bert), plan := Plan(batch=8, dropout=0.0))
    batch = Batch(start, plan)
    losses = []
    for has_bf16 in (False, True):
        model = load_towers(start, plan, has_bf16=has_bf16)
        parts = batch.texts.cut(40, (0, 0))
        losses.append(backpropagate(model, batch.texts, parts, 40, batch.differentiate, Together()).loss)
        assert {one.dtype for one in take_gradients(model).values()} == {torch.float32}
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.05)


def test_parts_keep_to_their_size_and_leave_nothing_out(bert: Path) -> None:
    start, _ = load(bert, plan := Plan(batch=8))
    texts = Batch(start, plan).texts
    for most in (30, 10_000):
        parts = texts.cut(most, (0, 0))
        assert all(part.tokens <= most or len(part.rows) == 1 for part in parts)
        for side, whole in (("question", texts.questions), ("passage", texts.contexts)):
            rows = [row for part in parts if part.side == side for row in part.rows]
            assert sorted(rows) == list(range(len(whole)))


def test_layers_that_begin_anew_are_the_last_ones_alike_in_both_towers(bert: Path) -> None:
    _, before = load(bert, Plan())
    _, after = load(bert, Plan(reinit_layers=1))
    _, other = load(bert, Plan(reinit_layers=1, seed=1))
    old, new, odd = (dict(one.named_parameters()) for one in (before, after, other))
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert changed
    assert all(".layer.1." in name for name in changed)
    weight = "passage.encoder.layer.1.output.dense.weight"
    assert float(new[weight].detach().std()) == pytest.approx(0.02, rel=0.2)
    assert torch.equal(new[weight], new[weight.replace("passage", "question")])
    assert not torch.equal(new[weight], odd[weight])
    assert torch.equal(new["passage.encoder.layer.1.output.LayerNorm.weight"], torch.ones(16))
    with pytest.raises(UsageError, match="has 2 layers"):
        load(bert, Plan(reinit_layers=3))


STARTS: dict[str, Callable[[Path], str]] = {
    "bert": lambda root: str(save_bert(root / "bert")),
    "roberta": lambda root: str(save_roberta(root / "roberta")),
    "distilbert": lambda root: str(
        save_kin(root / "distilbert", "DistilBertModel", dim=16, n_heads=2, n_layers=2, hidden_dim=32)
    ),
    "sentence-transformers": lambda root: str(
        save_sentence_transformer(root / "st", prompts={"query": "query: ", "document": "passage: "})
    ),
    "dpr": lambda root: ",".join(
        str(save_dpr(root / f"dpr{passages}", passages=passages, seed=int(passages))) for passages in (False, True)
    ),
}


@pytest.mark.parametrize("towers", [1, 2])
@pytest.mark.parametrize("kind", STARTS)
def test_exported_towers_make_the_vectors_that_were_trained(kind: str, towers: int, tmp_path: Path) -> None:
    """Through ``--encoder``, by numpy and by torch, to 1e-4."""
    start, model = load(STARTS[kind](tmp_path), Plan(towers=towers))
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            parameter.add_(0.01 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(number)))
    texts = Texts(start.questions.read([("", one) for one in QUESTIONS]), start.passages.read(PAIRS))
    wanted = encode(model, texts, texts.cut(64, ()), Together())
    save_encoder(tmp_path / "out", model, start, start.card, {})
    for backend in ("numpy", "torch"):
        encoder = load_encoder(str(tmp_path / "out"), device="cpu", precision="fp32", backend=backend)
        assert (encoder.similarity, encoder.scale) == ("dot", 1.0)
        np.testing.assert_allclose(encoder.encode_questions(QUESTIONS), wanted[0].numpy(), atol=1e-4)
        np.testing.assert_allclose(encoder.encode_passages(PAIRS), wanted[1].numpy(), atol=1e-4)


@pytest.mark.parametrize(("similarity", "scale"), [("cosine", 30.0), ("l2", None)])
def test_exported_similarities_are_those_that_were_trained(
    similarity: Any, scale: float | None, bert: Path, tmp_path: Path
) -> None:
    """Without a word about the scale; where distances count, up to what is the same for all passages."""
    start, model = load(bert, plan := Plan(similarity=similarity, scale=scale, pooling="cls"))
    texts = Texts(start.questions.read([("", one) for one in QUESTIONS]), start.passages.read(PAIRS))
    wanted = compare(*encode(model, texts, texts.cut(64, ()), Together()), plan).numpy()
    save_encoder(tmp_path / "out", model, start, start.card, {})
    encoder = load_encoder(str(tmp_path / "out"), device="cpu", precision="fp32")
    found = encoder.encode_questions(QUESTIONS) @ encoder.encode_passages(PAIRS).T
    if similarity == "l2":
        found, wanted = (one - one[:, :1] for one in (found, wanted))
    np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_plan_decides_how_towers_read_and_the_start_where_it_is_silent(tmp_path: Path) -> None:
    name = STARTS["sentence-transformers"](tmp_path)
    silent, said = (find_start(name, one) for one in (Plan(), Plan(pooling="cls", template="text", max_length=7)))
    assert (silent.card.question.prompt, silent.card.passage.prompt) == ("query: ", "passage: ")
    assert (silent.card.passage.template, silent.passage.steps[0].label) == ("title text", "mean")
    assert (said.card.passage.template, said.passage.steps[0].label) == ("text", "cls")
    assert max(map(len, said.passages.read(PAIRS))) == 7
    dpr = find_start(STARTS["dpr"](tmp_path), Plan())
    assert (dpr.card.passage.template, dpr.passage.steps[0].label) == ("title [SEP] text", "cls")
    assert dpr.card.question.straight_quotes is True


def test_single_tower_begins_as_that_of_passages(tmp_path: Path) -> None:
    start, model = load(STARTS["dpr"](tmp_path), Plan(towers=1))
    assert model.question is None
    assert start.question is start.passage
    assert start.card.question.straight_quotes is True


def test_model_with_layers_after_pooling_is_refused(tmp_path: Path) -> None:
    folder = save_sentence_transformer(tmp_path / "dense", dense=8)
    with pytest.raises(ModelError, match="after pooling") as caught:
        find_start(str(folder), Plan())
    assert_one_clear_line(caught.value)


@pytest.mark.slow
def test_process_that_is_killed_ends_the_others_and_is_told() -> None:
    with pytest.raises(ModelError, match=f"signal {signal.SIGKILL.value}") as caught:
        run_together(be_killed, ["cpu", "cpu"], print)
    assert_one_clear_line(caught.value)


def test_file_of_the_authors_is_to_become_a_folder_first(tmp_path: Path) -> None:
    path = tmp_path / "dpr.cp"
    path.write_bytes(b"")
    with pytest.raises(UsageError, match="convert-encoder") as caught:
        find_start(str(path), Plan())
    assert_one_clear_line(caught.value)


@pytest.mark.slow
def test_what_one_process_complains_of_is_what_everybody_hears() -> None:
    with pytest.raises(UsageError, match="has had enough"):
        run_together(refuse, ["cpu", "cpu"], print)


def test_ctrl_c_before_all_processes_have_begun_is_no_other_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def press(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(BaseProcess, "start", press)
    with pytest.raises(KeyboardInterrupt):
        run_together(refuse, ["cpu", "cpu"], print)


def test_one_device_takes_no_other_process() -> None:
    assert run_together(lambda together, device, _: (together.size, device, os.getpid()), ["cpu"], print) == (
        1,
        "cpu",
        os.getpid(),
    )
