"""The paper's tables, ours beside them: ``python -m benchmarks.paper --table 3``; without options it lists them.

With the paper's own data and models in a folder (``--paper FOLDER``) a row is measured as the paper measured it, and
passes or fails. Without, the files that are missing are named, and the reduced scale runs on the small sets that
``--data`` or ``HYBRID_TEST_DATA`` names. Every run that is finished is kept in ``--work`` and not repeated.
"""

import argparse
import dataclasses
import json
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.paper import report
from benchmarks.paper.budgets import BUDGETS, Budget
from benchmarks.paper.cells import Cell, list_cells
from benchmarks.paper.figures import Ours
from benchmarks.paper.jobs import Job, collect, list_jobs, list_tables
from benchmarks.paper.originals import list_missing
from benchmarks.paper.recipes import AS_IT_IS
from benchmarks.paper.results import Results
from tests import corpora

_BM25 = "bm25"
_WORK = Path.home() / ".cache" / "hybrid" / "paper"


def main() -> None:
    """Run what is asked for, and print it."""
    options = _parse_options()
    if options.data is not None:
        corpora.DATA = options.data
    results, budget = Results(options.work), BUDGETS[options.budget]
    tables = list_tables() if "all" in options.table else options.table
    if options.row:
        _check_rows(tables, options.row, budget)
    wanted = budget if options.seeds is None else dataclasses.replace(budget, seeds=options.seeds)
    for table in tables if not options.finished else ():
        if not run_cells(_choose_cells(table, options), options.paper, results):
            run_jobs(_choose_jobs(table, wanted, options), results)
    original, reduced = gather(list_tables(), results, budget)
    if options.json:
        shown = [report.table_to_json(table, original, reduced) for table in tables]
        print(json.dumps({"tables": shown, "claims": report.claims_to_json(reduced)}, indent=2))
        return
    if not tables and not options.claims:
        print(*(_list_table(table, results, budget) for table in list_tables()), sep="\n")
    for table in tables:
        print(*report.describe_table(table, original, reduced), "", sep="\n")
    if options.claims:
        print(*report.describe_claims(reduced), sep="\n")


def run_cells(cells: Sequence[Cell], folder: Path | None, results: Results) -> int:
    """Measure what the paper's data allow and say which files are missing; count the cells that can be measured."""
    absent = [line for cell in cells for line in list_missing(folder or Path("FOLDER"), cell.files)]
    if absent:
        _say("for the paper's own figures these are missing (--paper FOLDER):")
        _say(*(f"  {line}" for line in dict.fromkeys(absent)), sep="\n")
    if folder is None:
        return 0
    able = [cell for cell in cells if not list_missing(folder, cell.files)]
    for cell in able:
        if results.find(cell.name) is None:
            _say(f"{cell.name}, with the paper's data")
            results.keep(cell.name, [cell.measure(folder)])
    return len(able)


def run_jobs(jobs: Sequence[Job], results: Results) -> None:
    """Run at the reduced scale what is not finished yet."""
    if not corpora.DATA.is_dir():
        sys.exit(f"{corpora.DATA} is not there; name the folder of small sets with --data or HYBRID_TEST_DATA.")
    for number, job in enumerate(jobs, 1):
        if results.find(job.name) is None:
            _say(f"{job.table}, {job.row or 'all rows'} ({number} of {len(jobs)} runs)")
            started = time.monotonic()
            results.keep(job.name, list(job.work()))
            _say(f"  {time.monotonic() - started:.0f} s")


def gather(tables: Sequence[str], results: Results, budget: Budget) -> tuple[Ours, Ours]:
    """Give all that is finished: with the paper's data, and at the reduced scale."""
    cells = [run for table in tables for cell in list_cells(table) for run in results.find(cell.name) or ()]
    jobs = [job for table in tables for job in list_jobs(table, budget)]
    # What names its rows itself may stand behind several tables.
    wanted = {(job.name, job.row and job.table, job.row): job for job in jobs}
    return Ours(cells), Ours(collect(wanted.values(), results))


def _check_rows(tables: Sequence[str], rows: Sequence[str], budget: Budget) -> None:
    """Stop where a row is asked for that none of the tables has."""
    known = {job.row for table in tables for job in list_jobs(table, budget) if job.row}
    known |= {cell.row for table in tables for cell in list_cells(table)}
    unknown = [row for row in rows if row not in known]
    if unknown:
        sys.exit(f"No table that is asked for has the row {unknown[0]!r}; there are {shlex.join(sorted(known))}.")


def _choose_cells(table: str, options: argparse.Namespace) -> list[Cell]:
    return [cell for cell in list_cells(table, options.device) if not options.row or cell.row in options.row]


def _choose_jobs(table: str, budget: Budget, options: argparse.Namespace) -> list[Job]:
    jobs = list_jobs(table, budget, options.device)
    if options.row:
        return [job for job in jobs if not job.row or job.row in options.row]
    return [job for job in jobs if job.row == _BM25 or not job.row or job.row.endswith(AS_IT_IS) == options.as_it_is]


def _list_table(table: str, results: Results, budget: Budget) -> str:
    jobs = list_jobs(table, budget)
    done = sum(results.find(job.name) is not None for job in jobs)
    rows = shlex.join(dict.fromkeys(job.row for job in jobs if job.row and not job.row.endswith(AS_IT_IS)))
    return f"{report.title(table)}; {done} of {len(jobs)} runs finished" + (f"\n    rows: {rows}" if rows else "")


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The paper's tables, with our figures beside them.")
    parser.add_argument(
        "--table", action="append", default=[], choices=[*list_tables(), "all"], metavar="TABLE", help="repeatable"
    )
    parser.add_argument("--row", action="append", default=[], help="this row only; repeatable")
    parser.add_argument(
        "--as-it-is",
        action="store_true",
        help="begin with all-MiniLM as it is, which has learnt such questions before",
    )
    parser.add_argument("--seeds", type=int, metavar="N", help="so many seeds of a row; the budget's by default")
    parser.add_argument("--claims", action="store_true", help="what the paper claims, and which of it is seen here")
    parser.add_argument("--finished", action="store_true", help="run nothing, show what is finished")
    parser.add_argument("--paper", type=Path, metavar="FOLDER", help="the paper's own data and models")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="the small sets; HYBRID_TEST_DATA by default")
    parser.add_argument("--work", type=Path, default=_WORK, metavar="FOLDER", help="keeps finished runs")
    parser.add_argument("--budget", choices=BUDGETS, default="small", help="how much is trained")
    parser.add_argument("--device", help="cpu or cuda; the first GPU by default")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if options.as_it_is:
        options.row = [f"{row.removesuffix(AS_IT_IS)}{AS_IT_IS}" for row in options.row]
    return options


def _say(*lines: str, sep: str = " ") -> None:
    print(*lines, sep=sep, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
