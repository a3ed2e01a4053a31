"""What the gateway knows of an index: what it was told, and what the cluster says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ..engines.opensearch.adopted_body import list_added
from ..engines.opensearch.layout import VECTORS
from ..engines.opensearch.queries import Target
from ..page.about import list_filterable
from .clauses import Clause
from .rewrite import Side

#: ``shadow`` answers like ``off`` and logs how ``on`` would have differed.
SearchMode = Literal["off", "shadow", "on"]
MODES: tuple[SearchMode, ...] = get_args(SearchMode)
SIDES: tuple[Side, ...] = get_args(Side)

#: How many passages the dense side adds to what the page's own query finds.
DEFAULT_ADMIT = 100
_TEXT_TYPES = frozenset({"text", "match_only_text", "search_as_you_type"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """An index as it is offered to pages."""

    #: The name in addresses, and the one on the cluster.
    shown: str
    name: str
    mode: SearchMode = "on"
    #: What every hit must meet, whoever asks and whatever for.
    required: Clause | None = None
    side: Side = "profile"
    #: λ; the profile's if None.
    lam: float | None = None
    admit: int = DEFAULT_ADMIT
    #: No passage below this sim is admitted, however few there are; the profile's if None.
    min_sim: float | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """An index as the cluster describes it."""

    #: None for an index that cannot be searched by meaning.
    target: Target | None
    #: Fields that people's words are searched in.
    text_fields: frozenset[str]
    #: Fields that hold vectors, by all of their names.
    vector_fields: tuple[str, ...]
    #: Why there is no target.
    trouble: str = ""
    #: Fields that a value can be found in.
    filterable: tuple[str, ...] = ()
    #: Fields that adoption added.
    added_fields: tuple[str, ...] = ()

    @property
    def hidden(self) -> tuple[str, ...]:
        """Fields that are none of the page's."""
        return (*self.vector_fields, *self.added_fields)


def read_known(target: Target | None, mappings: Mapping[str, Any], trouble: str = "") -> Known:
    """Read fields off the answer to ``GET /NAME/_mapping``."""
    fields = [one for body in mappings.values() for one in _list_fields(body["mappings"])]
    vectors = {name for name, body in fields if body.get("type") == "knn_vector" or name.startswith(VECTORS)}
    aliases = {name for name, body in fields if body.get("type") == "alias" and body["path"] in vectors}
    added = {name for body in mappings.values() for name in list_added(body["mappings"].get("_meta", {}))}
    return Known(
        target,
        frozenset(name for name, body in fields if body.get("type") in _TEXT_TYPES),
        tuple(sorted(vectors | aliases)),
        trouble,
        tuple(sorted({name for body in mappings.values() for name in list_filterable(body["mappings"])} - added)),
        tuple(sorted(added)),
    )


def _list_fields(field: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Mapping[str, Any]]]:
    """Give every field with its mapping, those inside others and those that index another a second time included."""
    found = []
    for name, body in {**field.get("properties", {}), **field.get("fields", {})}.items():
        path = f"{prefix}{name}"
        found += [(path, body), *_list_fields(body, f"{path}.")]
    return found
