"""``hybrid tune INDEX --questions FILE``."""

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, get_args

import click

from ..engines.contract import Index
from ..errors import UsageError
from ..evaluation.bootstrap import LEVEL
from ..evaluation.constants import Constants, count_asks, tune_constants
from ..evaluation.curves import LAMBDAS, MEAN, Curve, check_metric
from ..evaluation.evaluating import check_rules
from ..evaluation.judging import By
from ..evaluation.measuring import Judge, choose_judge
from ..evaluation.metrics import DEPTHS, name_metrics
from ..evaluation.overview import late_fault, overlap_of
from ..evaluation.page import Subject, draw_tuning, name_metric, write_page
from ..evaluation.questions import Question, QuestionSet
from ..evaluation.rules import FUSIONS, HYBRID, MODES, choose_rules
from ..evaluation.runs import check_places, save
from ..evaluation.texts import Texts
from ..evaluation.tuning import LEAST_RIGHT, REACHED_BY, Plan, Tuning, tune
from ..index import open_index
from ..profile import Profile
from ..requests import Vectors
from .asked import (
    asking,
    check_asked,
    holding,
    list_files,
    question_options,
    read_asked,
    read_list,
    read_numbers,
    read_ranks,
    say_faults,
)
from .figures import print_figures
from .options import index_argument, json_option
from .output import print_json, say
from .page_text import score_by_page
from .progress import Progress

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("tune")
@index_argument
@question_options()
@click.option("--metric", default=MEAN, show_default=True, help="What λ is chosen by: mean, top20, mrr, ndcg@10, …")
@click.option("--lambda", "lambdas", metavar="λ,λ,…", help="The weights to try; 0 to 50 by default.")
@click.option("--fusion", metavar="RULE,…", help=f"Rules of fusion to compare with: {', '.join(FUSIONS)}.")
@click.option("--by", type=click.Choice(get_args(By)), help="What is right: by answers, if there are any, or by ids.")
@click.option("--k", "ranks", default=",".join(map(str, DEPTHS)), show_default=True, help="Ranks for top-k accuracy.")
@click.option("--bm25", is_flag=True, help="In a folder: try k1 and b too; asks every question up to nine times.")
@click.option("--page", type=_FILE, help="A page's search body: tune λ beside its clauses, for serve --text body.")
@click.option("--html", type=_FILE, help="Write a report to show around.")
@click.option("--svg", type=_FILE, help="Write the curve as a picture.")
@click.option("--write", is_flag=True, help="Write λ, the sim to expect and, with --bm25, k1 and b into the profile.")
@click.option("--write-depth", is_flag=True, help="The depth that is enough, too; less than 2,000 leaves the paper.")
@click.option("--write-min-sim", is_flag=True, help="The least sim too, below which hybrid serve adds no passage.")
@json_option
def command(index: str, as_json: bool, **given: Any) -> None:
    r"""Find the weight λ of sim that ranks an index best, and check it on questions that it was not chosen by.

    Every question is asked once; all weights and rules of fusion rank what both sides found for it. Where another λ
    is chosen they are asked once more, for the depth. Without --write nothing is changed. In a pipe a line holds
    mode, metric, mean, low and high, and by how much the weights of the other half are better, low, high and p.

    \b
    hybrid tune ./wiki --questions nq-dev.qa.csv --html tuning.html
    hybrid tune os:wiki --questions dev.json --limit 1000 --write
    """
    _check(given)
    name = Path(given["questions"]).name
    check_places(given["html"], given["svg"], read=[*list_files(given), given["page"]])
    asked, vectors = read_asked(given)
    plan = Plan(given["metric"], read_numbers("--lambda", given["lambdas"]) or LAMBDAS, read_list(given["fusion"]))
    with ExitStack() as stack:
        newest = stack.enter_context(open_index(index))
        scored = score_by_page(newest, index, given["page"])
        # Refuses what cannot be before anything is encoded.
        _choose_judge(scored, asked, vectors, plan, given)
        opened, rows = stack.enter_context(holding(scored, asked.questions, vectors))
        before, texts = opened.profile, Texts(opened)
        judge = _choose_judge(opened, asked, rows, plan, given)
        faults = check_asked(opened, asked, texts)
        constants = _tune_constants(opened, asked.questions, rows, judge, plan.metric) if given["bm25"] else None
        tuned = opened
        if constants is not None and constants.better:
            tuned = stack.enter_context(opened.under(constants.best.k1, constants.best.b))
        with asking(opened, len(asked.questions)) as progress:

            def ask_again() -> None:
                progress.begin("asking for depths", 0, len(asked.questions))

            tuning, tally = tune(tuned, asked.questions, rows, judge, plan, progress.update, ask_again)
            tuning = _leave_prior_out(tuning, given)
        faults += late_fault(tally)
        if given["html"] is not None:
            subject = Subject(index, name, opened.status().passages, before, judge.by)
            overlap = overlap_of(asked.questions, tally.places[HYBRID], texts)
            save(given["html"], [write_page(tuning, constants, subject, overlap, faults).encode()])
        if given["svg"] is not None:
            save(given["svg"], [draw_tuning(tuning, before.lam).encode()])
        if given["write"]:
            _write(newest, tuning, name, given)
    if as_json:
        faulty = [dataclasses.asdict(fault) for fault in faults]
        found = {"bm25": None if constants is None else constants.to_json(), "faults": faulty}
        print_json({"index": index, "by": judge.by, "before": before.lam, **tuning.to_json(), **found})
        return
    say_faults(faults)
    _print(tuning, constants, before)
    _say_where_it_goes(tuning, before, given)


def _check(given: Mapping[str, Any]) -> None:
    for option in ("write_depth", "write_min_sim"):
        if given[option] and not given["write"]:
            raise UsageError(f"--{option.replace('_', '-')} says what --write writes as well; say both.")
    if given["page"] and (given["write"] or given["bm25"]):
        raise UsageError("What --page finds is for hybrid serve --text body --lambda; the profile holds none of it.")


def _choose_judge(
    index: Index, asked: QuestionSet, vectors: Vectors | None, plan: Plan, given: Mapping[str, Any]
) -> Judge:
    """Choose what tells what is right, and check that the plan can be carried out with it."""
    check_rules(index, choose_rules(MODES, (), plan.fusions, index.profile.lam), vectors)
    judge = choose_judge(asked, Texts(index), given["by"], read_ranks("--k", given["ranks"]))
    check_metric(plan.metric, name_metrics(judge.depths, judged=judge.judged))
    return judge


def _leave_prior_out(tuning: Tuning, given: Mapping[str, Any]) -> Tuning:
    """Leave out the sim to expect where it was fitted to a page's scores: it is BM25 that tells it."""
    return dataclasses.replace(tuning, prior=None) if given["page"] else tuning


def _write(index: Index, tuning: Tuning, name: str, given: Mapping[str, Any]) -> None:
    """Write what was found into the profile."""
    if given["write_min_sim"] and tuning.min_sim is None:
        raise UsageError(
            f"For --write-min-sim {LEAST_RIGHT} questions must find something right among the nearest; give more."
        )
    source = f"tune: {name}, {tuning.evaluation.questions} questions, {tuning.metric}"
    depth, min_sim = given["write_depth"], given["write_min_sim"]
    index.intake().change_profile(lambda profile: tuning.change(profile, source, depth=depth, min_sim=min_sim))


def _say_where_it_goes(tuning: Tuning, before: Profile, given: Mapping[str, Any]) -> None:
    lam = f"{tuning.curve.chosen:g}"
    if given["page"]:
        say(f"for the page: hybrid serve --text body --lambda {lam}")
    if given["write"]:
        depth = f" and depth {tuning.enough_depth(before):,}" if given["write_depth"] else ""
        least = f" and least sim {tuning.min_sim:.2f}" if given["write_min_sim"] else ""
        weighed = f", k1 {tuning.k1:g} and b {tuning.b:g}" if (tuning.k1, tuning.b) != (before.k1, before.b) else ""
        prior = tuning.prior
        expected = f"; sim to expect without a vector {prior.a:.2f} + {prior.b:.2f} · BM25" if prior else ""
        say(f"written into the profile: λ {lam}{weighed}{depth}{least}{expected}")


def _tune_constants(
    index: Index, questions: Sequence[Question], vectors: Vectors | None, judge: Judge, metric: str
) -> Constants:
    asks = len(questions) * count_asks(index.profile.k1, index.profile.b)
    with Progress("asking by k1 and b", asks) as progress:
        return tune_constants(index, questions, vectors, judge, metric, progress.update)


def _print(tuning: Tuning, constants: Constants | None, before: Profile) -> None:
    curve = tuning.curve
    print_figures(tuning.evaluation)
    sure = f"between {curve.low:g} and {curve.high:g} with {LEVEL:.0%} confidence"
    click.echo(f"best λ {curve.best:g}, {'by too few questions to say how sure that is' if tuning.few else sure}")
    reached = ", ".join(f"{100 * curve.at(lam).mean:.2f} with λ {lam:g}" for lam in _list_weights(curve, before.lam))
    click.echo(f"chosen λ {curve.chosen:g}; {name_metric(tuning)} {reached}")
    for known, unknown, check in zip(("second", "first"), ("first", "second"), tuning.checks, strict=True):
        click.echo(
            f"λ {check.chosen:g}, chosen on the {known} half, on the {unknown} {100 * check.reached:.2f}: "
            f"{100 * check.missed:.2f} points below the best there, λ {check.best:g}"
        )
    if tuning.shared:
        click.echo(f"{tuning.shared} passages or answers are right in both halves; the questions could not be parted")
    click.echo(f"depth {tuning.enough_depth(before)} is enough")
    if tuning.prior is not None:
        click.echo(f"sim to expect of a passage without a vector: {tuning.prior.a:.2f} + {tuning.prior.b:.2f} · BM25")
    if tuning.min_sim is not None:
        click.echo(f"{REACHED_BY:.0%} of what is right among the nearest has a sim of {tuning.min_sim:.2f} or more")
    if constants is not None:
        best, gain = constants.best, constants.gain
        taken = "taken" if constants.better else "left as they are"
        click.echo(
            f"k1 {best.k1:g} and b {best.b:g} reach {100 * best.mean:.2f}; on questions that they were not chosen by "
            f"{100 * gain.mean:+z.2f} points from k1 {before.k1:g} and b {before.b:g} "
            f"({100 * gain.low:+z.2f} to {100 * gain.high:+z.2f}): {taken}"
        )
    if curve.on_edge:
        say("the best λ may lie beyond those that were tried; say more of them with --lambda")


def _list_weights(curve: Curve, own: float) -> list[float]:
    return list(dict.fromkeys((own, curve.chosen, curve.best)))
