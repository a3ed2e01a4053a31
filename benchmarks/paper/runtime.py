"""Section 5.4 at the reduced scale: questions a second of each side, and hours for 21 million passages, of one core.

Hours are what a passage costs here times their number; rates are those of a collection of 19,000 passages. Processor
time is counted, which others on the machine hardly change. Vectors in a folder are compared one by one, so that their
index is only written, not built. ``benchmarks.local --sizes 200000`` and ``benchmarks.plan`` say what more passages
cost.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import passages
from benchmarks.encode import make_blocks
from benchmarks.paper.figures import Run
from benchmarks.plan import PASSAGES
from hybrid import create_index, open_index
from hybrid.encoders import load_encoder
from hybrid.passages import Passage
from hybrid.settings import Settings
from tests import vectors

_K = 100
_ROUNDS = 3


def measure_speed(questions: int, sample: int) -> Iterator[Run]:
    """Give a run for each figure."""
    work = passages.real(questions, seed=0)
    encoder = load_encoder("minilm")
    texts = [("", text) for text in make_blocks(sample)]
    encoder.encode_passages(texts[:8])
    yield _row("encode-hours", _hours(_time(lambda: encoder.encode_passages(texts)), len(texts)))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "both"
        text = _build(Path(folder) / "text", work, with_vectors=False)
        both = _build(place, work, with_vectors=True)
        with open_index(f"{place}-0", settings=Settings()) as index:
            asked, near = work.questions, work.question_vectors
            index.search_many(asked[:2], near[:2], k=_K)
            dense = _best(lambda: index.search_many(asked, near, k=_K, mode="dense", text=False))
            bm25 = _best(lambda: [index.search(one, k=_K, mode="lexical", text=False) for one in asked])
    yield _row("bm25-index-hours", _hours(text, len(work.texts)))
    yield _row("dense-index-hours", _hours(max(both - text, 0.0), len(work.texts)))
    yield _row("dense-rate", len(asked) / dense)
    yield _row("bm25-rate", len(asked) / bm25)


def _build(folder: Path, work: passages.Workload, *, with_vectors: bool) -> float:
    """Index the collection in fresh folders, and give the seconds that it took."""
    places = iter(range(_ROUNDS))

    def build() -> None:
        place = f"{folder}-{next(places)}"
        create_index(place, vectors.PROFILE, settings=Settings())
        with open_index(place, settings=Settings()) as index:
            index.add(one if with_vectors else Passage(one.id, one.text) for one in work.passages())

    return _best(build)


def _hours(seconds: float, count: int) -> float:
    return seconds / count * PASSAGES / 3600


def _best(work: Callable[[], object]) -> float:
    """Give the seconds of the quickest of a few rounds, as others can only add to them."""
    return min(_time(work) for _ in range(_ROUNDS))


def _time(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _row(name: str, value: float) -> Run:
    return Run(table="5.4", row=name, values={"value": [value]})
