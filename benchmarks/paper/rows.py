"""From a recipe to rows to learn from, mined as ``hybrid mine`` does.

Passages that a test question is about are not among them: the pool is what no test question asks for.
"""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.paper.recipes import Recipe
from benchmarks.paper.sets import Set
from benchmarks.paper.splits import spread
from hybrid import Passage, Profile, create_index, open_index
from hybrid.engines.contract import Index
from hybrid.evaluation.questions import Question
from hybrid.mining import Gold, Plan, Wanted, mine
from hybrid.mining.plan import Kind
from hybrid.settings import Settings
from hybrid.training.dpr_json import Row, read_rows

#: Random and gold negatives to draw from in every epoch, times those that a step takes.
_ROOM = 4
#: Ranks beyond those that are wanted, for passages that hold the answer.
_SPARE = 100
#: An index without vectors still names an encoder.
_NO_VECTORS = Profile(pair_id="none", fingerprint="00000000", dimension=1)


def make_rows(recipe: Recipe, asked: Set, count: int | None, seed: int) -> list[Row]:
    """Give the rows of one set; ``count`` questions of its training half, evenly spread."""
    wanted = [_want(asked, place) for place in spread(asked.train, count).tolist()]
    tested = {asked.gold(place) for place in asked.test.tolist()}
    pool = [place for place in range(len(asked.passages)) if place not in tested]
    with open_pool(asked, pool) as (index, folder):
        out = folder / "rows.jsonl"
        mine(index, asked.name, wanted, None, _plan(recipe, seed), out, dataset=asked.name)
        return list(read_rows(out))


@contextmanager
def open_pool(asked: Set, pool: Iterable[int]) -> Iterator[tuple[Index, Path]]:
    """Give an index of the texts of some passages, named by their places, and a folder that lives as long."""
    with tempfile.TemporaryDirectory() as folder:
        place = str(Path(folder) / "pool")
        create_index(place, _NO_VECTORS, settings=Settings())
        with open_index(place, settings=Settings()) as index:
            index.add(Passage(str(one), asked.passages[one]) for one in pool)
            yield index, Path(folder)


def _want(asked: Set, place: int) -> Wanted:
    right = {str(one): 1 for one in asked.right[place]}
    question = Question(str(place), asked.questions[place], answers=asked.answers[place], relevant=right)
    return Wanted(question, (Gold(str(asked.gold(place))),))


def _plan(recipe: Recipe, seed: int) -> Plan:
    """Say what is mined: BM25's best count as hard, others are drawn from in every epoch."""
    negatives: dict[Kind, int] = {"bm25": recipe.hard}
    if recipe.kind is not None:
        negatives[recipe.kind] = _ROOM * recipe.own
    return Plan(
        positives="distant" if recipe.distant else "gold",
        negatives={kind: count for kind, count in negatives.items() if count},
        window=(1, recipe.hard + _SPARE),
        seed=seed,
    )
