"""An index from birth to death: create, open, change the profile, settle, drop; all as conversations."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import mappings

from ...errors import (
    IndexExistsError,
    IndexMissingError,
    ProfileError,
    RefusedError,
    SimilarityError,
    UnreachableError,
)
from ...passages import CONTENTS, META, TEXT, TITLE
from ...profile import Profile, from_meta, to_meta
from ..spec import IndexSpec
from .calls import Call, Conversation, ask, check, encode
from .locks import Lock, hold_locks, prove_lock
from .names import IndexName, build_index_name, build_jobs_name
from .patience import persist
from .queries import Target
from .vector_field import build_field, read_dimension

MAPPING = "passages"
META_KEY = "hybrid"
#: Other encoders of the index, see ``fields``.
OTHERS_KEY = "hybrid_fields"
#: OpenSearch's ``BM25`` was ``LegacyBM25``, with a factor k1 + 1 on every score, before version 3.
FIRST_VERSION_WITHOUT_FACTOR = 3
_NOT_OPENSEARCH = "What answers at the address is not OpenSearch; check host, port and path."
#: A declared field takes whatever a guessed one of its type takes.
_LENIENT: Mapping[str, Mapping[str, Any]] = {
    "keyword": {"ignore_above": 1024},
    "date": {"format": "strict_date_optional_time||yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis"},
}

Meta = Mapping[str, Any]


def build_index_body(profile: Profile, spec: IndexSpec) -> dict[str, Any]:
    """Write settings and mapping of a new index."""
    body = mappings.load(MAPPING)
    index = body["settings"]["index"]
    index["number_of_shards"] = spec.shards
    index["knn.derived_source.enabled"] = spec.derived_source
    index["similarity"]["default"] |= {"k1": profile.k1, "b": profile.b}
    if spec.replicas is not None:
        del index["auto_expand_replicas"]
        index["number_of_replicas"] = spec.replicas
    properties = body["mappings"]["properties"]
    for name in (CONTENTS, TITLE, TEXT):
        properties[name]["analyzer"] = profile.analyzer
    if spec.meta_types:
        declared = {name: {"type": kind, **_LENIENT.get(kind, {})} for name, kind in spec.meta_types.items()}
        properties[META]["properties"] = declared
    properties[profile.vector_field] = build_field(profile, spec)
    body["mappings"]["_meta"][META_KEY] = to_meta(profile)
    return body


def create_index(alias: str, profile: Profile, spec: IndexSpec) -> Conversation[str]:
    """Create version 1 of an index behind ``alias`` and give its concrete name."""
    name = build_index_name(IndexName(alias, 1, mappings.checksum(MAPPING)))
    taken = yield Call("HEAD", f"/{alias}")
    if taken.ok:
        raise IndexExistsError(f"Cannot create {alias}: an index or alias of that name exists.")
    body = build_index_body(profile, spec) | {"aliases": {alias: {}}}
    try:
        yield from ask(Call("PUT", f"/{name}", encode(body)), what=f"create {alias}")
    except RefusedError as error:
        if error.kind == "resource_already_exists_exception":
            raise IndexExistsError(
                f"Cannot create {alias}: {name} exists without its alias; delete it first."
            ) from error
        raise
    return name


def drop_index(alias: str) -> Conversation[None]:
    """Delete every index behind ``alias``, and its locks and jobs."""
    found = yield from ask(Call("GET", f"/{alias}"), what=f"delete {alias}")
    # The indexes go last: as long as one is there, whoever was interrupted can give the command again.
    for name in (*sorted(set(map(build_jobs_name, found))), *found):
        answer = yield Call("DELETE", f"/{name}")
        if answer.status != 404:
            check(answer, f"delete {name}")


def open_target(name: str) -> Conversation[Target]:
    """Read what queries must know of an index or alias; refuse what cannot be ranked rightly."""
    cluster = yield from ask(Call("GET", "/"), what="open the index")
    major = _read_major(cluster)
    found = yield from ask(Call("GET", f"/{name}"), what=f"open {name}")
    if not found:
        raise IndexMissingError(f"Cannot open {name}: no index stands behind it.")
    if not all(isinstance(body, Mapping) and {"mappings", "settings"} <= body.keys() for body in found.values()):
        raise UnreachableError(_NOT_OPENSEARCH)
    profile = _one_profile(name, found)
    factors = {read_bm25_factor(index, body, profile, major) for index, body in found.items()}
    if len(factors) > 1:
        raise SimilarityError(f"The indexes behind {name} score BM25 differently: {_listed(found)}.")
    shards = sum(int(body["settings"]["index"]["number_of_shards"]) for body in found.values())
    return Target(name, tuple(sorted(found)), profile, shards, factors.pop())


def read_meta_types(target: Target) -> Conversation[dict[str, str]]:
    """Give the type of each metadata field, declared or guessed."""
    found = yield from ask(Call("GET", f"/{target.name}/_mapping"), what=f"read the mapping of {target.name}")
    fields = (body["mappings"]["properties"].get(META, {}) for body in found.values())
    return dict(one for field in fields for one in _list_types(field))


def read_bm25_factor(name: str, index: Mapping[str, Any], profile: Profile, major: int) -> float:
    """Give what the index's similarity multiplies Lucene's BM25 by; refuse any other similarity."""
    similarity = _similarity(index)
    kind = similarity.get("type", "BM25")
    if kind not in ("BM25", "LegacyBM25"):
        raise SimilarityError(f"{name} scores {CONTENTS} with the similarity {kind}; hybrid ranks with BM25 only.")
    # Lucene's own defaults; our indexes always name theirs.
    k1, b = float(similarity.get("k1", 1.2)), float(similarity.get("b", 0.75))
    if (k1, b) != (profile.k1, profile.b):
        raise SimilarityError(
            f"{name} scores with k1 {k1} and b {b}, but its profile says k1 {profile.k1} and b {profile.b}; "
            "create the index anew with the values that are meant."
        )
    return 1.0 if kind == "BM25" and major >= FIRST_VERSION_WITHOUT_FACTOR else k1 + 1


def change_profile(target: Target, change: Callable[[Profile], Profile]) -> Conversation[Target]:
    """Replace the profile behind an alias and give the new target; ``change`` may be asked more than once."""

    def replace(index: str, meta: Meta) -> Meta:
        return {**meta, META_KEY: to_meta(change(read_profile(index, meta)))}

    yield from change_meta(target.name, "change the profile", replace)
    return (yield from persist(lambda: open_target(target.name)))


def change_meta(name: str, purpose: str, change: Callable[[str, Meta], Meta]) -> Conversation[None]:
    """Replace ``_meta`` of every index behind a name under the indexes' locks: it can only be written whole."""
    owner = secrets.token_hex(8)

    def change_all() -> Conversation[None]:
        found = yield from ask(Call("GET", f"/{name}"), what=f"read the profile of {name}")

        def replace(locks: tuple[Lock, ...]) -> Conversation[None]:
            for index in found:
                yield from _replace_meta(index, locks, purpose, change)

        yield from hold_locks(found, owner, purpose, replace)

    # Tried again as a whole: whoever waits too long in between may have lost the lock.
    yield from persist(change_all)


def _replace_meta(
    index: str, locks: tuple[Lock, ...], purpose: str, change: Callable[[str, Meta], Meta]
) -> Conversation[None]:
    found = yield from ask(Call("GET", f"/{index}"), what=f"read the profile of {index}")
    before = found[index]["mappings"].get("_meta", {})
    after = change(index, before)
    if after != before:
        for lock in locks:
            yield from prove_lock(lock)
        yield from ask(Call("PUT", f"/{index}/_mapping", encode({"_meta": after})), what=f"{purpose} of {index}")


def read_profile(index: str, meta: Meta) -> Profile:
    """Read the profile that questions use."""
    if META_KEY not in meta:
        raise ProfileError(
            f"{index} has no hybrid profile, so it is not known which encoder its vectors come from; "
            "hybrid ingest makes an index, and hybrid adopt makes one of an index that is there."
        )
    return from_meta(meta[META_KEY], index)


def _one_profile(name: str, found: Mapping[str, Any]) -> Profile:
    """Give the profile that all indexes behind a name share."""
    profiles: dict[str, Profile] = {}
    for index, body in found.items():
        profiles[index] = read_profile(index, body.get("mappings", {}).get("_meta", {}))
        _check_fields(index, profiles[index], body["mappings"].get("properties", {}))
    first = next(iter(profiles.values()))
    if any(profile != first for profile in profiles.values()):
        raise ProfileError(
            f"The indexes behind {name} have different profiles ({_listed(found)}), so their scores cannot be "
            "compared; search one of them, or point the alias at one."
        )
    return first


def _check_fields(index: str, profile: Profile, properties: Mapping[str, Any]) -> None:
    """Refuse an index without the two fields that are searched, or with vectors of another size."""
    for name in (CONTENTS, profile.vector_field):
        if name not in properties:
            raise ProfileError(f"{index} has no field {name}, so it cannot be searched; create it anew with hybrid.")
    dimension = read_dimension(profile, properties)
    if dimension != profile.dimension:
        raise ProfileError(
            f"{profile.vector_field} of {index} has the dimension {dimension}, its profile says {profile.dimension}; "
            "create the index anew."
        )


def _list_types(field: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, body in field.get("properties", {}).items():
        if body.get("type", "object") == "object":
            yield from _list_types(body, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", body["type"]


def _similarity(index: Mapping[str, Any]) -> Mapping[str, Any]:
    configured: Mapping[str, Any] = index["settings"]["index"].get("similarity", {})
    chosen = index["mappings"].get("properties", {}).get(CONTENTS, {}).get("similarity", "default")
    similarity: Mapping[str, Any] = configured.get(chosen, {"type": "BM25" if chosen == "default" else chosen})
    return similarity


def _read_major(cluster: Any) -> int:
    """Give the cluster's major version, if it is a cluster that answers."""
    try:
        return int(str(cluster["version"]["number"]).split(".")[0])
    except (KeyError, TypeError, ValueError) as error:
        raise UnreachableError(_NOT_OPENSEARCH) from error


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(sorted(names))
