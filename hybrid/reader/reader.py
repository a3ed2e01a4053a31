"""``Reader``: requests in, answers out; questions that come together are read together."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..encoders.backends import Means, WantedBackend, choose_backend, choose_precision
from ..encoders.places import find_packaged
from ..encoders.presets import PRESETS
from ..encoders.running import Forward, Runner
from ..encoders.tokens import open_tokenizer
from ..errors import UsageError
from .answers import Answer, ReadOptions, ReadRequest
from .cards import Card
from .folders import Folder, find_reader, read_folder
from .rows import Rows, read_row
from .selecting import Candidate, Choice, Reading, choose_answers
from .spans import find_spans
from .texts import Text, read_texts
from .windows import Frame, Window, cut_windows, read_frame

if TYPE_CHECKING:
    from tokenizers import Tokenizer

#: What the two readers that need no folder are called.
SENTENCES, SHIPPED = "sentences", "minilm-xquad"
_SHIPPED = Path(__file__).parent / "shipped"
#: Windows that are held at a time; enough to sort by length, few enough to stay small.
_BLOCK = 4096


class AnyReader(Protocol):
    """Whatever finds answers in passages; safe to share between threads."""

    @property
    def name(self) -> str:
        """Who answers."""

    def read(self, requests: Sequence[ReadRequest]) -> list[list[Answer]]:
        """Give the answers to each question, best first."""


@dataclass(frozen=True, slots=True, eq=False)
class _Input:
    """A passage's text, and one of its windows."""

    text: Text
    window: Window


class Reader:
    """A model that finds spans; its weights are loaded at the first question."""

    def __init__(self, folder: Folder, means: Means | None = None, *, bulk: bool = False):
        self._folder = folder
        self._runner = _make_runner(folder, means or Means(), bulk)
        self._lock = threading.Lock()
        self._opened: tuple[Tokenizer, Frame] | None = None

    @property
    def card(self) -> Card:
        """What is known of the reader."""
        return self._folder.card

    @property
    def name(self) -> str:
        """The folder, or the id of the model."""
        return self._folder.name

    def read(self, requests: Sequence[ReadRequest]) -> list[list[Answer]]:
        """Give the answers to each question, best first."""
        for request in requests:
            self._check(request.options)
        return [
            choose(request, readings, self._folder.card)
            for request, readings in zip(requests, self.find(requests), strict=True)
        ]

    def find(self, requests: Sequence[ReadRequest]) -> list[list[Reading]]:
        """Give what is found in every window that holds a span, for each question."""
        inputs = [self._cut(request) for request in requests]
        flat = [one.window.ids for own in inputs for one in own]
        rows = [
            row for start in range(0, len(flat), _BLOCK) for row in self._runner.run(flat[start : start + _BLOCK])
        ]
        readings, start = [], 0
        for request, own in zip(requests, inputs, strict=True):
            longest = request.options.longest or self._folder.card.longest
            pairs = zip(own, rows[start : start + len(own)], strict=True)
            found = (self._read(one, row, longest) for one, row in pairs)
            readings.append([reading for reading in found if reading.spans])
            start += len(own)
        return readings

    def _cut(self, request: ReadRequest) -> list[_Input]:
        tokenizer, frame = self._open()
        question = request.question.replace("’", "'") if self._folder.kind == "dpr" else request.question
        sources = [one for passage in request.passages for one in (passage.title, passage.text)]
        asked, *texts = read_texts(tokenizer, [question, *sources])
        return [
            _Input(text, window)
            for place, (title, text) in enumerate(zip(texts[::2], texts[1::2], strict=True))
            for window in cut_windows(frame, asked, title, text, place, self._folder.max_length)
        ]

    def _read(self, one: _Input, row: Rows, longest: int) -> Reading:
        relevance, starts, ends = read_row(row, one.window.begin, one.window.size)
        spans = []
        for span in find_spans(starts, ends, longest=longest):
            start, end = one.text.locate(span, one.window.first)
            if start < end:
                spans.append(Candidate(start, end, span.score))
        if spans and self._folder.card.relevance == "span":
            relevance = spans[0].score
        elif spans and self._folder.kind == "qa":
            # As much as the best span beats the null score.
            relevance += spans[0].score
        return Reading(one.window.passage, relevance, tuple(spans))

    def _check(self, options: ReadOptions) -> None:
        if options.threshold is not None and self._folder.card.calibration is None:
            refuse_threshold(self.name)

    def _open(self) -> "tuple[Tokenizer, Frame]":
        with self._lock:
            if self._opened is None:
                self._opened = open_frame(self._folder)
            return self._opened


def open_frame(folder: Folder) -> "tuple[Tokenizer, Frame]":
    """Open a reader's tokenizer, without limits of its own, and see what it puts around a pair."""
    tokenizer = open_tokenizer(folder.checkpoint)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = True
    return tokenizer, read_frame(tokenizer, reads_title=folder.kind == "dpr")


def choose(request: ReadRequest, readings: Sequence[Reading], card: Card) -> list[Answer]:
    """Choose answers from what was found; what the request leaves open is up to the card."""
    options = request.options
    choice = Choice(
        rule=options.rule or card.rule,
        beta=card.beta if options.beta is None else options.beta,
        gamma=card.gamma if options.gamma is None else options.gamma,
        temperature=card.calibration.temperature if card.calibration else None,
    )
    return keep_good(choose_answers(readings, request.passages, choice, options.answers), options)


def keep_good(answers: Sequence[Answer], options: ReadOptions) -> list[Answer]:
    """Leave out answers that are not likely enough, or whose score is too low."""
    least = float("-inf") if options.least_score is None else options.least_score
    return [one for one in answers if one.score >= least and (one.confidence or 0.0) >= (options.threshold or 0.0)]


def refuse_threshold(name: str) -> None:
    """Refuse to judge answers by a confidence that nobody has measured."""
    raise UsageError(
        f"The reader {name} is not calibrated, so it has no confidence to set a threshold for; use its score "
        "(--least-score), or calibrate it: hybrid train reader --epochs 0."
    )


@lru_cache(maxsize=4)
def open_reader(name: str | None, *, bulk: bool = False) -> AnyReader:
    """Give the reader called ``name``, loaded once a process; without a name, the one that is shipped.

    "sentences" needs no model: whole sentences are its answers. It also stands in for the shipped reader where that
    one, or its encoder, is not installed. ``bulk`` prefers torch, which is faster once it is loaded, to numpy, which
    is ready at once.
    """
    chosen = name or (SHIPPED if has_shipped() else SENTENCES)
    if chosen == SENTENCES:
        from .sentences import SentenceReader

        return SentenceReader()
    return Reader(read_folder(_SHIPPED, SHIPPED) if chosen == SHIPPED else find_reader(chosen), bulk=bulk)


def has_shipped() -> bool:
    """Tell whether the shipped reader is here, and the encoder that gives it its embeddings."""
    package = PRESETS["minilm"].package
    return _SHIPPED.is_dir() and package is not None and find_packaged(package.module) is not None


def _make_runner(folder: Folder, means: Means, bulk: bool) -> Runner:
    """Give what will run a reader, on every device if questions come in bulk."""
    # numpy reads no token types, so models for question answering are torch's.
    wanted: WantedBackend = "torch" if folder.kind == "qa" and means.backend == "auto" else means.backend
    means = Means(backend=wanted, device=means.device, precision=means.precision)
    backend = choose_backend(means, folder.checkpoint, bulk=bulk)

    def open_copies() -> Sequence[Forward]:
        if backend == "numpy":
            from . import numpy_readers

            return numpy_readers.open_models(folder)
        from ..encoders.torch_models import find_devices
        from .torch_readers import open_models

        frame = open_frame(folder)[1]
        mark = frame.between[0] if frame.has_types else None
        devices = find_devices(means.device)[: None if bulk else 1]
        return open_models(folder, mark, choose_precision(means, backend), devices)

    return Runner(open_copies)
