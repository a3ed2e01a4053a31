"""``hybrid ask INDEX QUESTION``."""

import dataclasses
from typing import Any

import click

from ..errors import UsageError
from ..index import open_index
from ..reader.answers import ANSWERS, Answer, AskResult, to_json
from ..reader.asking import DEADLINE, AskOptions
from .nothing import explain_nothing
from .options import ask_options, index_argument, is_cluster_address, json_option, read_search_options
from .output import on_terminal, plain, print_json, print_rows, say
from .ranges import check_ranges

#: Columns of a line in a pipe.
HEADER = ("confidence", "score", "passage", "start", "end", "answer")
#: An answer is listed after the first with this share of the first one's confidence at least. Of 150 XQuAD questions
#: 21 have their right answer behind the first; 19 of those are listed, among 1.9 of the four that stand there.
LISTED = 0.2

_READING = ("answers", "rule", "beta", "gamma", "longest", "threshold", "least_score", "reader", "deadline")


@click.command("ask")
@index_argument
@click.argument("question")
@ask_options
@click.option("--answers", default=ANSWERS, show_default=True, type=click.IntRange(1), help="Answers to give.")
@click.option("--reader", help="A reader's folder or id, or 'sentences', to be used here; HYBRID_READER by default.")
@click.option(
    "--here/--worker",
    default=None,
    help="Read here, or on a reader worker; by default a folder is read here, a cluster by a worker if "
    "HYBRID_REDIS_URL names a broker.",
)
@click.option(
    "--deadline",
    default=DEADLINE,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Seconds to wait for a worker.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="Leave out answers with less confidence. By default lists leave out, after the first, those with less than "
    "a fifth of its confidence; 0 lists all, as --json does.",
)
@click.option("--least-score", type=float, help="Leave out answers with a lower score.")
@click.option(
    "--rule", type=click.Choice(["passage", "sum"]), help="Best span of the best passage, or the sum of all."
)
@click.option("--beta", type=float, help="Weight of a passage's relevance; the reader's own by default.")
@click.option("--gamma", type=float, help="Weight of its score in the search; the reader's own by default.")
@click.option("--longest", type=click.IntRange(1), help="Tokens of the longest answer; the reader's own by default.")
@json_option
def command(index: str, question: str, as_json: bool, here: bool | None, **given: Any) -> None:
    r"""Answer QUESTION from the passages that a search finds.

    Without --reader or HYBRID_READER the small reader that is bundled answers. No good answer is no error.

    \b
    hybrid ask ./wiki "who wrote it?" --reader ./reader
    hybrid ask os:wiki "who wrote it?" -k 50 --json
    """
    options: AskOptions = {
        **read_search_options(given),
        **{name: given[name] for name in _READING},  # type: ignore[typeddict-item]
        "here": here,
    }
    if is_cluster_address(question) and not is_cluster_address(index):
        raise UsageError(f"The index comes before the question: hybrid ask {question} {index!r}")
    with open_index(index) as opened:
        check_ranges(opened, index, given["where"])
        result = opened.ask(question, **options)
        nothing = "" if result.hits else explain_nothing(opened, index, options["filter"])
    if as_json:
        print_json(to_json(result))
        return
    if result.found.question_cut:
        say("The question is long: only its beginning went to BM25.")
    listed = result if options["threshold"] is not None else leave_out_unlikely(result)
    if not listed.answers:
        say(nothing or "No answer is good enough.")
    elif on_terminal():
        _show(listed)
    else:
        print_rows(HEADER, map(_to_row, listed.answers))
    if left_out := len(result.answers) - len(listed.answers):
        say(f"Less likely answers left out: {left_out}; --threshold 0 lists them.")


def leave_out_unlikely(result: AskResult) -> AskResult:
    """Keep the answers that compare with the first in confidence; all of a reader that was never calibrated."""
    if not result.answers or result.answers[0].confidence is None:
        return result
    least = LISTED * result.answers[0].confidence
    kept = [one for place, one in enumerate(result.answers) if not place or (one.confidence or 0.0) >= least]
    return dataclasses.replace(result, answers=kept)


def _show(result: AskResult) -> None:
    """Draw the answers for a person."""
    from rich.console import Console

    from .answers import render_answers

    console = Console()
    console.print(render_answers(result, console.width))
    console.print(
        f"{len(result.hits)} passages read by {plain(result.reader)} in {result.took_ms:.0f} ms",
        style="dim",
        highlight=False,
        markup=False,
    )


def _to_row(answer: Answer) -> tuple[str, ...]:
    sure = "-" if answer.confidence is None else f"{answer.confidence:.4f}"
    return (sure, f"{answer.score:.4f}", answer.passage_id, str(answer.start), str(answer.end), answer.text)
