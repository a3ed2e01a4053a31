"""How long does a question take? Some questions are asked one by one, as a person would; milliseconds come out."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..engines.contract import Index
from ..passages import Mode
from ..questions import QuestionEncoder
from ..requests import SearchOptions, Vectors
from .questions import Question

#: Questions that are timed, and those before them that are not, while caches fill.
TIMED, WARM_UP = 50, 5
#: Hits of a timed search, texts included.
HITS = 10


@dataclass(frozen=True, slots=True)
class Latency:
    """The median and the 95th percentile, in milliseconds."""

    p50: float
    p95: float


def time_stages(
    index: Index, questions: Sequence[Question], vectors: Vectors | None, modes: Sequence[Mode]
) -> dict[str, Latency]:
    """Time encoding, where questions have vectors and the index an encoder, and the search of each mode."""
    encodes = vectors is not None and index.profile.question_tower is not None
    encoder = QuestionEncoder() if encodes else None
    taken: dict[str, list[float]] = {}
    # Nobody asks a question without text, which a search refuses.
    asked = [(place, one) for place, one in enumerate(questions) if one.text.strip()][: WARM_UP + TIMED]
    for number, (place, question) in enumerate(asked):
        vector = None if vectors is None else vectors[place]
        spent = {}
        if encoder is not None:
            spent["encode"] = _time(partial(encoder.encode, index.profile, [question.text]))
        for mode in modes:
            options: SearchOptions = {"mode": mode, "vector": vector, "k": HITS}
            spent[f"search {mode}"] = _time(partial(index.search, question.text, **options))
        if number >= min(WARM_UP, len(asked) - 1):
            for stage, milliseconds in spent.items():
                taken.setdefault(stage, []).append(milliseconds)
    return {stage: Latency(*np.percentile(values, [50, 95]).tolist()) for stage, values in taken.items()}


def _time(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - started)
