"""Table 2 at the reduced scale: BM25, dense and hybrid on four sets, with all-MiniLM as it is and the paper's lambda.

Besides, where each side is good: the gain of dense retrieval over BM25 for questions that share few words with their
passage, and for those that share many.
"""

from collections.abc import Iterator

import numpy as np

from benchmarks.fusion import open_collections
from benchmarks.judged import SETS, load_set
from benchmarks.paper.figures import Run
from benchmarks.paper.rows import open_pool
from benchmarks.paper.sets import Set
from benchmarks.paper.splits import spread
from hybrid.engines.contract import Index
from hybrid.evaluation.asking import ask
from hybrid.evaluation.evaluating import count_all
from hybrid.evaluation.measuring import Judge, Tally
from hybrid.evaluation.metrics import DEPTHS, find_first
from hybrid.evaluation.overlap import share_words
from hybrid.evaluation.rules import DENSE, HYBRID, LEXICAL, MODES, choose_rules
from hybrid.evaluation.texts import Texts
from hybrid.fusion import PAPER_LAMBDA

#: Rows of our table, by mode.
ROWS = {LEXICAL: "bm25", DENSE: "dense", HYBRID: "hybrid"}
FEW, MANY = "gain, few words shared", "gain, many words shared"
_AT = 20


def measure_sets(questions: int | None, seed: int = 0) -> Iterator[Run]:
    """Give a run for every mode and set; and for every set the gain of dense over BM25 by shared words."""
    with open_collections("local") as indexes:
        for name in SETS:
            judged = load_set(name).draw(questions, seed)
            index = indexes[judged.collection]
            rules = choose_rules(MODES, (), (), PAPER_LAMBDA)
            found = ask(index, judged.questions, judged.vectors)
            tally = count_all(index, found, rules, Judge("ids"), kept=MODES)
            ranks = {mode: [place.right for place in tally.places[mode]] for mode in MODES}
            yield from (Run(table="2", row=row, ranks={name: ranks[mode]}) for mode, row in ROWS.items())
            yield from _compare_words(name, index, tally)


def rank_by_bm25(asked: Set, count: int | None) -> list[int | None]:
    """Give the rank of the best passage that is right, for test questions evenly spread, among the best 100."""
    places = spread(asked.test, count).tolist()
    with open_pool(asked, range(len(asked.passages))) as (index, _):
        texts = [asked.questions[place] for place in places]
        results = index.search_many(texts, k=max(DEPTHS), mode="lexical", text=False)
    return [
        find_first(int(hit.id) in asked.right[place] for hit in result.hits)
        for result, place in zip(results, places, strict=True)
    ]


def _compare_words(name: str, index: Index, tally: Tally) -> Iterator[Run]:
    shared = _share(index, tally)
    gains = 100 * (_hits(tally, DENSE) - _hits(tally, LEXICAL))
    order = np.argsort(shared, kind="stable")
    half = len(order) // 2
    for row, some in ((FEW, order[:half]), (MANY, order[len(order) - half :])):
        yield Run(table="words", row=row, values={f"{name}/top{_AT}": gains[some].tolist()})


def _share(index: Index, tally: Tally) -> list[float]:
    """Give the share of each question's words that its passage holds; the best of several."""
    shares = []
    texts = Texts(index)
    for question in tally.questions:
        right = texts.get(list(question.relevant))
        found = [share_words(question.text, f"{one.title} {one.text}") for one in right.values()]
        shares.append(max((one for one in found if one is not None), default=0.0))
    return shares


def _hits(tally: Tally, mode: str) -> np.ndarray:
    return np.array([place.right is not None and place.right <= _AT for place in tally.places[mode]], dtype=float)
