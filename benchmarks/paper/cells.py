"""Figures of the paper with its own data: a ``Cell`` knows which files one of them wants and how it is measured.

An index of the 21 million passages is made once for each encoder, in ``indexes/`` beside the data, and used again; a
run that was stopped goes on.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.paper import originals
from benchmarks.paper.budgets import PAPER
from benchmarks.paper.figures import Run
from benchmarks.paper.originals import File, locate
from benchmarks.paper.published import load_tables
from benchmarks.paper.recipes import RECIPES, Recipe
from hybrid.cli.main import run
from hybrid.encoders.training.loop import Training
from hybrid.encoders.training.plan import BATCH
from hybrid.errors import HybridError
from hybrid.evaluation.asking import ask
from hybrid.evaluation.evaluating import count_all, encode_all
from hybrid.evaluation.measuring import Judge
from hybrid.evaluation.reading import Reading
from hybrid.evaluation.rules import DENSE, HYBRID, LEXICAL, choose_rules
from hybrid.evaluation.sources import read_questions
from hybrid.fusion import PAPER_LAMBDA
from hybrid.index import open_index
from hybrid.reader.reader import open_reader
from hybrid.training.dpr_json import Context, Row, read_rows
from hybrid.training.states import name_states

#: Passages that the paper's reader reads (§6.2).
_READ = 50
#: Which way of searching a row's name ends in.
_MODES = {"bm25": LEXICAL, "dense": DENSE, "hybrid": HYBRID}
_DEPTHS = (1, 5, 20, 100)
#: What the name of a whole index's mark ends in.
_DONE = ".done"
#: BM25 last, as it may use the index of any encoder.
_WAYS = ("multi-dense", "multi-hybrid", "single-dense", "single-hybrid", "bm25")


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure, or several of one row."""

    table: str
    row: str
    #: The set of questions; blank where the row has but one.
    set: str
    files: tuple[File, ...]
    measure: Callable[[Path], Run]

    @property
    def name(self) -> str:
        """What its result is kept under."""
        return "-".join(filter(None, ("original", self.table, self.row, self.set)))


def list_cells(table: str, device: str | None = None) -> list[Cell]:
    """Give what can be measured of a table with the paper's data."""
    listed: dict[str, Callable[[], Iterator[Cell]]] = {
        "1": _list_counts,
        "2": _list_retrieval,
        "4": _list_answers,
        "cross": _list_foreign,
    }
    if table in listed:
        return list(listed[table]())
    return list(_list_trainings(table, device)) if table in ("3", "5", "6") else []


def _list_counts() -> Iterator[Cell]:
    for name in originals.SETS:
        files = {
            "train": originals.questions(name, "train"),
            "used": originals.training(name),
            "dev": originals.questions(name, "dev"),
            "test": originals.questions(name, "test"),
        }
        yield Cell("1", name, "", tuple(files.values()), partial(_count, name, files))


def _count(name: str, files: dict[str, File], folder: Path) -> Run:
    counts = {}
    for column, file in files.items():
        path = locate(folder, file)
        if column == "used":
            counts[column] = sum(bool(row.positives) for row in read_rows(path))
        else:
            counts[column] = len(read_questions(path, format="dpr").questions)
    return Run(table="1", row=name, values={column: [count] for column, count in counts.items()})


def _list_retrieval() -> Iterator[Cell]:
    for name in originals.SETS:
        for row in _WAYS:
            yield _search("2", row, name, None if row == "bm25" else _tower(row, name))


def _list_foreign() -> Iterator[Cell]:
    for name in ("wq", "trec"):
        yield _search("cross", "foreign", name, "nq", mode=DENSE)
        yield _search("cross", "own", name, "multi", mode=DENSE)
        yield _search("cross", "bm25", name, None)


def _search(table: str, row: str, name: str, tower: str | None, mode: str | None = None) -> Cell:
    encoder = () if tower is None else (originals.encoder(tower),)
    asked = originals.questions(name, "test")
    files = (originals.PASSAGES, asked, *encoder)
    chosen = mode or _MODES[row.rpartition("-")[2]]
    return Cell(table, row, name, files, partial(_measure, table, row, name, asked, encoder, chosen, None))


def _list_answers() -> Iterator[Cell]:
    for name in originals.SETS:
        for row in _WAYS:
            yield _read("4", row, name, None if row == "bm25" else _tower(row, name), _READ)
    yield _read("4", "single-dense-10", "nq", "nq", 10, mode=DENSE)


def _read(table: str, row: str, name: str, tower: str | None, passages: int, mode: str | None = None) -> Cell:
    encoder = () if tower is None else (originals.encoder(tower),)
    asked, reader = originals.questions(name, "test"), originals.reader(name)
    chosen = mode or _MODES[row.rpartition("-")[2]]
    work = partial(_measure, table, row, name, asked, encoder, chosen, (reader, passages))
    return Cell(table, row, name, (originals.PASSAGES, asked, reader, *encoder), work)


def _tower(row: str, name: str) -> str:
    return "multi" if row.startswith("multi") else name


def _list_trainings(table: str, device: str | None) -> Iterator[Cell]:
    asked = originals.questions("nq", "dev")
    for row in load_tables()[table].rows:
        recipe = RECIPES[table][row.id]
        if table != "3":
            # Appendices A and B vary the paper's best row.
            recipe = replace(recipe, batch=BATCH)
        data = originals.DISTANT if recipe.distant else originals.training("nq")
        files = (originals.PASSAGES, asked, data, originals.BERT)
        yield Cell(table, row.id, "", files, partial(_train, table, row.id, recipe, data, asked, device))


def _train(table: str, row: str, recipe: Recipe, data: File, asked: File, device: str | None, folder: Path) -> Run:
    """Train as the paper did, index all passages, and ask NQ's development questions."""
    target = folder / "trained" / f"{table}-{row}"
    if not is_trained(target):
        rows = choose_negatives(list(read_rows(locate(folder, data))), recipe)
        plan = recipe.make_plan(PAPER, seed=0)
        Training(target, str(locate(folder, originals.BERT)), plan, rows, None, device).run(lambda _: None)
    made = (File((str(target.relative_to(folder)),), "trained just now"),)
    return _measure(table, row, "nq-dev", asked, made, DENSE, None, folder)


def is_trained(target: Path) -> bool:
    """Tell whether a training is over: an encoder stands there after every epoch, but beside states to go on from."""
    return target.is_dir() and not name_states(target).exists()


def choose_negatives(rows: Sequence[Row], recipe: Recipe) -> list[Row]:
    """Give the rows of a file with those negatives of their own that a recipe wants."""
    gold = [row.positives[0] for row in rows if row.positives]
    chosen = []
    for place, row in enumerate(rows):
        others: dict[str | None, Sequence[Context]] = {
            None: (),
            "random": row.negatives,
            # Far apart in the file, so that questions on one page seldom meet.
            "gold": [gold[(place + 1 + step * 997) % len(gold)] for step in range(recipe.own)] if gold else (),
        }
        chosen.append(
            replace(row, hard_negatives=row.hard_negatives[: recipe.hard], negatives=tuple(others[recipe.kind]))
        )
    return chosen


def _measure(
    table: str,
    row: str,
    name: str,
    asked: File,
    encoder: Sequence[File],
    mode: str,
    read: tuple[File, int] | None,
    folder: Path,
) -> Run:
    """Ask a set's questions in one mode, at the paper's lambda, and count answers among the first passages."""
    questions = read_questions(locate(folder, asked), format="dpr", patterns=name == "trec").questions
    reading = None
    if read is not None:
        reading = Reading(open_reader(str(locate(folder, read[0])), bulk=True), read[1])
    address = _index(folder, locate(folder, encoder[0]) if encoder else None)
    with open_index(str(address)) as index:
        vectors = encode_all(index, questions, lambda _: None) if mode != LEXICAL else None
        rules = choose_rules([mode], (), (), PAPER_LAMBDA)
        judge = Judge("answers", depths=_DEPTHS)
        heard = None if reading is None else reading.add
        tally = count_all(index, ask(index, questions, vectors), rules, judge, on_rankings=heard)
    measured = tally.measured()[mode] if reading is None else reading.measured()
    return Run(
        table=table,
        row=row,
        values={f"{name}/{metric}": (100 * values).tolist() for metric, values in measured.items()},
    )


def _index(folder: Path, encoder: Path | None) -> Path:
    """Give the index of the passages with an encoder's vectors, made or finished if need be; any of them for BM25."""
    indexes = folder / "indexes"
    made = sorted(indexes.glob(f"*{_DONE}"))
    if encoder is None and made:
        return made[0].with_suffix("")
    address = indexes / ("text" if encoder is None else encoder.name)
    done = indexes / f"{address.name}{_DONE}"
    if not done.exists():
        indexes.mkdir(exist_ok=True)
        how = ["--no-vectors"] if encoder is None else ["--encoder", str(encoder)]
        with redirect_stdout(sys.stderr):
            code = run(["ingest", str(address), str(locate(folder, originals.PASSAGES)), *how])
        if code:
            raise HybridError(f"{address} is not whole; the same command again goes on.")
        done.touch()
    return address
