"""``hybrid train encoder OUT --questions FILE…``."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..encoders.places import need_library
from ..errors import UsageError
from .output import on_terminal, print_json, say
from .progress import Progress

if TYPE_CHECKING:
    from ..encoders.training.loop import Told, Trained, Training
    from ..encoders.training.validating import Figures

#: What training takes besides the base installation.
LIBRARIES = ("torch", "transformers", "safetensors")
_COUNT = click.IntRange(1)
_MAYBE = click.IntRange(0)
_SHARE = click.FloatRange(0, 1, max_open=True)


@click.command("encoder", short_help="Train the towers of an encoder.")
@click.argument("out", metavar="OUT", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--questions",
    multiple=True,
    required=True,
    metavar="FILE[=RATE]",
    help="DPR's JSON, as hybrid mine writes it; repeatable. An epoch shows its rows RATE times each: 4, or 0.5.",
)
@click.option(
    "--dev",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Questions to judge the encoder by after each epoch, in the same format; repeatable.",
)
@click.option(
    "--keep-by",
    type=click.Choice(["average_rank", "top1", "top5", "top20", "top100"]),
    help="The figure of --dev by which the best epoch is kept.  [default: average_rank]",
)
@click.option("--from", "start", default="minilm", show_default=True, help="The encoder to begin with.")
@click.option(
    "--towers",
    default="2",
    show_default=True,
    type=click.Choice(["1", "2"]),
    help="Two for questions and passages apart, as in the paper, or one for both.",
)
@click.option(
    "--similarity", default="dot", show_default=True, type=click.Choice(["dot", "cosine", "l2"]), help="What ranks."
)
@click.option("--scale", type=float, help="What cosines are multiplied by: 1 / temperature.  [default: 20]")
@click.option("--pooling", help="cls, mean or max over tokens; that of the start by default.")
@click.option(
    "--template",
    type=click.Choice(["text", "title text", "title [SEP] text"]),
    help="How a passage is read, the last as in the paper; that of the start by default.",
)
@click.option(
    "--loss",
    default="nll",
    show_default=True,
    type=click.Choice(["nll", "triplet"]),
    help="The right passage's likelihood, or its margin before wrong ones.",
)
@click.option(
    "--margin", type=click.FloatRange(0, min_open=True), help="Of the triplet loss: how large.  [default: 1]"
)
@click.option("--epochs", default=40, show_default=True, type=_MAYBE, help="The paper's; 100 for small sets.")
@click.option("--batch", default=128, show_default=True, type=_COUNT, help="Questions of a step.")
@click.option(
    "--hard-negatives", default=1, show_default=True, type=_MAYBE, help="Wrong passages that a question brings along."
)
@click.option(
    "--negatives", default=0, show_default=True, type=_MAYBE, help="More of them, of the row's negative_ctxs."
)
@click.option(
    "--in-batch/--no-in-batch",
    default=True,
    show_default=True,
    help="Learn from the passages of the batch's other questions as well.",
)
@click.option(
    "--mask/--no-mask",
    "mask_false_negatives",
    default=True,
    show_default=True,
    help="Not from those that hold the answer or are the right passage; the paper masks nothing.",
)
@click.option("--shuffle-positives", is_flag=True, help="Take any right passage of a row instead of the first.")
@click.option("--lr", default=1e-5, show_default=True, help="Learning rate.")
@click.option(
    "--warmup", default=0.067, show_default=True, type=_SHARE, help="Share of the steps in which --lr is reached."
)
@click.option("--dropout", default=0.1, show_default=True, type=_SHARE, help="Share of the numbers that drop out.")
@click.option("--max-length", default=256, show_default=True, type=click.IntRange(16), help="Tokens of an input.")
@click.option("--precision", default="auto", show_default=True, type=click.Choice(["auto", "bf16", "fp32"]))
@click.option(
    "--chunk-tokens",
    type=_COUNT,
    help="What is computed at once. Less takes less memory and more time and gives the same; below 1024, on a GPU "
    "8192, other numbers drop out.  [default: 8192; on a GPU 32768]",
)
@click.option("--reinit-layers", default=0, show_default=True, type=_MAYBE, help="Last layers that begin at random.")
@click.option("--save-every", default=200, show_default=True, type=_COUNT, help="Steps between two states.")
@click.option("--seed", default=0, show_default=True, type=_MAYBE)
@click.option("--device", help="cpu, cuda, or several GPUs with commas; the first GPU by default, or the processor.")
@click.option("--processes", default=1, show_default=True, type=_COUNT, help="Processes that share the processor.")
@click.option("--json", "as_json", is_flag=True, help="Print what came of it as JSON.")
def command(out: Path, questions: tuple[str, ...], dev: tuple[Path, ...], as_json: bool, **given: Any) -> None:
    r"""Train an encoder on questions with right and wrong passages, and write it to the folder OUT.

    A training that was stopped goes on where it was: give the same command again. Options begin as in the paper
    (Karpukhin et al. 2020, §5).

    \b
    hybrid train encoder ./encoder --questions train.json --dev dev.json
    hybrid train encoder ./multi --questions nq.json --questions trivia.json \
        --questions webq.json=4 --questions trec.json=4
    hybrid copy ./wiki ./wiki-trained --encoder ./encoder
    """
    for library in LIBRARIES:
        need_library(library, "Training an encoder")
    from ..encoders.training.examples import read_set
    from ..encoders.training.loop import Plan, Training
    from ..training.dpr_json import read_rows

    if given["keep_by"] and not dev:
        raise UsageError("--keep-by goes with --dev, whose questions judge each epoch.")
    names = {field.name for field in dataclasses.fields(Plan)}
    said = {name: value for name, value in given.items() if name in names and value is not None}
    plan = Plan(**{**said, "towers": int(given["towers"])})
    sets = [read_set(one) for one in questions]
    judged = [row for path in dev for row in read_rows(path)] if dev else None
    training = Training(out, given["start"], plan, sets, judged, given["device"], given["processes"])
    _announce(training, given["start"])
    with Progress("steps", training.steps) as progress:
        trained = training.run(_Teller(progress).tell)
    if as_json:
        print_json(dataclasses.asdict(trained))
        return
    _conclude(trained, plan.keep_by)
    click.echo(str(out) if not on_terminal() else f"the encoder is in {out}")


def _announce(training: "Training", start: str) -> None:
    """Say what is learnt from, and what is not."""
    left = training.examples.left
    say(f"{len(training.examples.rows):,} questions, {training.steps:,} steps, from {start}")
    if training.max_length != training.plan.max_length:
        say(f"of an input {training.max_length} tokens are read, as its model does, not {training.plan.max_length}")
    for count, why in ((left.without_positives, "no right passage"), (left.without_negatives, "no wrong passage")):
        if count:
            say(f"left out: {count:,} rows with {why}")


class _Teller:
    """Shows how far training is, and once what is amiss."""

    def __init__(self, progress: Progress):
        self._progress, self._warned = progress, False

    def tell(self, told: "Told") -> None:
        """Show one step, and how good the encoder is where that was found out."""
        if told.loss is not None and told.right is not None:
            self._progress.update(told.step, f"loss {told.loss:.3f}, {told.right:.0%} right")
        if told.idle and not self._warned:
            self._warned = True
            say(f"nothing was wrong for {told.idle:,} questions of an epoch, so that they taught nothing")
        if told.figures:
            say(f"step {told.step:,}: {_describe(told.figures)}")


def _conclude(trained: "Trained", keep_by: Any) -> None:
    """Say which epoch was kept, and whether it was worth it."""
    if trained.before is None or trained.after is None:
        return
    say(f"epoch {trained.epoch} was kept: {_describe(trained.after)}")
    if trained.epoch and not trained.after.is_better(trained.before.get(keep_by), keep_by):
        say(f"no epoch was better than what training began with: {_describe(trained.before)}")


def _describe(figures: "Figures") -> str:
    shares = f"top 1/5/20/100 {figures.top1}/{figures.top5}/{figures.top20}/{figures.top100} %"
    return f"average rank {figures.average_rank} of {figures.passages:,} passages, {shares}"
