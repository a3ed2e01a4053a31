"""The question's vector, from the encoder that the index's profile names; loaded at the first question."""

import threading

from .encoders import Encoder, load_for_profile
from .errors import ModelError
from .passages import Vector
from .profile import Profile
from .requests import SearchOptions


class QuestionEncoder:
    """Encodes questions for one index; safe to share between threads."""

    def __init__(self, profile: Profile, encoder: Encoder | None = None):
        self._profile = profile
        self._encoder = encoder
        self._lock = threading.Lock()

    def complete(self, question: str, options: SearchOptions) -> SearchOptions:
        """Give the options with a vector, where one is wanted, was not given, and can be had.

        Mode lexical needs none: there it only lets every hit show its sim, so a missing model is no error.
        """
        if options.get("vector") is not None or self._profile.question_tower is None:
            return options
        try:
            return {**options, "vector": self.encode(question), "pair_id": self._profile.pair_id}
        except ModelError:
            if options.get("mode") == "lexical":
                return options
            raise

    def encode(self, question: str) -> Vector:
        """Give the question's vector."""
        with self._lock:
            if self._encoder is None:
                self._encoder = load_for_profile(self._profile)
            vector: Vector = self._encoder.encode_questions([question])[0]
        return vector
