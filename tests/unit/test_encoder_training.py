"""Training an encoder from end to end: it learns, goes on after a kill, keeps the best, and shares its work."""

import dataclasses
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from hybrid.encoders import load_encoder
from hybrid.encoders.training import caching, loop
from hybrid.encoders.training.batches import Batches
from hybrid.encoders.training.loop import Plan, Told, Training
from hybrid.encoders.training.towers import Towers
from hybrid.encoders.training.validating import Figures, make_dev_set, measure
from hybrid.errors import ModelError, UsageError
from hybrid.training.dpr_json import Context, Row
from tests.messages import assert_one_clear_line
from tests.training import LONG_ROWS, QUICK_PLAN, ROWS

QUICK = Plan(**QUICK_PLAN)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def whole(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``QUICK`` makes when nothing comes between."""
    target = tmp_path_factory.mktemp("whole") / "out"
    make(bert, target).run(nothing)
    return target


def nothing(_: Told) -> None:
    """Tell nobody."""


def make(bert: Path, target: Path, plan: Plan = QUICK, dev: list[Row] | None = ROWS, **options: Any) -> Training:
    return Training(target, str(bert), plan, ROWS, dev, "cpu", **options)


def read_weights(folder: Path) -> dict[str, torch.Tensor]:
    return {
        f"{path.parent.name}/{name}": weight
        for path in sorted(folder.rglob("model.safetensors"))
        for name, weight in load_file(path).items()
    }


def assert_same(left: Path, right: Path) -> None:
    first, second = read_weights(left), read_weights(right)
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


@pytest.mark.parametrize("options", [{}, {"towers": 1, "similarity": "cosine"}])
def test_training_teaches_what_is_to_be_learnt(options: dict[str, Any], bert: Path, tmp_path: Path) -> None:
    told: list[Told] = []
    plan = Plan(epochs=60, batch=8, lr=3e-3, dropout=0.0, precision="fp32", **options)
    trained = make(bert, tmp_path / "out", plan).run(told.append)
    assert told[-1].loss is not None
    assert told[1].loss is not None
    assert told[-1].loss < 0.7 * told[1].loss
    assert trained.before is not None
    assert trained.after is not None
    assert trained.after.average_rank < trained.before.average_rank
    assert trained.after.average_rank == min(one.figures.average_rank for one in told if one.step and one.figures)
    assert not (tmp_path / "out.training").exists()
    # What hybrid will find is what training has seen.
    encoder, dev = load_encoder(str(tmp_path / "out"), device="cpu", precision="fp32"), make_dev_set(ROWS)
    asked, passages = encoder.encode_questions(dev.questions), encoder.encode_passages(dev.contexts)
    assert measure(torch.from_numpy(asked), torch.from_numpy(passages), dev, Plan()) == trained.after


class StoppedError(Exception):
    """What a test stops training with."""


@pytest.mark.parametrize("stop", [0, 1, 4, 6])
def test_training_that_was_stopped_ends_as_if_it_had_not_been(
    stop: int, bert: Path, whole: Path, tmp_path: Path
) -> None:
    def strike(told: Told) -> None:
        if told.step == stop:
            raise StoppedError

    with pytest.raises(StoppedError):
        make(bert, tmp_path / "out").run(strike)
    steps: list[int] = []
    make(bert, tmp_path / "out").run(lambda told: steps.append(told.step))
    assert steps == list(range(stop + 1 if stop else 0, 7))
    assert_same(tmp_path / "out", whole)
    notes = [json.loads((folder / "hybrid_training.json").read_text()) for folder in (tmp_path / "out", whole)]
    assert notes[0] == notes[1]


def test_training_that_was_killed_ends_with_the_same_weights(bert: Path, whole: Path, tmp_path: Path) -> None:
    killed = "import sys; from tests.training import train_until_killed; train_until_killed(*sys.argv[1:])"
    given = [sys.executable, "-c", killed, str(bert), str(tmp_path / "out")]
    ended = subprocess.run(given, cwd=Path(__file__).parents[2], capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert (tmp_path / "out.training" / "state-00000004").is_dir()
    make(bert, tmp_path / "out").run(nothing)
    assert_same(tmp_path / "out", whole)
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


@pytest.mark.slow
def test_two_processes_make_what_one_makes(bert: Path, tmp_path: Path) -> None:
    """Dropout included. What shifts all passages alike has no gradient but noise, of which Adam makes steps."""
    found = []
    plan = Plan(epochs=3, batch=16, lr=1e-3, precision="fp32")
    for processes in (1, 2):
        told: list[Told] = []
        target = tmp_path / str(processes)
        Training(target, str(bert), plan, LONG_ROWS, ROWS, "cpu", processes).run(told.append)
        assert [one.step for one in told] == list(range(4))
        passages = load_encoder(str(target), device="cpu", precision="fp32").encode_passages(
            make_dev_set(ROWS).contexts
        )
        found.append(([one.loss for one in told[1:]], passages - passages.mean(axis=0)))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-4)
    np.testing.assert_allclose(found[0][1], found[1][1], atol=0.1 * plan.lr)


def test_chunks_of_any_size_make_the_same(bert: Path, tmp_path: Path) -> None:
    """Dropout included; the larger one keeps what the smaller one computes twice."""
    for chunk in (caching.CPU_PART, 100_000):
        plan = Plan(epochs=2, batch=16, lr=1e-3, precision="fp32", chunk_tokens=chunk)
        Training(tmp_path / str(chunk), str(bert), plan, LONG_ROWS, None, "cpu").run(nothing)
    assert_same(tmp_path / str(caching.CPU_PART), tmp_path / "100000")


def test_memory_that_does_not_suffice_is_told_with_what_takes_less(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own: Callable[..., torch.Tensor] = Towers.forward

    def make_vectors(*given: Any) -> torch.Tensor:
        vectors = own(*given)
        if vectors.requires_grad:
            vectors.register_hook(lack)  # type: ignore[no-untyped-call]
        return vectors

    def lack(_: torch.Tensor) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(Towers, "forward", make_vectors)
    for chunk, advice in ((None, "--chunk-tokens 4096"), (300, "--chunk-tokens 256"), (256, "smaller model")):
        with pytest.raises(ModelError, match=advice) as caught:
            make(bert, tmp_path / "out", dataclasses.replace(QUICK, chunk_tokens=chunk)).run(nothing)
        assert_one_clear_line(caught.value)
    monkeypatch.setattr(loop, "measure", lambda *_: lack(torch.zeros(1)))
    with pytest.raises(ModelError, match="not enough memory"):
        make(bert, tmp_path / "out").run(nothing)


def test_what_only_costs_memory_or_time_may_change_on_the_way(bert: Path, tmp_path: Path) -> None:
    def strike(told: Told) -> None:
        if told.step == 3:
            raise StoppedError

    with pytest.raises(StoppedError):
        make(bert, tmp_path / "out").run(strike)
    steps: list[int] = []
    other = dataclasses.replace(QUICK, chunk_tokens=12, save_every=7)
    make(bert, tmp_path / "out", other).run(lambda told: steps.append(told.step))
    assert steps == [4, 5, 6]


def test_epoch_in_which_nothing_was_wrong_ends_training(bert: Path, tmp_path: Path) -> None:
    twins = [dataclasses.replace(ROWS[0], question=one, hard_negatives=(), negatives=()) for one in ("who", "what")]
    with pytest.raises(UsageError, match="nothing to learn") as caught:
        Training(tmp_path / "out", str(bert), QUICK, twins, None, "cpu").run(nothing)
    assert_one_clear_line(caught.value)
    assert not (tmp_path / "out").exists()


def test_idle_questions_are_counted_over_an_epoch_and_across_a_stop(bert: Path, tmp_path: Path) -> None:
    twins = [dataclasses.replace(ROWS[0], question=str(one), negatives=()) for one in range(4)]
    rows = [*(dataclasses.replace(one, hard_negatives=()) for one in twins), *ROWS[1:3]]
    plan = dataclasses.replace(QUICK, batch=2)
    told: list[Told] = []

    def strike(one: Told) -> None:
        told.append(one)
        if one.step == stop:
            raise StoppedError

    counted = []
    for stop in (0, 2):
        told.clear()
        target = tmp_path / str(stop)
        if stop:
            with pytest.raises(StoppedError):
                Training(target, str(bert), plan, rows, None, "cpu").run(strike)
        training = Training(target, str(bert), plan, rows, None, "cpu")
        training.run(told.append)
        counted.append({one.step: one.idle for one in told if one.idle})
        batches = [Batches(training.examples, plan).make(step).idle for step in range(9)]
        assert counted[-1] == {
            last: sum(batches[last - 3 : last]) for last in (3, 6, 9) if sum(batches[last - 3 : last])
        }
    assert counted[0] == counted[1] != {}


def test_processes_and_gpus_are_named_apart(bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="1 or more"):
        make(bert, tmp_path / "out", processes=0)
    monkeypatch.setattr(loop, "find_devices", lambda wanted: wanted.split(",") if wanted else ["cuda:0", "cuda:1"])
    assert loop.find_places("cuda:0,cuda:1", 1) == ["cuda:0", "cuda:1"]
    assert loop.find_places(None, 1) == ["cuda:0"]
    assert loop.find_places("cpu", 3) == ["cpu"] * 3
    with pytest.raises(UsageError, match="GPUs are named"):
        loop.find_places(None, 2)


def test_other_options_or_data_do_not_go_on_with_a_training(bert: Path, tmp_path: Path) -> None:
    def strike(told: Told) -> None:
        if told.step == 1:
            raise StoppedError

    target = tmp_path / "out"
    with pytest.raises(StoppedError):
        make(bert, target).run(strike)
    other = dataclasses.replace(QUICK, lr=1e-4)
    for training in (
        make(bert, target, other),
        make(bert, target, dev=ROWS[:4]),
        Training(target, str(bert), QUICK, ROWS[::-1], ROWS, "cpu"),
    ):
        with pytest.raises(UsageError, match="other options or data"):
            training.run(nothing)


def test_folder_that_is_taken_is_left_alone(bert: Path) -> None:
    with pytest.raises(UsageError, match="is there already"):
        make(bert, bert)
    assert (bert / "model.safetensors").is_file()


def figures(rank: float, top1: float) -> Figures:
    return Figures(8, 24, rank, top1, 50.0, 100.0, 100.0)


@pytest.mark.parametrize(("by", "kept"), [("average_rank", 2), ("top1", 3), ("top5", 1)])
def test_best_epoch_is_kept_and_an_equal_one_does_not_replace_it(
    by: Any, kept: int, bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worth = iter([figures(9, 0), figures(4, 10), figures(2, 10), figures(3, 30), figures(2, 30)])
    monkeypatch.setattr(loop, "measure", lambda *_: next(worth))
    weights: list[bytes] = []

    def look(told: Told) -> None:
        if told.figures and told.step:
            weights.append((tmp_path / "out" / "passage" / "model.safetensors").read_bytes())

    plan = Plan(epochs=4, batch=8, lr=1e-3, precision="fp32", keep_by=by)
    trained = make(bert, tmp_path / "out", plan).run(look)
    assert trained.epoch == kept
    assert weights[kept - 1] == weights[-1] == (tmp_path / "out" / "passage" / "model.safetensors").read_bytes()
    assert kept == 1 or weights[kept - 2] != weights[kept - 1]
    assert trained.before == figures(9, 0)


def test_without_questions_to_judge_by_the_last_epoch_is_kept(bert: Path, tmp_path: Path) -> None:
    trained = make(bert, tmp_path / "out", dev=None).run(nothing)
    assert (trained.epoch, trained.before, trained.after) == (3, None, None)


def test_no_epoch_writes_what_it_begins_with(bert: Path, tmp_path: Path) -> None:
    plan = Plan(epochs=0, towers=1, precision="fp32")
    trained = make(bert, tmp_path / "out", plan).run(nothing)
    assert trained.before == trained.after
    before, after = (load_file(folder / "model.safetensors") for folder in (bert, tmp_path / "out"))
    assert all(torch.equal(before[name], weight) for name, weight in after.items())


def test_loss_that_is_no_number_ends_training(bert: Path, tmp_path: Path) -> None:
    plan = Plan(epochs=3, batch=8, lr=1e30, warmup=0.0, precision="fp32")
    with pytest.raises(ModelError, match="lower --lr") as caught:
        make(bert, tmp_path / "out", plan).run(nothing)
    assert_one_clear_line(caught.value)


def test_ranks_are_those_counted_out() -> None:
    """Against plain Python: other right passages do not stand in the way, and what is as similar stands before."""
    rng = np.random.default_rng(5)
    rows = [
        Row(
            f"q{number}",
            (),
            tuple(Context("", f"p{one}", str(one)) for one in (number, (number + 1) % 6)[: 1 + number % 2]),
            tuple(Context("", f"h{one}") for one in range(number % 3)),
            (Context("", f"p{(number + 3) % 6}", "other id"),),
        )
        for number in range(6)
    ]
    dev = make_dev_set([*rows, Row("none", (), ())])
    assert len(dev.contexts) == len(set(dev.contexts)) == 8
    for vectors in (rng.normal(size=(14, 3)), np.ones((14, 3))):
        questions, contexts = torch.tensor(vectors[:6]), torch.tensor(vectors[6:])
        found = measure(questions, contexts, dev, Plan())
        ranks = []
        for row, question in zip(rows, questions, strict=True):
            scores = {
                text: float((question * vector).sum())
                for (_, text), vector in zip(dev.contexts, contexts, strict=True)
            }
            own = scores[row.positives[0].text]
            others = [one for text, one in scores.items() if text not in {one.text for one in row.positives}]
            ranks.append(1 + sum(one >= own for one in others))
        assert found.average_rank == pytest.approx(np.mean(ranks), abs=1e-3)
        assert found.top1 == pytest.approx(100 * np.mean(np.array(ranks) <= 1), abs=0.01)
        assert found.top5 == pytest.approx(100 * np.mean(np.array(ranks) <= 5), abs=0.01)


def test_model_that_has_gone_astray_is_worth_nothing() -> None:
    dev = make_dev_set(ROWS)
    lost = torch.full((len(dev.contexts), 3), float("nan"))
    assert measure(lost[: len(ROWS)], lost, dev, Plan()).average_rank >= len(dev.contexts) - 1


def test_questions_to_judge_by_need_a_right_passage(bert: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="judge by"):
        make(bert, tmp_path / "out", dev=[Row("none", (), ())])
