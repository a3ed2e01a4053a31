"""``hybrid mine INDEX --questions FILE --out FILE``."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import click
import orjson
from click.core import ParameterSource

from ..errors import UsageError
from ..evaluation.runs import check_places, save
from ..evaluation.validate import find_faults
from ..index import open_index
from ..mining import Plan, Report, Wanted, bring, mine
from ..mining.lines import name_kept
from ..mining.plan import DISTANT_DEPTH, SEARCHED, Kind, Positives, Query
from ..passages import Dense
from .asked import draw_asked, list_files, question_options, read_list, say_unfinished
from .options import index_argument, json_option
from .output import print_json, print_rows, say
from .progress import Progress

_FILE = click.Path(dir_okay=False, path_type=Path)
_KINDS = ", ".join(get_args(Kind))


@click.command("mine")
@index_argument
@question_options()
@click.option("--out", required=True, type=_FILE, help="The examples to write, in DPR's JSON: .json or .jsonl.")
@click.option(
    "--positives",
    type=click.Choice(get_args(Positives)),
    help="The passages that the questions bring, or what holds an answer among the first of BM25; "
    "gold by default where questions bring passages.",
)
@click.option("--all-positives", is_flag=True, help="Write all that are found, not the first only.")
@click.option(
    "--distant-depth",
    default=DISTANT_DEPTH,
    show_default=True,
    type=click.IntRange(1),
    help="Hits among which distant positives are looked for.",
)
@click.option(
    "--query",
    default="question+answer",
    show_default=True,
    type=click.Choice(get_args(Query)),
    help="What BM25 is asked for distant positives.",
)
@click.option("--exact", is_flag=True, help="Positives hold the answer letter by letter, in the same case.")
@click.option("--words", metavar="MIN:MAX", help="Take passages of so many words only, such as 20:200 or 20:.")
@click.option(
    "--overlap",
    default=0.5,
    show_default=True,
    help="How much a passage has in common with the text that a question brings, to be the same.",
)
@click.option(
    "--negatives",
    metavar="KIND=N,…",
    default="bm25=10",
    show_default=True,
    help=f"Kinds: {_KINDS}. The first three are hard; gold are positives of other questions.",
)
@click.option("--window", metavar="FIRST:LAST", default="1:100", show_default=True, help="Ranks of hard negatives.")
@click.option(
    "--margin", type=float, help="Leave out hard negatives with a sim above so much of the positive's: 0.95."
)
@click.option("--other-documents", is_flag=True, help="Leave out negatives from a document of a positive.")
@click.option("--dense", type=click.Choice(get_args(Dense)), help="Walk the graph, or compare with every passage.")
@click.option("--dataset", metavar="NAME", help="What the examples are called; the questions' file by default.")
@click.option("--report", "report_path", type=_FILE, help="Write as JSON what was kept, left out, and why.")
@json_option
def command(index: str, out: Path, as_json: bool, **given: Any) -> None:
    r"""Make examples to train an encoder on, from questions whose answers or passages are known.

    A question without a positive is dropped. No negative holds an answer, reads like a positive, or is judged to be
    right. What is left out is counted by reason. The same command again goes on where it was stopped.

    \b
    hybrid mine ./wiki --questions squad.json --out train.json
    hybrid mine ./wiki --questions trivia.qa.csv --positives distant --negatives bm25=5,random=2 --out train.json
    hybrid mine ./wiki --questions beir/scifact --split train --negatives dense=10 --margin 0.95 --out train.json
    """
    source, judged, seed = Path(given["questions"]), given["qrels"] is not None, given["seed"]
    check_places(out, name_kept(out), given["report_path"], read=list_files(given))
    asked, rows, drawn = draw_asked(given)
    brought = bring(asked, source, judged=judged)
    wanted = [brought[place] for place in drawn]
    faults = find_faults(dataclasses.replace(asked, questions=tuple(one.question for one in wanted)))
    plan = _read_plan(given, wanted, seed)
    _refuse_options(plan, patterns=wanted[0].question.answers_are_patterns)
    with open_index(index) as newest, newest.hold() as opened:
        say_unfinished(opened)
        with Progress("mining", len(wanted)) as progress:
            report = mine(
                opened,
                index,
                wanted,
                None if rows is None else rows[drawn],
                plan,
                out,
                dataset=given["dataset"] or source.stem,
                faults=faults,
                on_progress=_Telling(progress),
            )
    if given["report_path"] is not None:
        save(given["report_path"], [orjson.dumps(report.to_json(), option=orjson.OPT_INDENT_2) + b"\n"])
    _print(report, out, as_json)


class _Telling:
    """Shows one step after the other."""

    def __init__(self, progress: Progress):
        self._progress = progress
        self._step = ""

    def __call__(self, step: str, done: int, total: int) -> None:
        """Show how many are done of a step."""
        if step != self._step:
            self._step = step
            self._progress.begin(step, done, total)
        self._progress.update(done)


def _read_plan(given: dict[str, Any], wanted: Sequence[Wanted], seed: int) -> Plan:
    brings = any(one.golds for one in wanted)
    return Plan(
        positives=given["positives"] or ("gold" if brings else "distant"),
        all_positives=given["all_positives"],
        distant_depth=given["distant_depth"],
        query=given["query"],
        exact=given["exact"],
        words=_read_words(given["words"]),
        overlap=given["overlap"],
        negatives=_read_negatives(given["negatives"]),
        window=_read_window(given["window"]),
        margin=given["margin"],
        other_documents=given["other_documents"],
        dense=given["dense"],
        seed=seed,
    )


def _refuse_options(plan: Plan, *, patterns: bool) -> None:
    """Refuse options that would do nothing."""
    context, distant = click.get_current_context(), plan.positives == "distant"
    hard = any(kind in SEARCHED for kind in plan.negatives)
    near = any(SEARCHED.get(kind, "lexical") != "lexical" for kind in plan.negatives)
    for name, counts, needs in (
        ("distant_depth", distant, "distant positives"),
        ("query", distant, "distant positives"),
        ("overlap", not distant, "gold positives"),
        ("exact", not patterns, "answers that are no patterns"),
        ("window", hard, "hard negatives"),
        ("margin", hard, "hard negatives"),
        ("dense", near, "dense or hybrid negatives"),
    ):
        if not counts and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise UsageError(f"--{name.replace('_', '-')} is for {needs}; leave it out.")


def _read_negatives(text: str) -> dict[Kind, int]:
    counts: dict[Kind, int] = {}
    for one in read_list(text):
        name, _, count = one.partition("=")
        kind = next((kind for kind in get_args(Kind) if kind == name), None)
        if kind is None or kind in counts or not count.isdecimal():
            raise UsageError(
                f"--negatives {text!r}: say each kind once, such as bm25=5,random=2; kinds are {_KINDS}."
            )
        counts[kind] = int(count)
    return counts


def _read_window(text: str) -> tuple[int, int]:
    first, _, last = text.partition(":")
    if not first.isdecimal() or not last.isdecimal():
        raise UsageError(f"--window {text!r}: say the first and the last rank, such as 1:100.")
    return int(first), int(last)


def _read_words(text: str | None) -> tuple[int, int | None]:
    least, colon, most = (text or "0:").partition(":")
    if not colon or not (least or "0").isdecimal() or not (most or "0").isdecimal():
        raise UsageError(f"--words {text!r}: say the fewest and the most, such as 20:200, 20: or :200.")
    return int(least or 0), int(most) if most else None


def _print(report: Report, out: Path, as_json: bool) -> None:
    if report.resumed:
        say(f"{report.resumed} of {report.questions} questions had their positives already")
    if as_json:
        print_json(report.to_json())
        return
    rows = ((about, what, str(count), first) for about, what, count, first in report.rows())
    print_rows(("", "", "count", "first example"), rows)
    say(f"{report.kept} of {report.questions} questions are examples in {out}")
