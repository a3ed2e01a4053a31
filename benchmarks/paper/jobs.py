"""The work behind each table at the reduced scale: a ``Job`` a run, done once and kept."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from benchmarks.paper import reading, retrieval, runtime
from benchmarks.paper.budgets import Budget
from benchmarks.paper.figures import Run
from benchmarks.paper.recipes import RECIPES, Recipe, find_recipes
from benchmarks.paper.results import Results
from benchmarks.paper.sets import load_set
from benchmarks.paper.training import run_recipe

#: Tables that are not the paper's own.
EXTRA = {
    "3-own": "Table 3 with 31 and 127 negatives of a question's own, which the paper does not show",
    "half": "Training on one half of the sentences, tested on all questions about the other half",
    "words": "What dense retrieval gains over BM25, by the words that question and passage share",
}
#: Where BM25 is a row beside what is trained.
_WITH_BM25 = {"figure1": ("sentences",), "cross": ("sentences", "policyqa", "vaswani"), "half": ("sentences",)}

Work = Callable[[], Iterable[Run]]


@dataclass(frozen=True, slots=True)
class Job:
    """Something to run; ``row`` is blank where one piece of work gives several rows, which name themselves."""

    table: str
    row: str
    #: The file that keeps it; rows of two tables may share one.
    name: str
    work: Work

    def label(self, runs: Iterable[Run]) -> list[Run]:
        """Give the runs under the table and row that they were wanted for."""
        if not self.row:
            return list(runs)
        return [dataclasses.replace(run, table=self.table, row=self.row) for run in runs]


def list_jobs(table: str, budget: Budget, device: str | None = None) -> list[Job]:
    """Give what there is to run for a table."""
    if table in ("2", "words"):
        name = f"2-{budget.asked}"
        return [Job(table, "", name, partial(retrieval.measure_sets, budget.asked))]
    if table == "4":
        return [Job(table, "", f"4-{budget.read}", partial(reading.measure_answers, budget.read))]
    if table == "5.4":
        name = f"5.4-{budget.timed}-{budget.sample}"
        return [Job(table, "", name, partial(runtime.measure_speed, budget.timed, budget.sample))]
    if table == "1":
        return [Job(table, "", "1", _count_questions)]
    jobs = list(_list_bm25(table, budget))
    for row, recipe in find_recipes(table, budget).items():
        jobs += _list_seeds(table, row, recipe, budget, device)
    return jobs


def list_tables() -> list[str]:
    """Name all tables that something is run for."""
    return ["1", "2", "4", "5.4", "figure1", *RECIPES, "words"]


def collect(jobs: Iterable[Job], results: Results) -> list[Run]:
    """Give the finished runs of some jobs."""
    return [run for job in jobs for run in job.label(results.find(job.name) or ())]


def _list_seeds(table: str, row: str, recipe: Recipe, budget: Budget, device: str | None) -> Iterator[Job]:
    """Give a job for each seed; what takes no chances has one."""
    seeds = budget.seeds if recipe.trained or recipe.start == "cut" else 1
    for seed in range(seeds):
        name = f"{recipe.digest(budget)}-{seed}"
        yield Job(table, row, name, partial(_run_one, recipe, budget, seed, device))


def _list_bm25(table: str, budget: Budget) -> Iterator[Job]:
    count = None if table == "half" else budget.tested
    for name in _WITH_BM25.get(table, ()):
        yield Job(table, "bm25", f"bm25-{name}-{count}", partial(_rank_by_bm25, name, count))


def _run_one(recipe: Recipe, budget: Budget, seed: int, device: str | None) -> list[Run]:
    return [run_recipe(recipe, budget, seed, device)]


def _rank_by_bm25(name: str, count: int | None) -> list[Run]:
    return [Run(table="", row="bm25", ranks={name: retrieval.rank_by_bm25(load_set(name), count)})]


def _count_questions() -> Iterator[Run]:
    for name in ("sentences", "policyqa", "vaswani", "answered"):
        one = load_set(name)
        counts = {"train": len(one.train), "test": len(one.test), "passages": len(one.passages)}
        yield Run(table="1", row=name, values={column: [count] for column, count in counts.items()})
