"""Another index's documents into one that is hybrid: pages of a shard in the order of its writes, copied in bulk.

A shard numbers its writes, and a later write has a higher number. So what was copied is told by one number a shard:
a second pass reads what came after it, and nothing else. Removals leave no trace in the origin; they are found by
asking it for the ids that were copied.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mappings

from ...errors import IndexExistsError, IndexStateError
from ...passages import ENCODED_HASH, ID, PENDING, TEXT_HASH, hash_text
from ...profile import Profile
from ...records import BulkReport, Encode
from ..spec import IndexSpec
from . import reads, writes
from .adopted_body import ADOPTED_KEY, Origin, build_adopted_body, read_origin
from .bulk import Action, split_batches, write_batch
from .calls import Call, Conversation, ask, check, encode, encode_lines
from .encoding import encode_documents
from .layout import read_pair
from .lifecycle import MAPPING, open_target
from .names import IndexName, build_index_name
from .queries import KEEP_ALIVE, Target
from .reads import Place, name_place

#: Documents of a page; they may be large.
PAGE = 256
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it is stored, and the number of the write that it comes from."""

    id: str
    source: Mapping[str, Any]
    number: int
    routing: str | None

    @property
    def place(self) -> Place:
        """Where it is, and is to be."""
        return self.id, self.routing


@dataclass(slots=True)
class _Draft:
    """A document on its way into the new index."""

    document: Document
    pair: tuple[str, str]
    text_hash: str
    vector: Any = None

    def to_action(self, profile: Profile) -> Action:
        ours: dict[str, Any] = {ID: self.document.id, TEXT_HASH: self.text_hash, PENDING: self.vector is None}
        if self.vector is not None:
            ours |= {profile.vector_field: self.vector, ENCODED_HASH: self.text_hash}
        head = {"index": name_place(self.document.place)}
        return Action(self.document.id, encode_lines(head, {**self.document.source, **ours}))


def open_origin(name: str) -> Conversation[Origin]:
    """Read the index that is to be adopted."""
    return read_origin(name, (yield from ask(Call("GET", f"/{name}"), what=f"read {name}")))


def create_adopted(origin: Origin, alias: str, profile: Profile, spec: IndexSpec) -> Conversation[Target]:
    """Create the index behind ``alias`` that is to hold ``origin``'s documents."""
    name = build_index_name(IndexName(alias, 1, mappings.checksum(MAPPING)))
    body = build_adopted_body(origin, profile, spec) | {"aliases": {alias: {}}}
    yield from ask(Call("PUT", f"/{name}", encode(body)), what=f"create {alias}")
    return (yield from open_target(alias))


def open_adopted(origin: Origin, alias: str) -> Conversation[Target | None]:
    """Open the index ``alias`` that holds ``origin``'s documents; None if there is none, and no other is touched."""
    answer = yield Call("GET", f"/{alias}/_mapping")
    if answer.status == _NOT_FOUND:
        return None
    found = check(answer, f"read {alias}")
    for body in found.values():
        adopted = body["mappings"].get("_meta", {}).get(ADOPTED_KEY)
        if adopted is None:
            raise IndexExistsError(f"{alias} exists, and was not made by hybrid adopt; choose another name.")
        if adopted["uuid"] != origin.uuid:
            raise IndexStateError(
                f"{alias} holds the documents of {adopted['index']}, or of one that had the name of {origin.index}; "
                "choose another name."
            )
    return (yield from open_target(alias))


def read_numbers(origin: Origin) -> Conversation[dict[int, int]]:
    """Give for each shard the number up to which all writes are done; -1 before the first."""
    call = Call("GET", f"/{origin.index}/_stats/docs", params={"level": "shards"})
    found = yield from ask(call, what=f"read the state of {origin.name}")
    shards: Mapping[str, Any] = found["indices"][origin.index]["shards"]
    return {
        int(shard): int(one["seq_no"]["global_checkpoint"])
        for shard, copies in shards.items()
        for one in copies
        if one["routing"]["primary"]
    }


def open_shard(origin: Origin, shard: int) -> Conversation[str]:
    """Freeze one shard as it is now, and give the name of the snapshot."""
    params = {"keep_alive": KEEP_ALIVE, "preference": f"_shards:{shard}"}
    call = Call("POST", f"/{origin.index}/_search/point_in_time", params=params)
    return str((yield from ask(call, what=f"read {origin.name}"))["pit_id"])


def read_documents(snapshot: str, beyond: int) -> Conversation[list[Document]]:
    """Give the next documents of a shard, in the order of the writes beyond a number."""
    body = {
        "pit": {"id": snapshot, "keep_alive": KEEP_ALIVE},
        "query": {"range": {"_seq_no": {"gt": beyond}}},
        "sort": [{"_seq_no": "asc"}],
        "size": PAGE,
        "seq_no_primary_term": True,
        "track_total_hits": False,
    }
    call = Call("POST", "/_search", encode(body), {"allow_partial_search_results": "false"})
    hits = (yield from ask(call, what="read documents"))["hits"]["hits"]
    return [Document(hit["_id"], hit["_source"], hit["_seq_no"], hit.get("_routing")) for hit in hits]


def copy_documents(
    target: Target, documents: Sequence[Document], encode: Encode | None
) -> Conversation[tuple[Target, BulkReport]]:
    """Write documents as they are, with what we add; one whose text has not changed keeps its vector.

    Without ``encode`` the others wait for one. Gives the target with the profile as it is afterwards.
    """
    known = yield from _read_vectors(target, [one.place for one in documents])
    drafts = [_draft(target.profile, one, known.get(one.place, {})) for one in documents]
    norm = _add_vectors(target.profile, drafts, encode) if encode else 0.0
    target = yield from writes.fit_norm(target, norm)
    report = BulkReport()
    for batch in split_batches([draft.to_action(target.profile) for draft in drafts]):
        report += yield from write_batch(target.name, batch, alias=target.is_alias)
    return target, report


def remove_gone(origin: Origin, target: Target, snapshot: str, after: Any) -> Conversation[tuple[int, Any]]:
    """Remove documents of one page of a snapshot that the origin has no more; gives how many, and what is next."""
    page = yield from reads.read_page(snapshot, reads.everything(), [], after)
    ids = [stored.id for stored in page.passages]
    there = (yield from _list_places(origin, ids)) if ids else set()
    gone = [stored.place for stored in page.passages if stored.place not in there]
    report = BulkReport()
    for batch in split_batches([Action(place[0], encode_lines({"delete": name_place(place)})) for place in gone]):
        report += yield from write_batch(target.name, batch, alias=target.is_alias)
    return report.deleted, page.after


def count(name: str) -> Conversation[int]:
    """Count the documents of an index."""
    yield from ask(Call("POST", f"/{name}/_refresh"), what=f"refresh {name}")
    return int((yield from ask(Call("GET", f"/{name}/_count"), what=f"count {name}"))["count"])


def _list_places(origin: Origin, ids: Sequence[str]) -> Conversation[set[Place]]:
    """Give where documents of these ids are in the origin; one that is there twice is refused."""
    # One more than there can be: routings let an id be there more than once.
    body = {"query": {"ids": {"values": ids}}, "size": len(ids) + 1, "_source": False, "track_total_hits": False}
    call = Call("POST", f"/{origin.index}/_search", encode(body), {"allow_partial_search_results": "false"})
    hits = (yield from ask(call, what=f"look for documents in {origin.name}"))["hits"]["hits"]
    twice = [name for name, number in Counter(hit["_id"] for hit in hits).items() if number > 1]
    if twice:
        raise IndexStateError(
            f"{origin.name} has two documents {twice[0]}, with different routings; hybrid tells documents by id."
        )
    return {(hit["_id"], hit.get("_routing")) for hit in hits}


def _read_vectors(target: Target, places: Sequence[Place]) -> Conversation[dict[Place, Mapping[str, Any]]]:
    """Give what is stored of documents that were copied before: vectors and the hashes of their texts."""
    fields = [TEXT_HASH, ENCODED_HASH, target.profile.vector_field]
    return {one.place: one.source for one in (yield from reads.read_at(target, places, fields))}


def _draft(profile: Profile, document: Document, before: Mapping[str, Any]) -> _Draft:
    said = document.source.get(ID, document.id)
    if said != document.id:
        raise IndexStateError(
            f"The field id of document {document.id} says {said!r}; hybrid needs a field of that name for the "
            "document's own id: give yours another name."
        )
    pair = read_pair(document.source, profile.text_fields)
    draft = _Draft(document, pair, hash_text(*pair))
    if before.get(ENCODED_HASH) == draft.text_hash:
        draft.vector = before.get(profile.vector_field)
    return draft


def _add_vectors(profile: Profile, drafts: Sequence[_Draft], encode: Encode) -> float:
    """Encode what has no vector; what cannot be encoded stays without. Gives the length of the longest vector."""
    wanted, longest = [draft for draft in drafts if draft.vector is None], 0.0
    outcomes = encode_documents(profile, [(draft.document.id, draft.pair) for draft in wanted], encode)
    for draft, outcome in zip(wanted, outcomes, strict=True):
        if not isinstance(outcome, str):
            draft.vector, longest = outcome.value, max(longest, outcome.norm)
    return longest
