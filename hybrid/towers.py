"""What decides which vector a text gets: the ``Tower``, one for questions and one for passages.

Two towers with the same fingerprint give the same vectors, wherever their files lie and whatever they are called.
"""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

#: What the weights are computed in. bf16 vectors are fp32 vectors up to a cosine of 0.996, so they may share a field.
Precision = Literal["fp32", "bf16"]
#: How a passage's title and text become one input; a blank title leaves the text alone.
Template = Literal["text", "title text", "title [SEP] text"]

#: Facts that do not change a vector, or only in its last digits.
_BESIDE_THE_POINT = frozenset({"model", "precision"})
_FINGERPRINT_CHARS = 32
_PAIR_CHARS = 12
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tower:
    """One side of an encoder."""

    #: Where it came from: the id of a model, or a folder.
    model: str
    weights_sha256: str
    tokenizer_sha256: str
    #: Of the numbers beside the weights: heads, activation, epsilon.
    config_sha256: str
    #: What follows the transformer, in order: ``("mean", "dense 384→256 Tanh", "normalize")``.
    modules: tuple[str, ...]
    dimension: int
    #: Stands before every text.
    prompt: str = ""
    template: Template = "text"
    #: Tokens, special ones included; longer input is cut.
    max_length: int = 512
    lowercase: bool = False
    #: Whether ’ is read as ', as DPR reads questions.
    straight_quotes: bool = False
    precision: Precision = "fp32"

    def __post_init__(self) -> None:
        for rule, complaint in self._rules():
            if not rule:
                raise ValueError(f"a tower cannot have {complaint}")

    def _rules(self) -> list[tuple[bool, str]]:
        hashes = (self.weights_sha256, self.tokenizer_sha256, self.config_sha256)
        return [
            (
                all(isinstance(text, str) for text in (self.model, self.prompt, *self.modules)),
                "names other than text",
            ),
            (all(isinstance(one, str) and _SHA256.fullmatch(one) for one in hashes), "a hash that is not a sha256"),
            (_is_count(self.dimension) and _is_count(self.max_length), "a dimension or length that is no count"),
            (self.template in get_args(Template), f"the template {self.template!r}"),
            (self.precision in get_args(Precision), f"the precision {self.precision!r}"),
            (isinstance(self.lowercase, bool) and isinstance(self.straight_quotes, bool), "a switch that is no bool"),
        ]

    @property
    def fingerprint(self) -> str:
        """Names the vectors that this tower makes; 32 hexadecimal digits."""
        facts = dataclasses.asdict(self)
        return _digest({name: fact for name, fact in facts.items() if name not in _BESIDE_THE_POINT})


def name_pair(name: str, question: Tower, passage: Tower) -> str:
    """Name an encoder: readable, and different as soon as either tower makes other vectors."""
    return f"{name}@{_digest([question.fingerprint, passage.fingerprint])[:_PAIR_CHARS]}"


def is_same_pair(first: str, second: str) -> bool:
    """Tell whether two names mean the same vectors; what stands before the hash is for people."""
    return first.rpartition("@")[2] == second.rpartition("@")[2]


def read_tower(meta: Mapping[str, Any]) -> Tower:
    """Read a tower from JSON, passing over what a later release may have added; ValueError or TypeError if not."""
    known = {field.name for field in dataclasses.fields(Tower)}
    values = {name: value for name, value in dict(meta).items() if name in known}
    return Tower(**{**values, "modules": tuple(values.get("modules", ()))})


def _digest(facts: Any) -> str:
    text = json.dumps(facts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_FINGERPRINT_CHARS]


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
