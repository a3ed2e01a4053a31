"""Questions to vectors: what waits at the same time is encoded together, what was encoded lately is remembered.

A vector depends on nothing but the text and the encoder, so it may be shared between callers.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Protocol

from ..errors import ModelError
from ..passages import Vector
from ..profile import Profile

log = logging.getLogger(__name__)

#: Questions in one run of the model, those that may wait, and those that are remembered.
MOST_AT_ONCE = 32
MOST_WAITING = 512
MOST_REMEMBERED = 4096


class Encoder(Protocol):
    """What makes vectors."""

    def encode_questions(self, texts: Sequence[str]) -> Vector:
        """Give one row a question, in order."""


#: Gives the encoder that a profile describes, ready to be used.
Load = Callable[[Profile], Encoder]


def name_encoding(profile: Profile) -> str:
    """Name what a question's vector depends on besides its text; indexes with one name share an encoder."""
    return f"{profile.pair_id} {profile.similarity} {profile.scale:g}"


class Questions:
    """Encodes the questions to indexes of one encoding."""

    def __init__(self, profile: Profile, load: Load):
        self.profile = profile
        self._load = load
        self._encoder: Encoder | None = None
        # One thread: a model runs on every core by itself.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="encode")
        self._known: OrderedDict[str, Vector] = OrderedDict()
        self._waiting: dict[str, asyncio.Future[Vector]] = {}
        self._worker: asyncio.Task[None] | None = None

    @property
    def ready(self) -> bool:
        """Whether the model is loaded."""
        return self._encoder is not None

    async def open(self) -> None:
        """Load the model, if that has not been done."""
        if self._encoder is None:
            self._encoder = await asyncio.get_running_loop().run_in_executor(self._thread, self._load, self.profile)

    async def encode(self, text: str) -> Vector:
        """Give a text's vector."""
        known = self._known.get(text)
        if known is not None:
            self._known.move_to_end(text)
            return known
        # Whoever asks may leave; others may wait for the same vector.
        return await asyncio.shield(self._waiting.get(text) or self._enqueue(text))

    def close(self) -> None:
        """Let the thread end."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _enqueue(self, text: str) -> "asyncio.Future[Vector]":
        if self._encoder is None:
            raise ModelError("The encoder is not loaded yet; ask again in a moment.")
        if len(self._waiting) >= MOST_WAITING:
            raise ModelError(f"{MOST_WAITING} questions wait for the encoder already; ask again in a moment.")
        waiting = self._waiting[text] = asyncio.get_running_loop().create_future()
        # If nobody waits any more, nobody needs to be told of a failure.
        waiting.add_done_callback(lambda done: done.cancelled() or done.exception())
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work(self._encoder))
        return waiting

    async def _work(self, encoder: Encoder) -> None:
        """Encode what waits, batch by batch, until nothing does."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            texts = list(islice(self._waiting, MOST_AT_ONCE))
            try:
                vectors = await loop.run_in_executor(self._thread, encoder.encode_questions, texts)
            except Exception as error:
                log.exception("cannot encode %d questions", len(texts))
                for text in texts:
                    self._waiting.pop(text).set_exception(ModelError(f"The encoder failed: {error}"))
                continue
            for text, vector in zip(texts, vectors, strict=True):
                self._remember(text, vector)
                self._waiting.pop(text).set_result(vector)

    def _remember(self, text: str, vector: Vector) -> None:
        self._known[text] = vector
        if len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)
