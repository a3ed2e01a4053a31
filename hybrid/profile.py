"""What an index says of itself: the ``Profile`` in ``_meta.hybrid`` of its mapping.

A client needs nothing but the address; all that ranking depends on stands here.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .errors import ProfileError, UsageError
from .fusion import DEFAULT_PRIOR, PAPER_B, PAPER_DEPTH, PAPER_K1, PAPER_LAMBDA, SimPrior
from .towers import Tower, read_tower

VERSION = 1
#: Characters of the fingerprint that a vector field's name carries.
FINGERPRINT_CHARS = 8
#: k-NN's own limit.
MAX_DIMENSION = 16_000

#: ``scale_source`` of an index whose scale is still to be found: it holds text and no vectors.
PROVISIONAL = "provisional"

Similarity = Literal["dot", "cosine"]
#: What does not depend on the encoder.
_OF_THE_INDEX = ("analyzer", "k1", "b", "depth", "text_fields")
_TOWERS = ("question_tower", "passage_tower")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Everything that a ranking depends on besides the passages."""

    #: Names the encoder's two towers; questions and passages of one index share it.
    pair_id: str
    #: Names the passage tower and its weights; the vector field is named after it.
    fingerprint: str
    dimension: int
    #: ``dot`` ranks by the raw dot product; ``cosine`` has unit passage vectors and questions of length ``scale``.
    similarity: Similarity = "dot"
    scale: float = 1.0
    #: ``given``, ``preset``, ``auto``, ``dot`` (a dot product is used as it is), ``provisional``.
    scale_source: str = "given"
    #: No stored vector is longer.
    max_norm: float = 1.0
    sim_prior: SimPrior = DEFAULT_PRIOR
    #: ``default`` (a guess), ``preset`` (measured elsewhere), ``auto`` or ``tune`` (fitted to this index).
    sim_prior_source: str = "default"
    lam: float = PAPER_LAMBDA
    lam_source: str = "paper"
    depth: int = PAPER_DEPTH
    #: A gateway adds no passage below this sim to what a page's own query finds; None for no such limit.
    min_sim: float | None = None
    analyzer: str = "english"
    k1: float = PAPER_K1
    b: float = PAPER_B
    #: Of an index that was adopted: the fields that hold text, the first of several being the title; none for ours.
    text_fields: tuple[str, ...] = ()
    #: Of one that was adopted with passages inside its documents: the words of each; 0 for one vector a document.
    split_words: int = 0
    #: The encoder's two sides; None where vectors come from elsewhere.
    question_tower: Tower | None = None
    passage_tower: Tower | None = None
    version: int = VERSION

    def __post_init__(self) -> None:
        for rule, complaint in self._rules():
            if not rule:
                raise UsageError(f"The profile cannot be: {complaint}.")

    def _rules(self) -> list[tuple[bool, str]]:
        prior = self.sim_prior
        return [
            (bool(self.pair_id), "pair_id is empty"),
            (
                len(self.fingerprint) >= FINGERPRINT_CHARS and self.fingerprint.isalnum(),
                f"fingerprint {self.fingerprint!r} is not {FINGERPRINT_CHARS} or more letters and digits",
            ),
            (1 <= self.dimension <= MAX_DIMENSION, f"dimension {self.dimension} is not in 1…{MAX_DIMENSION}"),
            (self.similarity in ("dot", "cosine"), f"similarity {self.similarity!r} is not dot or cosine"),
            (_positive(self.scale), f"scale {self.scale} is not above 0"),
            (_positive(self.max_norm), f"max_norm {self.max_norm} is not above 0"),
            (math.isfinite(prior.a) and math.isfinite(prior.b), "sim_prior is not finite"),
            (prior.b >= 0, f"sim_prior b {prior.b} is below 0, so a better match would count for less"),
            (math.isfinite(self.lam) and self.lam >= 0, f"lambda {self.lam} is below 0"),
            (self.depth >= 1, f"depth {self.depth} is below 1"),
            (self.min_sim is None or math.isfinite(self.min_sim), f"min_sim {self.min_sim} is not finite"),
            (self.split_words >= 0, f"split_words {self.split_words} is below 0"),
            (self.k1 >= 0 and 0 <= self.b <= 1, f"k1 {self.k1}, b {self.b}: k1 ≥ 0 and 0 ≤ b ≤ 1 are needed"),
            *((tower.dimension == self.dimension, self._unlike(tower)) for tower in self._towers()),
        ]

    def _towers(self) -> list[Tower]:
        return [tower for tower in (self.question_tower, self.passage_tower) if tower is not None]

    def _unlike(self, tower: Tower) -> str:
        return f"dimension {self.dimension} is not that of its tower {tower.model}, {tower.dimension}"

    @property
    def vector_field(self) -> str:
        """The field that holds this encoder's vectors."""
        return f"vec_{self.fingerprint[:FINGERPRINT_CHARS].lower()}"

    def of_the_index(self) -> dict[str, Any]:
        """Give what stays when another encoder takes over."""
        return {name: getattr(self, name) for name in _OF_THE_INDEX}


def to_meta(profile: Profile) -> dict[str, Any]:
    """Write a profile as JSON."""
    return dataclasses.asdict(profile)


def from_meta(meta: Mapping[str, Any], where: str) -> Profile:
    """Read a profile from JSON; ``where`` names the index in complaints."""
    if not isinstance(meta, Mapping):
        raise ProfileError(f"The profile of {where} cannot be read: it is no JSON object.")
    version = meta.get("version")
    if version != VERSION:
        raise ProfileError(f"{where} has a profile of version {version}; this release reads version {VERSION}.")
    known = {field.name for field in dataclasses.fields(Profile)}
    try:
        values = {name: value for name, value in meta.items() if name in known}
        towers = {name: read_tower(values[name]) for name in _TOWERS if values.get(name) is not None}
        fields = tuple(values.get("text_fields") or ())
        return Profile(**{**values, **towers, "sim_prior": SimPrior(**values["sim_prior"]), "text_fields": fields})
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise ProfileError(f"The profile of {where} cannot be read: {error}") from error


def _positive(value: float) -> bool:
    return math.isfinite(value) and value > 0
