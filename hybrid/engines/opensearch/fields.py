"""Encoders of one index: the one that questions use, and others whose vectors are filled in or kept beside its own.

``_meta.hybrid`` is the profile that questions use; ``_meta.hybrid_fields`` holds the others by the names of their
vector fields. Vectors of two encoders so never share a field.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import IndexStateError
from ...profile import Profile, from_meta, to_meta
from ...records import FILLING, Beside
from .calls import Call, Conversation, ask
from .lifecycle import META_KEY, OTHERS_KEY, Meta, change_meta, open_target, read_profile
from .patience import persist
from .queries import Target


@dataclass(frozen=True, slots=True)
class Other:
    """An encoder beside the one that questions use."""

    profile: Profile
    state: Beside

    @property
    def filling(self) -> bool:
        """Whether workers fill its vectors in."""
        return self.state in FILLING


def read_others(meta: Meta, where: str) -> dict[str, Other]:
    """Read the other encoders of an index by their vector fields."""
    return {
        # Before states had names there were two.
        field: Other(
            from_meta(other["profile"], where), other.get("state", "filling" if other.get("filling") else "kept")
        )
        for field, other in meta.get(OTHERS_KEY, {}).items()
    }


def write_others(others: Mapping[str, Other]) -> dict[str, Any]:
    """Write the other encoders as JSON; the twin of ``read_others``."""
    return {field: {"profile": to_meta(other.profile), "state": other.state} for field, other in others.items()}


def open_field(index: str, field: str) -> Conversation[Target | None]:
    """Open an index for one of its encoders; None if none of them keeps its vectors in ``field``."""
    target = yield from open_target(index)
    if target.profile.vector_field == field:
        return target
    other = (yield from list_others(target)).get(field)
    return dataclasses.replace(target, profile=other.profile, is_main=False) if other else None


def list_others(target: Target) -> Conversation[dict[str, Other]]:
    """Give the other encoders of an index by their vector fields."""
    found = yield from ask(Call("GET", f"/{target.name}/_mapping"), what=f"read the encoders of {target.name}")
    (body,) = found.values()
    return read_others(body["mappings"].get("_meta", {}), target.name)


def change_encoder(target: Target, change: Callable[[Profile], Profile]) -> Conversation[Target]:
    """Replace the profile of a target, be it the one that questions use by now or another."""
    field = target.profile.vector_field

    def replace(index: str, meta: Meta) -> Meta:
        main, others = read_profile(index, meta), read_others(meta, index)
        if main.vector_field == field:
            return {**meta, META_KEY: to_meta(change(main))}
        if field not in others:
            return meta
        changed = dataclasses.replace(others[field], profile=change(others[field].profile))
        return {**meta, OTHERS_KEY: write_others({**others, field: changed})}

    yield from change_meta(target.name, "change an encoder", replace)
    return (yield from reopen(target))


def reopen(target: Target) -> Conversation[Target]:
    """Give a target as the index says now, for the same vectors."""
    field = target.profile.vector_field
    found = yield from persist(lambda: open_field(target.name, field))
    if found is None:
        raise IndexStateError(f"{target.name} keeps no vectors in {field} any more; they were not written.")
    return found
