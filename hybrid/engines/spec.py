"""How an index is laid out; what its ranking depends on stands in the profile."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal

GraphEngine = Literal["lucene", "faiss"]


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """The layout of a new index; all but ``meta_types`` is for clusters."""

    shards: int = 1
    #: None lets the cluster keep one copy as soon as it has a second node.
    replicas: int | None = None
    #: k-NN's engine. Every claim of this package is shown for lucene.
    engine: GraphEngine = "lucene"
    m: int = 16
    ef_construction: int = 128
    #: Leaves vectors out of ``_source``: smaller, but see ``mappings/passages.json`` for the price.
    derived_source: bool = False
    #: Types of metadata fields that should not be guessed: ``{"year": "long"}``.
    meta_types: Mapping[str, str] = field(default_factory=dict)

    @property
    def cluster_only(self) -> list[str]:
        """Names what was asked for that only a cluster can give."""
        plain = IndexSpec()
        names = (one.name for one in fields(self) if one.name != "meta_types")
        return [name for name in names if getattr(self, name) != getattr(plain, name)]
