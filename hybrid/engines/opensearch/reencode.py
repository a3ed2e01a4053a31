"""Another encoder for an index: its vectors come beside the old ones, and questions change over when all are there.

Nothing is copied, and text may come and go meanwhile. The old vectors stay as the way back, which is kept whole until
questions change over: what is written meanwhile gets both vectors.
"""

import dataclasses
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ...errors import IndexStateError, UsageError
from ...profile import Profile, to_meta
from ...records import Beside
from . import reads, writes
from .calls import Call, Conversation, ask, encode
from .fields import Other, read_others, reopen, write_others
from .fill import check_readable
from .lifecycle import META_KEY, OTHERS_KEY, Meta, read_profile
from .locks import Lock, hold_lock, prove_lock
from .patience import persist
from .pending import can_fill
from .queries import Target
from .vector_field import Clause, has_vector

PURPOSE = "change the encoder"
#: Vectors of a new field that are read back: an index that loses them must be noticed.
READ_BACK = 8
#: Whether vectors are left out of ``_source``; k-NN's default is that they are.
_DERIVED = "index.knn.derived_source.enabled"
_BLOCK = "index.blocks.write"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Change:
    """Whether questions use the new encoder, and what is in the way if they do not."""

    done: bool
    #: Passages that wait for the new encoder's vector.
    pending: int = 0
    #: Passages that have the old encoder's vector, and that the new one could not encode.
    losing: int = 0
    #: Passages that wait for the old encoder's vector, without which the way back would have gaps.
    behind: int = 0


def add_encoder(target: Target, profile: Profile) -> Conversation[Target]:
    """Make room for another encoder's vectors, which workers fill in from then on; gives the target for them."""
    index, field = reads.sole_index(target), profile.vector_field
    if target.profile.split_words:
        raise UsageError(
            f"Documents of {target.name} have a vector for each of their passages; another encoder comes by adopting "
            "their source once more, under another name."
        )

    def add(lock: Lock) -> Conversation[None]:
        body = yield from _read(index)
        meta = body["mappings"]["_meta"]
        main, others = read_profile(index, meta), read_others(meta, index)
        if main.vector_field == field:
            raise UsageError(f"{target.name} uses {main.pair_id} already.")
        if field in others:
            changed = {**others, field: _resume(others[field], profile)}
            yield from _write_meta(lock, index, {**meta, OTHERS_KEY: write_others(changed)})
            return
        like = body["mappings"]["properties"][main.vector_field]
        added = {**others, field: Other(profile, "filling")}
        mapping = {
            "properties": {field: {**like, "dimension": profile.dimension}},
            "_meta": {**meta, OTHERS_KEY: write_others(added)},
        }
        yield from _add_field(lock, index, body["settings"], mapping)

    yield from _locked(index, add)
    return (yield from reopen(dataclasses.replace(target, profile=profile, is_main=False)))


def finish(target: Target, *, allow_losing: bool = False, allow_gaps: bool = False) -> Conversation[Change]:
    """Let questions use a target's encoder if it has a vector of every passage, or of all that it can read.

    The encoder before must have one, too. ``allow_losing`` takes passages in that lose a vector by the change,
    ``allow_gaps`` those that the way back would lack.
    """
    index, field = reads.sole_index(target), target.profile.vector_field

    def switch(lock: Lock) -> Conversation[Change]:
        meta = (yield from _read(index))["mappings"]["_meta"]
        main = read_profile(index, meta)
        if main.vector_field == field:
            return Change(done=True)
        other = read_others(meta, index).get(field)
        if other is None or not other.filling:
            raise IndexStateError(
                f"{target.name} does not wait for {target.profile.pair_id} any more; it was given up."
            )
        yield from writes.refresh(target)
        change = yield from _count(target, main)
        if change.pending or (change.losing and not allow_losing) or (change.behind and not allow_gaps):
            return change
        yield from _write_meta(lock, index, _swap(index, meta, field))
        return dataclasses.replace(change, done=True)

    return (yield from _locked(index, switch))


def go_back(target: Target, names: Collection[str] = ()) -> Conversation[Profile]:
    """Let questions use an encoder again whose vectors were kept, at once; gives its profile.

    ``names`` are those that it may go by, before the @ or whole; none where there is one only.
    An encoder that is still being filled in is given up instead; its vectors so far stay for whoever goes on with it.
    """
    index = reads.sole_index(target)
    found = read_others((yield from _read(index))["mappings"]["_meta"], index)
    gives_up = not names and any(other.filling for other in found.values())
    # Chosen once: whoever asks again because an answer got lost must not be sent forth once more.
    goal = None if gives_up else _choose(target.name, found, names)

    def back(lock: Lock) -> Conversation[Profile]:
        meta = (yield from _read(index))["mappings"]["_meta"]
        main, others = read_profile(index, meta), read_others(meta, index)
        if goal is None:
            left = {field: _give_up(other) for field, other in others.items()}
            yield from _write_meta(lock, index, {**meta, OTHERS_KEY: write_others(left)})
        elif main.vector_field != goal:
            yield from _write_meta(lock, index, _swap(index, meta, goal))
            return others[goal].profile
        return main

    return (yield from _locked(index, back))


def probe(target: Target) -> Conversation[None]:
    """Read some vectors back that are searchable; an index that loses them is an error."""
    yield from writes.refresh(target)
    body = {"query": has_vector(target.profile), "size": READ_BACK, "_source": False, "track_total_hits": False}
    found = yield from ask(
        Call("POST", f"/{target.name}/_search", encode(body)), what=f"look at vectors of {target.name}"
    )
    yield from check_readable(target, *(hit["_id"] for hit in found["hits"]["hits"]))


def _locked(index: str, body: Callable[[Lock], Conversation[T]]) -> Conversation[T]:
    owner = secrets.token_hex(8)
    return (yield from persist(lambda: hold_lock(index, owner, PURPOSE, body)))


def _read(index: str) -> Conversation[Mapping[str, Any]]:
    call = Call("GET", f"/{index}", params={"flat_settings": "true"})
    (body,) = (yield from ask(call, what=f"read the encoders of {index}")).values()
    read: Mapping[str, Any] = body
    return read


def _write_meta(lock: Lock, index: str, meta: Meta) -> Conversation[None]:
    yield from prove_lock(lock)
    yield from ask(Call("PUT", f"/{index}/_mapping", encode({"_meta": meta})), what=f"{PURPOSE} of {index}")


def _give_up(other: Other) -> Other:
    left: dict[Beside, Beside] = {"filling": "given up", "refilling": "kept"}
    return dataclasses.replace(other, state=left.get(other.state, other.state))


def _resume(other: Other, said: Profile) -> Other:
    """Fill a known encoder in again; a scale that a person gives now, or has found out, is meant to count."""
    profile = other.profile
    if said.scale_source in ("given", "auto") and said.scale != profile.scale:
        names = ("scale", "scale_source", "sim_prior", "sim_prior_source")
        profile = dataclasses.replace(profile, **{name: getattr(said, name) for name in names})
    return Other(profile, "refilling" if other.state in ("kept", "refilling") else "filling")


def _swap(index: str, meta: Meta, field: str) -> Meta:
    """Exchange the encoder that questions use for another one, and keep it."""
    main, others = read_profile(index, meta), read_others(meta, index)
    chosen = others.pop(field)
    others[main.vector_field] = Other(main, "kept")
    return {**meta, META_KEY: to_meta(chosen.profile), OTHERS_KEY: write_others(others)}


def _choose(index: str, others: Mapping[str, Other], names: Collection[str]) -> str:
    """Find the field of the encoder that is meant among those that are kept."""
    pairs = {field: other.profile.pair_id for field, other in others.items() if other.state == "kept"}
    found = [field for field, pair in pairs.items() if not names or {pair, pair.rpartition("@")[0]} & set(names)]
    if len(found) == 1:
        return found[0]
    if not pairs:
        raise UsageError(f"{index} has the whole vectors of one encoder only; there is no way back.")
    kept = ", ".join(sorted(pairs.values()))
    raise UsageError(f"{index} keeps vectors of {kept}; say which to go back to: --back --encoder NAME.")


def _count(target: Target, main: Profile) -> Conversation[Change]:
    gave_up = reads.failed(target)
    waits_for_old = reads.unencoded(dataclasses.replace(target, profile=main, is_main=True))
    groups: dict[str, Clause] = {
        "pending": reads.unencoded(target),
        "losing": {"bool": {"filter": [gave_up, has_vector(main)]}},
        "behind": waits_for_old if can_fill(main) else {"match_none": {}},
    }
    aggregations = {name: {"filter": clause} for name, clause in groups.items()}
    body = {"size": 0, "track_total_hits": False, "aggs": aggregations}
    call = Call("POST", f"/{target.name}/_search", encode(body), {"allow_partial_search_results": "false"})
    counted = (yield from ask(call, what=f"count the vectors of {target.name}"))["aggregations"]
    return Change(done=False, **{name: counted[name]["doc_count"] for name in groups})


def _add_field(lock: Lock, index: str, settings: Mapping[str, Any], mapping: Mapping[str, Any]) -> Conversation[None]:
    """Add a vector field.

    Where vectors are derived, documents in the indexing buffer would lose their new vectors: then nobody may write
    while the buffer is emptied and the field comes. Writers wait for that moment.
    """
    put = Call("PUT", f"/{index}/_mapping", encode(mapping))
    yield from prove_lock(lock)
    if settings.get(_DERIVED, "true") != "true":
        yield from ask(put, what=f"add an encoder to {index}")
        return
    if settings.get(_BLOCK) == "true":
        raise IndexStateError(
            f"{index} takes no writes because its setting {_BLOCK} is true, so it can get no vectors; set that to "
            "null first."
        )
    try:
        yield from ask(Call("PUT", f"/{index}/_block/write"), what=f"pause writes to {index}")
        yield from ask(Call("POST", f"/{index}/_flush", params={"force": "true"}), what=f"flush {index}")
        yield from ask(Call("POST", f"/{index}/_refresh"), what=f"refresh {index}")
        # Each of these may have taken its time.
        yield from prove_lock(lock)
        yield from ask(put, what=f"add an encoder to {index}")
    finally:
        lift = Call("PUT", f"/{index}/_settings", encode({_BLOCK: None}))
        yield from persist(lambda: ask(lift, what=f"let writes to {index} go on"))
