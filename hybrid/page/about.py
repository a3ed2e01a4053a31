"""What a client is told of an index before it asks: ``GET /v1/indexes``."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ..passages import META
from ..profile import Profile

#: Types of fields that a value can be found in as a whole.
_WHOLE = frozenset({"keyword", "boolean", "ip", "date", "constant_keyword", "version"})
_NUMBERS = frozenset({"long", "integer", "short", "byte", "unsigned_long", "double", "float", "half_float"})


def describe_index(
    name: str, profile: Profile, passages: int | None = None, filterable: Sequence[str] = ()
) -> dict[str, Any]:
    """Describe an index: what its rankings depend on, how large it is if that is known, and how it is filtered.

    Documents of an adopted index have their metadata at the top, and only those of its fields are ``filterable``.
    """
    adopted = bool(profile.text_fields)
    return {
        "name": name,
        "passages": passages,
        "lambda": profile.lam,
        "sim_prior": asdict(profile.sim_prior),
        "filter_prefix": "" if adopted else f"{META}.",
        "filterable": list(filterable) if adopted else None,
        "trouble": "",
    }


def describe_trouble(name: str, trouble: str) -> dict[str, Any]:
    """Describe an index that cannot be asked."""
    return {"name": name, "passages": None, "trouble": trouble}


def list_filterable(mapping: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Name the fields of a mapping that a value can be found in; what is nested needs a clause of its own."""
    for name, field in mapping.get("properties", {}).items():
        kind = field.get("type", "object")
        if kind in _WHOLE | _NUMBERS and field.get("index", True):
            yield f"{prefix}{name}"
        elif kind == "object":
            yield from list_filterable(field, f"{prefix}{name}.")
