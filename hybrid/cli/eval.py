"""``hybrid eval INDEX --questions FILE``."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import click

from ..engines.contract import Index
from ..errors import UsageError
from ..evaluation.asking import ask
from ..evaluation.baseline import TF_IDF, measure_tf_idf
from ..evaluation.diff import Won, find_won
from ..evaluation.evaluating import RUN_FORMATS, Run, check_ids, check_rules, count_all
from ..evaluation.judging import By
from ..evaluation.latency import Latency, time_stages
from ..evaluation.measuring import Judge, Places, Tally, choose_judge
from ..evaluation.metrics import DEPTHS, Values
from ..evaluation.overlap import Overlap
from ..evaluation.overview import late_fault, overlap_of
from ..evaluation.questions import Question, QuestionSet
from ..evaluation.reading import Reading, check_answers
from ..evaluation.report import Evaluation, Measured, summarise, write_questions
from ..evaluation.rivals import Judged, Rival, judge_rival, locate_rival, read_rival
from ..evaluation.rules import FUSIONS, LEXICAL, MODES, Rule, choose_rules
from ..evaluation.runs import check_places, save
from ..evaluation.texts import Texts
from ..evaluation.validate import Fault
from ..index import open_index
from ..passages import Mode
from ..reader.reader import open_reader
from ..requests import MAX_DEPTH, Vectors
from ..settings import read_settings
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
from .output import flatten, print_json, say, shorten

_TEXT_COLUMNS = 300
_DIFF_AT = 20
_FILE = click.Path(dir_okay=False, path_type=Path)


@dataclasses.dataclass(frozen=True, slots=True)
class Findings:
    """All that an evaluation found."""

    evaluation: Evaluation
    tally: Tally
    measured: Measured
    judge: Judge
    overlap: Overlap
    latency: Mapping[str, Latency]
    faults: Sequence[Fault]
    won: Sequence[Won]


@click.command("eval")
@index_argument
@question_options()
@click.option(
    "--modes", default=",".join(MODES), show_default=True, help="Modes to compare; the rest with the first."
)
@click.option("--lambda", "lambdas", metavar="λ,λ,…", help="More weights of sim beside the index's own.")
@click.option("--fusion", metavar="RULE,…", help=f"Rules of fusion to compare with: {', '.join(FUSIONS)}.")
@click.option("--tf-idf", is_flag=True, help="In a folder: TF-IDF as well, which BM25 grew out of.")
@click.option(
    "--against",
    multiple=True,
    metavar="[NAME=]FILE",
    help="What another system found: a run in TREC's, DPR's or Pyserini's form. Repeatable.",
)
@click.option("--by", type=click.Choice(get_args(By)), help="What is right: by answers, if there are any, or by ids.")
@click.option("--k", "ranks", default=",".join(map(str, DEPTHS)), show_default=True, help="Ranks for top-k accuracy.")
@click.option("--depth", type=click.IntRange(1, MAX_DEPTH), help="Passages that each side proposes.")
@click.option("--dense", type=click.Choice(["ann", "exact"]), help="Walk the graph, or compare with every passage.")
@click.option("--check-answers", is_flag=True, help="Read the whole index: count answers that stand nowhere.")
@click.option("--per-question", type=_FILE, help="Write a line for each question.")
@click.option("--run", "run_path", type=_FILE, help="Write the first mode's run.")
@click.option("--run-format", default="trec", show_default=True, type=click.Choice(RUN_FORMATS))
@click.option(
    "--read",
    type=click.IntRange(1),
    help="Let a reader read so many of the first mode's passages; measure exact match and F1.",
)
@click.option("--reader", help="A reader's folder or id; HYBRID_READER by default, else the bundled one.")
@click.option("--diff", metavar="MODE,MODE", help="List the questions that only one of two modes answers.")
@click.option(
    "--diff-at", type=click.IntRange(1), default=_DIFF_AT, show_default=True, help="Among its first so many."
)
@json_option
def command(index: str, as_json: bool, **given: Any) -> None:
    r"""Measure how often the answer is among the first k passages, in all modes at once, with intervals and tests.

    Every question is asked once; modes, weights and rules of fusion rank what both sides found for it. In a pipe a
    line holds mode, metric, mean, low and high, and by how much the first mode is better, low, high and p, with tabs
    between.

    \b
    hybrid eval ./wiki --questions nq-dev.qa.csv
    hybrid eval os:wiki --questions beir/scifact --lambda 0.5,2 --fusion rrf,min-max --json
    hybrid eval ./wiki --questions dev.json --diff lexical,dense --diff-at 1 | less
    hybrid eval ./wiki --questions dev.json --against ours=today.trec --diff hybrid,ours
    hybrid eval ./wiki --questions dev.json --modes hybrid --read 20 --reader ./reader
    """
    read = [*list_files(given), *(locate_rival(one)[1] for one in given["against"])]
    asked, vectors = read_asked(given)
    run = None if given["run_path"] is None else Run(given["run_path"], given["run_format"])
    if run is not None:
        check_ids(asked.questions)
    check_places(given["run_path"], given["per_question"], read=read)
    reading = _open_reading(asked, given)
    rivals = [read_rival(one, asked.questions) for one in given["against"]]
    with open_index(index) as newest:
        # Refuses what cannot be before anything is encoded.
        rules, _ = _choose(newest, asked, vectors, rivals, given)
        encodes = any(rule.name != LEXICAL for rule in rules)
        with holding(newest, asked.questions, vectors, encodes=encodes) as (opened, rows):
            rules, judge = _choose(opened, asked, rows, rivals, given)
            findings = _evaluate(opened, asked, rows, rules, judge, run, reading, rivals, given)
            texts = Texts(opened)
            if as_json:
                depth = given["depth"] or opened.profile.depth
                print_json(
                    {"index": index, "lambda": opened.profile.lam, "depth": depth, **_to_json(findings, texts)}
                )
            else:
                _print(findings, texts)
    if given["per_question"] is not None:
        save(given["per_question"], write_questions(findings.tally.questions, findings.measured))


def _open_reading(asked: QuestionSet, given: Mapping[str, Any]) -> Reading | None:
    if given["read"] is None:
        if given["reader"] is not None:
            raise UsageError("--reader wants to know how many passages to read; say --read 20, for example.")
        return None
    check_answers(asked.questions)
    return Reading(open_reader(given["reader"] or read_settings().reader, bulk=True), given["read"])


def _choose(
    index: Index, asked: QuestionSet, vectors: Vectors | None, rivals: Sequence[Rival], given: Mapping[str, Any]
) -> tuple[list[Rule], Judge]:
    """Choose what ranks, and what tells what is right."""
    rules = _choose_rules(index, given)
    _check_names(rules, rivals, given)
    check_rules(index, rules, vectors)
    ranks, deepest = read_ranks("--k", given["ranks"]), given["diff_at"] if given["diff"] else 0
    return rules, choose_judge(asked, Texts(index), given["by"], ranks, deepest)


def _choose_rules(index: Index, given: Mapping[str, Any]) -> list[Rule]:
    lambdas = read_numbers("--lambda", given["lambdas"])
    rules = choose_rules(read_list(given["modes"]), lambdas, read_list(given["fusion"]), index.profile.lam)
    if not rules:
        raise UsageError("There is nothing to measure; say --modes, --lambda or --fusion.")
    return rules


def _check_names(rules: Sequence[Rule], rivals: Sequence[Rival], given: Mapping[str, Any]) -> None:
    """Refuse two of one name, and a difference between what is not measured."""
    names = [*(rule.name for rule in rules), *([TF_IDF] if given["tf_idf"] else []), *(one.name for one in rivals)]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"Two things to measure are called {name!r}; give the run another name: NAME=FILE.")
    for name in _read_diff(given["diff"]):
        if name == TF_IDF or name not in names:
            measured = ", ".join(one for one in names if one != TF_IDF)
            raise UsageError(f"--diff names {name!r}; measured are {measured}.")


def _read_diff(text: str | None) -> tuple[str, ...]:
    names = tuple(read_list(text))
    if text is not None and len(set(names)) != 2:
        raise UsageError("--diff wants two modes, such as lexical,dense.")
    return names


def _evaluate(
    index: Index,
    asked: QuestionSet,
    vectors: Vectors | None,
    rules: Sequence[Rule],
    judge: Judge,
    run: Run | None,
    reading: Reading | None,
    rivals: Sequence[Rival],
    given: Mapping[str, Any],
) -> Findings:
    texts = Texts(index)
    _say_depth(given["depth"] or index.profile.depth, judge)
    total = index.status().passages if rivals else 0
    judged = {rival.name: judge_rival(rival, judge, texts, total) for rival in rivals}
    _check_depths(judged, given)
    faults = check_asked(index, asked, texts, whole=given["check_answers"])
    baseline = _measure_baseline(index, asked, judge, given)
    first, diff = rules[0].name, _read_diff(given["diff"])
    with asking(index, len(asked.questions)) as progress:
        found = ask(index, asked.questions, vectors, depth=given["depth"], dense=given["dense"])
        kept = {first, *diff}.intersection(rule.name for rule in rules)
        heard = None if reading is None else reading.add
        tally = count_all(
            index, found, rules, judge, kept=kept, run=run, on_rankings=heard, on_progress=progress.update
        )
    measured = tally.measured()
    if reading is not None:
        measured[first] |= reading.measured()
    measured |= baseline
    measured |= {name: dict(one.values) for name, one in judged.items()}
    places = tally.places | {name: one.places for name, one in judged.items()}
    return Findings(
        evaluation=summarise(measured, pairs=[(first, name) for name in measured if name != first]),
        tally=tally,
        measured=measured,
        judge=judge,
        overlap=overlap_of(asked.questions, tally.places[first], texts),
        latency=time_stages(index, asked.questions, vectors, [mode for mode in get_args(Mode) if mode in measured]),
        faults=[*faults, *late_fault(tally), *(fault for one in judged.values() for fault in one.faults)],
        won=_find_won(tally.questions, places, diff, given["diff_at"]),
    )


def _say_depth(depth: int, judge: Judge) -> None:
    """Tell where metrics look further down than each side goes."""
    if depth < judge.reach:
        say(
            f"each side is asked for its best {depth}: what lexical or dense alone has below counts as not found; "
            f"--depth {judge.reach} asks for more"
        )


def _check_depths(judged: Mapping[str, Judged], given: Mapping[str, Any]) -> None:
    """Refuse a difference at a rank that a run does not reach."""
    for name in set(_read_diff(given["diff"])) & judged.keys():
        if judged[name].depth < given["diff_at"]:
            raise UsageError(
                f"{name} ranks at most {judged[name].depth} passages for a question; say --diff-at of no more."
            )


def _measure_baseline(
    index: Index, asked: QuestionSet, judge: Judge, given: Mapping[str, Any]
) -> dict[str, dict[str, Values]]:
    if not given["tf_idf"]:
        return {}
    with asking(index, len(asked.questions)) as progress:
        return {TF_IDF: measure_tf_idf(index, asked.questions, judge, given["depth"], progress.update)}


def _find_won(
    questions: Sequence[Question], places: Mapping[str, Sequence[Places]], diff: Sequence[str], at: int
) -> list[Won]:
    if not diff:
        return []
    first, second = diff
    return find_won(questions, (first, second), (places[first], places[second]), at)


def _to_json(findings: Findings, texts: Texts) -> dict[str, Any]:
    return {
        **findings.evaluation.to_json(),
        "by": findings.judge.by,
        "documents": findings.judge.documents,
        "overlap": dataclasses.asdict(findings.overlap),
        "latency_ms": {stage: dataclasses.asdict(one) for stage, one in findings.latency.items()},
        "faults": [dataclasses.asdict(fault) for fault in findings.faults],
        "questions_cut": findings.tally.cut,
        "diff": [won.to_json(texts) for won in findings.won],
    }


def _print(findings: Findings, texts: Texts) -> None:
    say_faults(findings.faults)
    if findings.tally.cut:
        say(f"{findings.tally.cut} questions are long: only their beginning went to BM25")
    print_figures(findings.evaluation)
    overlap = findings.overlap
    say(
        f"{findings.evaluation.questions} questions; of a question's words {overlap.mean:.0%} stand in the passage "
        f"that is right, all of them for {overlap.whole:.0%} of {overlap.questions}"
    )
    for stage, one in findings.latency.items():
        say(f"{stage}: {one.p50:.1f} ms, {one.p95:.1f} ms for the slowest twentieth")
    for won in findings.won:
        _print_won(won, texts)


def _print_won(won: Won, texts: Texts) -> None:
    told = won.to_json(texts)
    beaten = "not found" if won.loser_rank is None else f"rank {won.loser_rank}"
    click.echo(
        f"\n{won.question.id}\t{flatten(won.question.text)}\t{flatten('; '.join(won.question.answers))}".rstrip()
    )
    click.echo(f"  {won.winner} {won.rank}: {_describe(told['right'])}")
    click.echo(f"  {won.loser} {beaten}; first is: {_describe(told['instead'])}")


def _describe(passage: Mapping[str, str] | None) -> str:
    if passage is None:
        return "nothing"
    text = f"{passage['title']}: {passage['text']}" if passage["title"] else passage["text"]
    return f"[{passage['id']}] {shorten(text, _TEXT_COLUMNS)}"
