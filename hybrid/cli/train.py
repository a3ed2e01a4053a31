"""``hybrid train reader OUT --questions FILE…``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ..encoders.places import need_library
from ..errors import UsageError
from ..index import open_index
from ..reader.cards import Card
from .output import on_terminal, print_json, say
from .progress import Progress
from .train_encoder import LIBRARIES
from .train_encoder import command as encoder

#: Hits of an index a question.
_FOUND = 50


@click.group("train")
def command() -> None:
    """Train models on your own questions."""


command.add_command(encoder)


@command.command("reader", short_help="Train a reader that finds answers.")
@click.argument("out", metavar="OUT", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--questions",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="DPR's JSON, or SQuAD's; repeatable.",
)
@click.option(
    "--dev",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Questions to judge the reader by after each epoch, and to calibrate it; repeatable.",
)
@click.option(
    "--from", "start", default="minilm", show_default=True, help="An encoder, or a reader to train further."
)
@click.option("--index", metavar="INDEX", help="Take the passages without an answer from what this index finds.")
@click.option("--found", type=click.IntRange(1), help="Hits of --index a question.  [default: 50]")
@click.option(
    "--joint",
    metavar="ENCODER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Train the questions' side of INDEX's encoder as well, and write the encoder to the folder ENCODER.",
)
@click.option("--epochs", default=2, show_default=True, type=click.IntRange(0), help="0 only calibrates.")
@click.option("--batch", default=16, show_default=True, type=click.IntRange(1), help="Questions of a step.")
@click.option(
    "--accumulate", default=1, show_default=True, type=click.IntRange(1), help="Parts to compute a step in."
)
@click.option(
    "--passages",
    default=24,
    show_default=True,
    type=click.IntRange(1),
    help="Passages of a question, one of them right; 1 teaches spans only.",
)
@click.option("--lr", default=1e-5, show_default=True, help="Learning rate.")
@click.option("--max-length", default=350, show_default=True, type=click.IntRange(16), help="Tokens of an input.")
@click.option("--precision", default="auto", show_default=True, type=click.Choice(["auto", "bf16", "fp32"]))
@click.option(
    "--freeze-embeddings", is_flag=True, help="Leave embeddings as they are, and out of the files: half the size."
)
@click.option(
    "--save-every", default=200, show_default=True, type=click.IntRange(1), help="Steps between two states."
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--device", help="cpu or cuda; the first GPU by default, or the processor.")
@click.option("--json", "as_json", is_flag=True, help="Print the reader's card as JSON.")
def reader(out: Path, questions: tuple[Path, ...], dev: tuple[Path, ...], as_json: bool, **given: Any) -> None:
    r"""Train a reader that finds answers in passages, and write it to the folder OUT.

    A training that was stopped goes on where it was: give the same command again.

    \b
    hybrid train reader ./reader --questions train.json --dev dev.json --index ./wiki
    hybrid ask ./wiki "who wrote it?" --reader ./reader

    With --joint the retriever learns from the passages that it finds, --found of them; their vectors in INDEX stay,
    and hybrid reencode INDEX --encoder ENCODER lets questions use what was learnt, without encoding anything anew.
    """
    for library in LIBRARIES:
        need_library(library, "Training a reader")
    import dataclasses

    from ..reader.training.dev import make_dev_set
    from ..reader.training.loop import Plan, Told, Training
    from ..reader.training.start import find_start

    if given["found"] is not None and given["index"] is None:
        raise UsageError("--found goes with --index, which is asked for passages.")
    given["found"] = given["found"] or _FOUND
    names = {field.name for field in dataclasses.fields(Plan)}
    plan = Plan(**{name: value for name, value in given.items() if name in names})
    start = find_start(given["start"], given["max_length"])
    examples, joint = _prepare(questions, given)
    judged = make_dev_set(_read(dev, given["index"], given["found"])) if dev else None
    if not (examples if plan.epochs else judged):
        raise UsageError("Give --questions to learn from." if plan.epochs else "Give --dev to calibrate by.")
    training = Training(out, start, plan, examples, given["device"], joint)
    say(f"{len(examples):,} questions, {training.steps:,} steps, from {start.name}")
    if start.max_length < given["max_length"]:
        say(f"of an input {start.max_length} tokens are read, as its model does, not {given['max_length']}")
    with Progress("steps", training.steps) as progress:

        def tell(told: Told) -> None:
            retriever = "" if told.retriever is None else f", retriever's {told.retriever:.3f}"
            progress.update(told.step, f"loss {told.loss:.3f}{retriever}")
            if told.figures:
                alone, among = told.figures.alone, told.figures.among
                say(
                    f"step {told.step:,}: EM {alone.em} / F1 {alone.f1} given the right passage, "
                    f"EM {among.em} / F1 {among.f1} among others"
                )

        card = training.run(judged, ", ".join(path.name for path in dev), tell)
    if as_json:
        print_json(dataclasses.asdict(card))
        return
    if judged is not None:
        say(_describe(card))
    if joint is not None:
        say(f"the encoder is in {given['joint']}; hybrid reencode {given['index']} --encoder {given['joint']}")
    click.echo(str(out) if not on_terminal() else f"the reader is in {out}")


def _describe(card: Card) -> str:
    """Say what became of the calibration."""
    if card.calibration is None:
        error = card.notes["not calibrated"]["ece"]
        why = "too few questions" if error is None else f"its confidences are off by {error:.3f} on other questions"
        return f"not calibrated: {why}"
    known = card.calibration
    return (
        f"calibrated: temperature {known.temperature:.2f}, error {known.ece:.3f} on {known.questions} other questions"
    )


def _prepare(questions: tuple[Path, ...], given: Mapping[str, Any]) -> tuple[Any, Any]:
    """Give what is learnt from, and what joint training takes if that is wanted."""
    if given["joint"] is None:
        return _read(questions, given["index"], given["found"]), None
    if given["index"] is None or not given["epochs"]:
        raise UsageError("--joint goes with --index, whose encoder it trains, and with --epochs of 1 or more.")
    from ..reader.training.joint import prepare_joint

    with open_index(given["index"]) as opened:
        return prepare_joint(opened, _read(questions, None, 0), given["found"], given["joint"], given["device"])


def _read(paths: tuple[Path, ...], index: str | None, found: int) -> Any:
    """Read files of questions; passages without an answer come from an index if there is one."""
    from ..reader.training.examples import read_examples, retrieve_negatives

    examples: list[Any] = []
    for path in paths:
        read = read_examples(path)
        examples += read.examples
        if read.left:
            say(f"left out: {read.left:,} questions of {path} without an answer in a passage")
    if index is None:
        return examples
    with open_index(index) as opened:
        return list(retrieve_negatives(opened, examples, found))
