"""The ``Encoder``: questions and passages in, vectors in the form of its profile out.

With ``cosine`` passages get length 1 and questions length ``scale``, so that their dot product is a logit; with
``dot`` vectors stay as the model gives them.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ..errors import UsageError
from ..fusion import SimPrior
from ..profile import Profile, Similarity
from ..towers import Tower, is_same_pair
from .running import Runner, Vectors
from .tokens import Pair, Tokens

#: Passages that are tokenised, sorted and encoded together: enough to sort well, few enough to stay small.
_BLOCK = 16_384
#: Room for rounding in vectors of length 1.
_UNIT_NORM = 1.0001
_SMALLEST = 1e-30


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One tower at work."""

    tower: Tower
    tokens: Tokens
    runner: Runner

    def encode(self, pairs: Sequence[Pair]) -> Vectors:
        """Give the tower's own vectors, one a pair of title and text, in order."""
        blocks = [
            self.runner.run(self.tokens.read(pairs[start : start + _BLOCK])) for start in range(0, len(pairs), _BLOCK)
        ]
        return np.concatenate([np.empty((0, self.tower.dimension), np.float32), *blocks])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Encoder:
    """Two towers, or one in both roles, and what their vectors mean. Weights are loaded when they are needed."""

    #: Names the pair; an index refuses vectors of any other.
    pair_id: str
    questions: Side
    passages: Side
    similarity: Similarity
    #: None as long as it is to be found out (``--scale auto``); questions then have length 1.
    scale: float | None
    scale_source: str
    sim_prior: SimPrior
    sim_prior_source: str

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        return self.passages.tower.dimension

    def encode_questions(self, texts: Sequence[str]) -> Vectors:
        """Give one vector a question, in order."""
        vectors = self.questions.encode([("", text) for text in texts])
        return vectors if self.similarity == "dot" else _resize(vectors, self.scale or 1.0)

    def encode_passages(self, pairs: Sequence[Pair]) -> Vectors:
        """Give one vector a passage, in order; a passage is its title, which may be blank, and its text."""
        vectors = self.passages.encode(pairs)
        return vectors if self.similarity == "dot" else _resize(vectors, 1.0)

    def load(self, *, questions: bool = True, passages: bool = True) -> Self:
        """Load weights now, so that what is wrong with them shows before any work is done."""
        for side, wanted in ((self.questions, questions), (self.passages, passages)):
            if wanted:
                side.tokens.open()
                side.runner.open()
        return self

    def with_scale(self, scale: float, source: str, prior: SimPrior | None = None) -> Self:
        """Give the same encoder with a scale that was found out, and a ``sim_prior`` found out with it."""
        changed = dataclasses.replace(self, scale=scale, scale_source=source)
        if prior is None:
            return changed
        return dataclasses.replace(changed, sim_prior=prior, sim_prior_source=source)

    def fit_profile(self, profile: Profile) -> Profile | None:
        """Give an index's profile with this encoder's questions, if its passages' vectors are this one's already.

        None where they are another's, or where its questions are read so, too. Its questions make other sims: the sim
        to expect becomes this encoder's, and there is no least sim until one is found anew.
        """
        same = self.passages.tower.fingerprint == profile.fingerprint and self.similarity == profile.similarity
        if not same or self.scale is None or is_same_pair(self.pair_id, profile.pair_id):
            return None
        # Where passages' tower is to be found changes as well; what it has computed so far was in the same precision.
        written = profile.passage_tower.precision if profile.passage_tower else self.passages.tower.precision
        return dataclasses.replace(
            profile,
            pair_id=self.pair_id,
            question_tower=self.questions.tower,
            passage_tower=dataclasses.replace(self.passages.tower, precision=written),
            scale=self.scale,
            scale_source=self.scale_source,
            sim_prior=self.sim_prior,
            sim_prior_source=self.sim_prior_source,
            min_sim=None,
        )

    def make_profile(self, **changes: Any) -> Profile:
        """Write down what an index of these vectors has to say; ``changes`` are fields of the profile."""
        if self.scale is None:
            raise UsageError(f"The scale of {self.pair_id} is not found out yet; say --scale X, or sample the index.")
        facts: dict[str, Any] = {
            "pair_id": self.pair_id,
            "fingerprint": self.passages.tower.fingerprint,
            "dimension": self.dimension,
            "similarity": self.similarity,
            "scale": self.scale,
            "scale_source": self.scale_source,
            "sim_prior": self.sim_prior,
            "sim_prior_source": self.sim_prior_source,
            "question_tower": self.questions.tower,
            "passage_tower": self.passages.tower,
            "max_norm": _UNIT_NORM if self.similarity == "cosine" else 1.0,
        }
        return Profile(**{**facts, **changes})


def _resize(vectors: Vectors, length: float) -> Vectors:
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    resized: Vectors = (vectors * (length / np.maximum(norms, _SMALLEST))).astype(np.float32)
    return resized
