"""Tables for a terminal and as JSON: what others published, what the paper's own data gave, and the reduced scale."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.paper.checks import describe
from benchmarks.paper.claims import judge_all
from benchmarks.paper.figures import MissingError, Ours
from benchmarks.paper.jobs import EXTRA
from benchmarks.paper.published import PAPER, Row, Table, load_tables
from benchmarks.paper.recipes import AS_IT_IS
from hybrid.evaluation.bootstrap import Interval

#: Points that a figure may lie below the paper's: other hardware, other rounding, other versions of libraries.
TOLERANCE = 0.5
#: Rows of which the difference is what counts.
_GAINS = {"half": (("minilm, trained", "minilm"), ("cut, trained", "cut"))}
#: Tables of counts, which are right or wrong.
_COUNTED = ("1",)
#: Tables of seconds, which say nothing of right or wrong on another machine.
_TIMED = ("5.4",)


def title(table: str) -> str:
    """Give what a table is about."""
    known = load_tables().get(table)
    if known is None:
        return f"{table}: {EXTRA[table]}"
    return f"{table}: {known.title} ({known.where})"


def judge(table: str, ours: float, paper: float) -> str:
    """Say whether a figure of ours, on the paper's data, is the paper's."""
    if table in _TIMED:
        return "measured"
    if table in _COUNTED:
        return "pass" if ours == paper else "fail"
    return "pass" if ours >= paper - TOLERANCE else "fail"


def describe_table(table: str, original: Ours, reduced: Ours) -> Iterator[str]:
    """Give the lines of a table."""
    yield title(table)
    published = load_tables().get(table)
    if published is not None:
        yield from _describe_published(published, original)
    if reduced.rows(table):
        yield "  reduced scale: means with 95 % intervals over questions and seeds, and the lowest and highest seed"
        yield from _align(_list_reduced(table, reduced))
        for gain, better, worse, column in list_gains(table, reduced):
            yield f"  {better} over {worse}: {column} {describe(gain)}"


def table_to_json(table: str, original: Ours, reduced: Ours) -> dict[str, Any]:
    """Give a table as plain values."""
    published = load_tables().get(table)
    rows = published.rows if published else ()
    return {
        "table": table,
        "title": title(table),
        "published": [
            {"row": row.id, "label": row.label, "not_run": row.not_run, "figures": row.figures} for row in rows
        ],
        "original": _to_json(table, original),
        "reduced": _to_json(table, reduced),
        "gains": [
            {"row": better, "over": worse, "column": column, "mean": gain.mean, "interval": [gain.low, gain.high]}
            for gain, better, worse, column in list_gains(table, reduced)
        ],
    }


def list_gains(table: str, reduced: Ours) -> Iterator[tuple[Interval, str, str, str]]:
    """Give by how much training makes it better, question by question, where that is what a table is about."""
    for better, worse in _GAINS.get(table, ()):
        for column in reduced.columns(table, worse):
            if column in reduced.columns(table, better):
                yield reduced.difference(table, better, worse, column), better, worse, column


def describe_claims(reduced: Ours) -> Iterator[str]:
    """Give a line for each claim of the paper, and what shows it."""
    for claim, verdict, shown in judge_all(reduced.without(AS_IT_IS)):
        yield f"{verdict:17} {claim.text} ({claim.where})"
        yield f"{'':17} {shown}"


def claims_to_json(reduced: Ours) -> list[dict[str, str]]:
    """Give the claims as plain values."""
    return [
        {"claim": claim.id, "where": claim.where, "text": claim.text, "verdict": verdict, "shown": shown}
        for claim, verdict, shown in judge_all(reduced.without(AS_IT_IS))
    ]


def _describe_published(table: Table, original: Ours) -> Iterator[str]:
    lines = [["", "column", "paper", "replicated", "ours", ""]]
    for row in table.rows:
        published = [column for figures in row.figures.values() for column in figures]
        columns = list(dict.fromkeys([*published, *original.columns(table.id, row.id)]))
        for column in columns:
            lines.append([row.label, column, *_beside(table.id, row, column, original)])
        if not columns:
            lines.append([row.label, "", "not recorded here", "", "", ""])
    yield from _align(lines)


def _beside(table: str, row: Row, column: str, original: Ours) -> list[str]:
    """Give one figure of the paper's, of who replicated it, ours with the paper's data, and what that amounts to."""
    paper = row.figures[PAPER].get(column)
    others = [figures[column] for source, figures in row.figures.items() if source != PAPER and column in figures]
    told = ["-" if paper is None else f"{paper:g}", f"{others[0]:g}" if others else "-"]
    if row.not_run:
        return [*told, "-", "not run"]
    try:
        ours = original.figure(table, row.id, column).mean
    except MissingError:
        return [*told, "-", ""]
    return [*told, f"{ours:.1f}", "" if paper is None else judge(table, ours, paper)]


def _list_reduced(table: str, reduced: Ours) -> list[list[str]]:
    """Give a line for each row and set, and a cell for each metric."""
    rows = reduced.rows(table)
    columns = list(dict.fromkeys(column for row in rows for column in reduced.columns(table, row)))
    sets = dict.fromkeys(column.rpartition("/")[0] for column in columns)
    metrics = list(dict.fromkeys(column.rpartition("/")[2] for column in columns))
    lines = [["", "", *metrics]]
    for name in sets:
        for row in rows:
            named = [f"{name}/{metric}".lstrip("/") for metric in metrics]
            cells = [_cell(table, row, one, reduced) if one in reduced.columns(table, row) else "" for one in named]
            if any(cells):
                lines.append([row, name, *cells])
    return lines


def _cell(table: str, row: str, column: str, reduced: Ours) -> str:
    seeds = reduced.seeds(table, row, column)
    told = _tell(reduced.figure(table, row, column))
    return f"{told} ({min(seeds):.1f} to {max(seeds):.1f})" if len(seeds) > 1 else told


def _tell(figure: Interval) -> str:
    """Write a figure with its interval, if it has one."""
    if figure.low == figure.high:
        return f"{figure.mean:.1f}" if figure.mean != int(figure.mean) else f"{figure.mean:.0f}"
    return f"{figure.mean:.1f} [{figure.low:.1f}, {figure.high:.1f}]"


def _to_json(table: str, ours: Ours) -> dict[str, dict[str, Mapping[str, Any]]]:
    return {
        row: {
            column: {
                "mean": (found := ours.figure(table, row, column)).mean,
                "interval": [found.low, found.high],
                "seeds": ours.seeds(table, row, column),
            }
            for column in ours.columns(table, row)
        }
        for row in ours.rows(table)
    }


def _align(lines: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    for line in lines:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
