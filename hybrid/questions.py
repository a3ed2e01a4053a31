"""Questions' vectors, from the encoder that the index's profile names; loaded at the first question."""

import threading
from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from .encoders import Encoder, load_for_profile
from .errors import ModelError, UsageError
from .profile import Profile
from .requests import SearchOptions, SearchRequest, Vectors, check_encoder, check_words, make_request


class QuestionEncoder:
    """Encodes questions by what an index's profile says; safe to share between threads."""

    def __init__(self) -> None:
        self._encoder: Encoder | None = None
        self._lock = threading.Lock()

    def make_request(self, profile: Profile, question: str, options: SearchOptions) -> SearchRequest:
        """Give the request for one question, with its vector; without text it needs a vector of its own."""
        given = options.get("vector")
        check_words(question, given)
        (request,) = self.make_requests(profile, [question], None if given is None else [given], options)
        return request

    def make_requests(
        self,
        profile: Profile,
        questions: Sequence[str],
        vectors: Vectors | None,
        options: SearchOptions,
    ) -> list[SearchRequest]:
        """Give the request for each question; vectors that are wanted and not given are encoded together.

        A question without text is no error among many: sets of questions hold some, which those who judge sets tell.
        """
        if vectors is not None and len(vectors) != len(questions):
            raise UsageError(f"There are {len(questions)} questions and {len(vectors)} vectors; give one for each.")
        shared = cast(SearchOptions, {name: value for name, value in options.items() if name != "vector"})
        if vectors is None:
            check_encoder(options.get("pair_id"), profile)
            vectors = self._encode_if_can(profile, questions, shared)
            if vectors is not None:
                shared["pair_id"] = profile.pair_id
        each: Vectors | list[None] = [None] * len(questions) if vectors is None else vectors
        requests = []
        for question, vector in zip(questions, each, strict=True):
            own: SearchOptions = {**shared, "vector": vector}
            requests.append(make_request(question, profile, **own))
        return requests

    def encode(self, profile: Profile, questions: Sequence[str]) -> NDArray[np.float32]:
        """Give the questions' vectors."""
        with self._lock:
            if self._encoder is None or self._encoder.pair_id != profile.pair_id:
                self._encoder = load_for_profile(profile)
            return self._encoder.encode_questions(questions)

    def _encode_if_can(self, profile: Profile, questions: Sequence[str], options: SearchOptions) -> Vectors | None:
        """Give vectors, where they can be had.

        Mode lexical needs none: there they only let every hit show its sim, so a missing model is no error.
        """
        if profile.question_tower is None:
            return None
        try:
            return self.encode(profile, questions)
        except ModelError:
            if options.get("mode") == "lexical":
                return None
            raise
