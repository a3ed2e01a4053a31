"""The body of an index that is to hold another one's documents: its mapping and settings, and what ranking needs.

Pure. Nothing is taken away: fields keep their types and options, and score as they did; our BM25 has a similarity of
its own.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mappings

from ...errors import IndexStateError, UsageError
from ...passages import CONTENTS, ID
from ...profile import Profile, to_meta
from ..spec import IndexSpec
from .layout import ADDED, is_taken
from .lifecycle import MAPPING, META_KEY
from .vector_field import build_field

#: Beside the profile: which index it was made of.
ADOPTED_KEY = "hybrid_adopted"
SIMILARITY = "hybrid"
#: Settings that say what an index is, not where or when it came to be.
_KEPT = (
    *("analysis", "similarity", "mapping", "sort", "query", "max_inner_result_window"),
    *("max_ngram_diff", "max_shingle_diff", "max_docvalue_fields_search"),
)
#: Hits that our own queries ask for at the most.
_LEAST_WINDOW = 10_000
#: Options of a keyword that change neither which values it takes nor how they are found.
_HARMLESS = frozenset({"type", "fields", "store", "meta", "norms", "eager_global_ordinals"})
#: Characters; no id has more bytes.
_LONGEST_ID = 512
#: Types whose values a text can be made of.
_TEXTUAL = frozenset({"text", "match_only_text", "search_as_you_type", "keyword", "wildcard", "constant_keyword"})


@dataclass(frozen=True, slots=True)
class Origin:
    """The index that is adopted."""

    name: str
    #: The concrete index, and the one that it is, should another take its name.
    index: str
    uuid: str
    shards: int
    settings: Mapping[str, Any]
    mapping: Mapping[str, Any]


def read_origin(name: str, found: Mapping[str, Any]) -> Origin:
    """Read the answer to ``GET /NAME``; an index that cannot be adopted is refused."""
    if len(found) != 1:
        raise UsageError(
            f"{name} stands for {len(found)} indexes ({', '.join(sorted(found))}); adopt one by its name."
        )
    ((index, body),) = found.items()
    mapping, settings = body["mappings"], body["settings"]["index"]
    if META_KEY in mapping.get("_meta", {}):
        raise UsageError(f"{name} is hybrid already.")
    source = mapping.get("_source", {})
    if source.get("enabled") is False or source.get("includes") or source.get("excludes"):
        raise IndexStateError(f"{name} does not store its documents whole (_source), so they cannot be copied.")
    return Origin(name, index, settings["uuid"], int(settings["number_of_shards"]), settings, mapping)


def build_adopted_body(origin: Origin, profile: Profile, spec: IndexSpec) -> dict[str, Any]:
    """Write settings and mapping of the new index."""
    ours = mappings.load(MAPPING)
    mapping = copy.deepcopy(dict(origin.mapping))
    properties = mapping.setdefault("properties", {})
    _refuse_our_names(origin, properties)
    for path in profile.text_fields:
        _feed_contents(origin, properties, path)
    declared = ours["mappings"]["properties"]
    properties |= {name: declared[name] for name in ADDED if name not in properties}
    properties[CONTENTS] = {"type": "text", "analyzer": profile.analyzer, "similarity": SIMILARITY}
    properties[profile.vector_field] = build_field(profile, spec)
    mapping["_meta"] = {
        **mapping.get("_meta", {}),
        META_KEY: to_meta(profile),
        ADOPTED_KEY: {"index": origin.index, "uuid": origin.uuid, "id": ID in origin.mapping.get("properties", {})},
    }
    return {"settings": {"index": _build_settings(origin, profile, spec)}, "mappings": mapping}


def list_added(meta: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the fields that adoption added to an index's documents; none where it was not adopted."""
    adopted = meta.get(ADOPTED_KEY)
    return () if adopted is None else tuple(name for name in ADDED if not (name == ID and adopted["id"]))


def _build_settings(origin: Origin, profile: Profile, spec: IndexSpec) -> dict[str, Any]:
    kept = {name: copy.deepcopy(origin.settings[name]) for name in _KEPT if name in origin.settings}
    similarity = {"type": "BM25", "k1": profile.k1, "b": profile.b}
    replicas = {"auto_expand_replicas": "0-1"} if spec.replicas is None else {"number_of_replicas": spec.replicas}
    return {
        **kept,
        **_build_windows(origin.settings),
        **replicas,
        "number_of_shards": origin.shards,
        "knn": True,
        "knn.derived_source.enabled": spec.derived_source,
        "similarity": {**kept.get("similarity", {}), SIMILARITY: similarity},
    }


def _build_windows(settings: Mapping[str, Any]) -> dict[str, int]:
    """Give how many hits a search may ask for; said even where it is the default, as a template may say less."""
    window = max(_LEAST_WINDOW, int(settings.get("max_result_window", 0)))
    return {
        "max_result_window": window,
        "max_rescore_window": max(window, int(settings.get("max_rescore_window", 0))),
    }


def _refuse_our_names(origin: Origin, properties: Mapping[str, Any]) -> None:
    """Refuse a field that we would write over; an ``id`` that can be ours, too, is looked at in each document."""
    taken = [name for name in properties if is_taken(name)]
    if properties.get(ID, {}).get("type") == "keyword":
        taken.remove(ID)
        _check_id(origin, properties[ID])
    if taken:
        raise IndexStateError(
            f"{origin.name} has a field {taken[0]}, a name that hybrid needs for itself; give it another name there."
        )
    if SIMILARITY in origin.settings.get("similarity", {}):
        raise IndexStateError(f"{origin.name} has a similarity {SIMILARITY}, a name that hybrid needs for itself.")


def _check_id(origin: Origin, field: Mapping[str, Any]) -> None:
    """Refuse an ``id`` that does not give every id back as it was written."""
    odd = [
        name
        for name, value in field.items()
        if name not in _HARMLESS
        and not (name in ("index", "doc_values") and value is True)
        and not (name == "ignore_above" and value >= _LONGEST_ID)
    ]
    if odd:
        raise IndexStateError(
            f"{origin.name} has a field id, whose option {odd[0]} does not go with the ids that hybrid keeps "
            "there; index its documents again with id as a plain keyword, or under another name."
        )


def _feed_contents(origin: Origin, properties: dict[str, Any], path: str) -> None:
    """Let a field's text go to ``contents``, too."""
    field: dict[str, Any] = {"properties": properties}
    inside = ""
    for name in path.split("."):
        field = field.get("properties", {}).get(name, {})
        if not field:
            known = ", ".join(sorted(_list_textual(properties))) or "none that holds text"
            raise UsageError(f"{origin.name} has no field {path}; it has {known}.")
        if field.get("type") == "nested":
            raise UsageError(
                f"{inside}{name} of {origin.name} is nested; text inside cannot be searched as one field."
            )
        inside += f"{name}."
    if field.get("type") not in _TEXTUAL:
        raise UsageError(f"{path} of {origin.name} is {field.get('type', 'an object')}, no text.")
    before = field.get("copy_to", [])
    field["copy_to"] = [*([before] if isinstance(before, str) else before), CONTENTS]


def _list_textual(properties: Mapping[str, Any], prefix: str = "") -> list[str]:
    found = []
    for name, field in properties.items():
        if field.get("type") in _TEXTUAL:
            found.append(f"{prefix}{name}")
        found += _list_textual(field.get("properties", {}), f"{prefix}{name}.")
    return found
