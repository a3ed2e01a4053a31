"""Another index's documents into one that is hybrid: pages of a shard in the order of its writes, copied in bulk.

A shard numbers its writes, and a later write has a higher number. So what was copied is told by one number a shard:
a second pass reads what came after it, and what was refused before, by its numbers. Removals leave no trace in the
origin; they are found by asking it for the ids that were copied.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mappings

from ...errors import IndexExistsError, IndexStateError
from ...passages import ENCODE_ERROR, ENCODED_HASH, ID, PENDING, TEXT_HASH, hash_text
from ...profile import Profile
from ...records import BulkReport, Encode, Failure
from ..spec import IndexSpec
from . import reads, writes
from .adopted_body import ADOPTED_KEY, Origin, build_adopted_body, read_origin
from .bulk import Action, split_batches, write_batch
from .calls import Call, Conversation, ask, check, decode, encode, encode_lines
from .encoding import Encoded, Pair, encode_documents, group_by_parts
from .fill import OF_ONE, add_trouble, name_refusal
from .layout import is_taken, read_pair
from .lifecycle import MAPPING, open_target
from .moment import HELD_ALIVE
from .names import IndexName, build_index_name
from .queries import Clause, Target, at_point
from .reads import Place, name_place

#: Documents of a page; they may be large.
PAGE = 256
_BAD_REQUEST = 400
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it is stored, and the number of the write that it comes from."""

    id: str
    #: Its numbers keep their digits.
    source: Mapping[str, Any]
    number: int
    routing: str | None

    @property
    def place(self) -> Place:
        """Where it is, and is to be."""
        return self.id, self.routing


@dataclass(frozen=True, slots=True)
class Copied:
    """What became of some documents."""

    report: BulkReport = dataclasses.field(default_factory=BulkReport)
    #: What the new index did not take as it should be, and why; it may be there without its vector.
    refused: tuple[Failure, ...] = ()

    def __add__(self, other: "Copied") -> "Copied":
        return Copied(self.report + other.report, self.refused + other.refused)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A document on its way into the new index."""

    document: Document
    pair: Pair
    text_hash: str

    def to_action(self, profile: Profile, outcome: Encoded | str | None) -> Action:
        """Write it with its vector, with the reason why there is none, or to wait for one."""
        ours: dict[str, Any] = {ID: self.document.id, TEXT_HASH: self.text_hash}
        ours[PENDING] = not isinstance(outcome, Encoded)
        if isinstance(outcome, Encoded):
            ours |= {profile.vector_field: outcome.value, ENCODED_HASH: self.text_hash}
        elif outcome is not None:
            ours[ENCODE_ERROR] = add_trouble(None, outcome, profile.fingerprint, self.text_hash)
        head = {"index": name_place(self.document.place)}
        return Action(self.document.id, encode_lines(head, {**self.document.source, **ours}))


def open_origin(name: str) -> Conversation[Origin]:
    """Read the index that is to be adopted."""
    return read_origin(name, (yield from ask(Call("GET", f"/{name}"), what=f"read {name}")))


def create_adopted(origin: Origin, alias: str, profile: Profile, spec: IndexSpec) -> Conversation[Target]:
    """Create the index behind ``alias`` that is to hold ``origin``'s documents."""
    _check_window(origin)
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
    # Encoding a page of long documents may take many minutes, in which nothing is read.
    params = {"keep_alive": HELD_ALIVE, "preference": f"_shards:{shard}"}
    call = Call("POST", f"/{origin.index}/_search/point_in_time", params=params)
    return str((yield from ask(call, what=f"read {origin.name}"))["pit_id"])


def read_documents(snapshot: str, beyond: int, among: Sequence[int] | None = None) -> Conversation[list[Document]]:
    """Give the next documents of a shard, in the order of the writes beyond a number; of these all, or only some."""
    wanted: list[Clause] = [{"range": {"_seq_no": {"gt": beyond}}}]
    if among is not None:
        wanted.append({"terms": {"_seq_no": list(among)}})
    body = {
        **at_point(snapshot),
        "query": {"bool": {"filter": wanted}},
        "sort": [{"_seq_no": "asc"}],
        "size": PAGE,
        "seq_no_primary_term": True,
        "track_total_hits": False,
    }
    call = Call("POST", "/_search", encode(body), {"allow_partial_search_results": "false"}, digits=True)
    hits = (yield from ask(call, what="read documents"))["hits"]["hits"]
    return [Document(hit["_id"], hit["_source"], hit["_seq_no"], hit.get("_routing")) for hit in hits]


def copy_documents(
    target: Target, documents: Sequence[Document], encode: Encode | None
) -> Conversation[tuple[Target, Copied]]:
    """Write documents as they are, with what we add; one whose text has not changed keeps its vector.

    Without ``encode`` the others wait for one. A document that would not be the same afterwards is refused. Gives the
    target with the profile as it is afterwards.
    """
    troubles = {one.place: trouble for one in documents if (trouble := _find_trouble(one)) is not None}
    drafts = [_draft(target.profile, one) for one in documents if one.place not in troubles]
    before = yield from _read_before(target, [one.document.place for one in drafts], [ENCODED_HASH])
    copied = Copied(refused=tuple(Failure(place[0], _BAD_REQUEST, why) for place, why in troubles.items()))
    for group in group_by_parts(target.profile, drafts, lambda draft: draft.pair):
        same = [one for one in group if before.get(one.document.place, {}).get(ENCODED_HASH) == one.text_hash]
        outcomes = yield from _read_vectors(target, same)
        if encode:
            outcomes |= _encode(target.profile, [one for one in group if one.document.place not in outcomes], encode)
        norms = [one.norm for one in outcomes.values() if isinstance(one, Encoded)]
        target = yield from writes.fit_norm(target, max(norms, default=0.0))
        copied += yield from _write(target, group, outcomes)
    return target, copied


def remove_gone(origin: Origin, target: Target, snapshot: str, after: Any) -> Conversation[tuple[int, Any]]:
    """Remove documents of one page of a snapshot that the origin has no more; gives how many, and what is next."""
    page = yield from reads.read_page(snapshot, reads.everything(), False, after)
    ids = [stored.id for stored in page.passages]
    there: set[Place] = set()
    for start in range(0, len(ids), PAGE):
        there |= yield from _list_places(origin, ids[start : start + PAGE])
    gone = [stored.place for stored in page.passages if stored.place not in there]
    actions = (Action(place[0], encode_lines({"delete": name_place(place)})) for place in gone)
    report = yield from _send(target, actions)
    return report.deleted, page.after


def count(name: str) -> Conversation[int]:
    """Count the documents of an index."""
    yield from ask(Call("POST", f"/{name}/_refresh"), what=f"refresh {name}")
    return int((yield from ask(Call("GET", f"/{name}/_count"), what=f"count {name}"))["count"])


def _check_window(origin: Origin) -> None:
    """Refuse an origin that does not give as much as is asked of it at once."""
    window = origin.settings.get("max_result_window")
    if window is not None and int(window) <= PAGE:
        raise IndexStateError(
            f"{origin.name} gives {window} hits at the most, and hybrid adopt reads {PAGE + 1} at once; raise its "
            "index.max_result_window, and run the same command again."
        )


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


def _read_before(
    target: Target, places: Sequence[Place], fields: Sequence[str]
) -> Conversation[dict[Place, Mapping[str, Any]]]:
    """Give what is stored of documents that were copied before."""
    return {one.place: one.source for one in (yield from reads.read_at(target, places, fields))}


def _read_vectors(target: Target, same: Sequence[_Draft]) -> Conversation[dict[Place, Encoded | str]]:
    """Give the vectors of documents whose texts have not changed; they are no longer than the profile says."""
    field = target.profile.vector_field
    before = yield from _read_before(target, [one.document.place for one in same], [ENCODED_HASH, field])
    stored = {one.document.place: before.get(one.document.place, {}) for one in same}
    return {
        one.document.place: Encoded(stored[one.document.place][field], 0.0)
        for one in same
        if stored[one.document.place].get(ENCODED_HASH) == one.text_hash
        and stored[one.document.place].get(field) is not None
    }


def _find_trouble(document: Document) -> str | None:
    """Say why a document would not be the same in the new index; None if it would."""
    taken = [name for name in document.source if name != ID and is_taken(name)]
    if taken:
        return f"it has a field {taken[0]}, a name that hybrid needs for itself; give it another name in the source"
    try:
        decode(encode(document.source).decode(), digits=False)
    except (TypeError, ValueError) as error:
        return f"what it holds can be stored, but not read again ({error}); change it in the source"
    return None


def _draft(profile: Profile, document: Document) -> _Draft:
    said = document.source.get(ID, document.id)
    if said != document.id:
        raise IndexStateError(
            f"The field id of document {document.id} says {said!r}; hybrid needs a field of that name for the "
            "document's own id: give yours another name."
        )
    pair = read_pair(document.source, profile.text_fields)
    return _Draft(document, pair, hash_text(*pair))


def _encode(profile: Profile, drafts: Sequence[_Draft], encode: Encode) -> dict[Place, Encoded | str]:
    """Give each document's vector, or the reason why there is none."""
    outcomes = encode_documents(profile, [(draft.document.id, draft.pair) for draft in drafts], encode)
    return {draft.document.place: outcome for draft, outcome in zip(drafts, outcomes, strict=True)}


def _write(target: Target, drafts: Sequence[_Draft], outcomes: Mapping[Place, Encoded | str]) -> Conversation[Copied]:
    """Write documents; one whose vector is not taken is written without it, and so found by its words."""
    report = yield from _send(target, _to_actions(target, drafts, outcomes))
    refused = {failure.id: failure for failure in report.failures}
    bare = [
        one for one in drafts if one.document.id in refused and isinstance(outcomes.get(one.document.place), Encoded)
    ]
    reasons: dict[Place, Encoded | str] = {one.document.place: name_refusal(refused[one.document.id]) for one in bare}
    again = yield from _send(target, _to_actions(target, bare, reasons))
    for one in bare:
        failure = refused[one.document.id]
        refused[failure.id] = dataclasses.replace(failure, reason=f"copied without its vector: {failure.reason}")
    refused |= {failure.id: failure for failure in again.failures}
    return Copied(dataclasses.replace(report + again, failures=()), tuple(refused.values()))


def _to_actions(
    target: Target, drafts: Iterable[_Draft], outcomes: Mapping[Place, Encoded | str]
) -> Iterator[Action]:
    return (one.to_action(target.profile, outcomes.get(one.document.place)) for one in drafts)


def _send(target: Target, actions: Iterable[Action]) -> Conversation[BulkReport]:
    """Send batch by batch; stops at a refusal that does not concern one document alone."""
    report = BulkReport()
    for batch in split_batches(actions):
        report += yield from write_batch(target.name, batch, alias=target.is_alias)
    for failure in report.failures:
        if failure.status not in OF_ONE:
            raise IndexStateError(f"{target.name} refuses document {failure.id}: {failure.reason}")
    return report
