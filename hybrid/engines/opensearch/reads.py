"""Passages out: what is stored of given ids, and whole indexes page by page.

Pages are read in the order of ids from a point in time, never by scroll: a closed scroll can leave a segment with
derived vectors unreadable.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import BusyError, IndexStateError, RefusedError, UnreachableError
from ...passages import (
    CONTENT_HASH,
    DOCUMENT_ID,
    ENCODE_ERROR,
    END,
    ID,
    META,
    NUMBER,
    PASSAGES_TOTAL,
    PENDING,
    START,
    TEXT,
    TITLE,
    Passage,
    from_document,
)
from ...profile import Profile
from ...records import State
from .calls import Call, Conversation, ask, encode, passes, read_error
from .layout import present, source_of
from .moment import at_moment
from .patience import persist
from .queries import KEEP_ALIVE, Clause, Target, at_point
from .vector_field import has_vector

PAGE = 1000
PAGE_OF_IDS = 10_000
_NOT_FOUND = 404
_ROUTING_MISSING = "routing_missing_exception"
#: An item that fails among many says no status of its own.
_FAILED = 500


#: An id, and the routing if there is one.
Place = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class Stored:
    """A passage as stored, with the version that was read."""

    id: str
    source: Mapping[str, Any]
    seq_no: int
    primary_term: int
    #: Says which shard it is on, where its id does not: only documents of adopted indexes have one.
    routing: str | None = None

    @property
    def place(self) -> "Place":
        """Where it is."""
        return self.id, self.routing

    def build_head(self) -> dict[str, Any]:
        """Name it in a bulk request, as the version that was read."""
        return {**name_place(self.place), "if_seq_no": self.seq_no, "if_primary_term": self.primary_term}


@dataclass(frozen=True, slots=True)
class Page:
    """Some passages in the order of their ids, and where the next page begins; ``after`` is None at the end."""

    passages: tuple[Stored, ...]
    after: Sequence[Any] | None


def sole_index(target: Target) -> str:
    """Give the one index behind a name; passages cannot be fetched or updated by id in several."""
    if len(target.indexes) != 1:
        raise IndexStateError(
            f"{target.name} stands for {len(target.indexes)} indexes ({', '.join(target.indexes)}); "
            "write to one of them by its own name."
        )
    return target.indexes[0]


def read_states(target: Target, ids: Sequence[str]) -> Conversation[dict[str, State]]:
    """Read the states of those passages that are stored, as of now, refreshed or not."""
    fields = [DOCUMENT_ID, CONTENT_HASH, PASSAGES_TOTAL, PENDING]
    found = yield from _get_many(target, [(one, None) for one in ids], fields)
    return {
        doc["_id"]: State(
            document_id=doc["_source"].get(DOCUMENT_ID, doc["_id"]),
            content_hash=doc["_source"].get(CONTENT_HASH, ""),
            passages_total=doc["_source"].get(PASSAGES_TOTAL, 1),
            pending=doc["_source"].get(PENDING, True),
        )
        for doc in found
    }


def read_stored(target: Target, ids: Sequence[str], fields: Sequence[str]) -> Conversation[list[Stored]]:
    """Read given fields of those passages that are stored, as of now or of the target's point in time.

    A document with a routing, which only adopted indexes have, is there once a search finds it.
    """
    if target.snapshot is not None:
        return (yield from at_moment(target, _find_many(target.snapshot, ids, fields, target.profile)))
    found = yield from read_at(target, [(one, None) for one in ids], fields)
    missing = set(ids) - {one.id for one in found} if target.profile.text_fields else ()
    return [*found, *(yield from read_elsewhere(target, sorted(missing), fields))] if missing else found


def read_elsewhere(target: Target, ids: Sequence[str], fields: Sequence[str]) -> Conversation[list[Stored]]:
    """Read documents whose routing is not known: a search tells it, and then they are read as of now."""
    places: list[Place] = []
    for start in range(0, len(ids), PAGE):
        named = list(ids[start : start + PAGE])
        body = {"query": {"ids": {"values": named}}, "size": PAGE, "_source": False, "track_total_hits": False}
        call = Call("POST", f"/{target.name}/_search", encode(body), {"allow_partial_search_results": "false"})
        hits = (yield from ask(call, what=f"look for documents in {target.name}"))["hits"]["hits"]
        places += [(hit["_id"], hit.get("_routing")) for hit in hits]
    return (yield from read_at(target, places, fields))


def read_at(target: Target, places: Sequence[Place], fields: Sequence[str]) -> Conversation[list[Stored]]:
    """Read given fields of those documents that are stored at places, as of now."""
    found = yield from _get_many(target, places, fields)
    return [
        Stored(doc["_id"], doc["_source"], doc["_seq_no"], doc["_primary_term"], doc.get("_routing")) for doc in found
    ]


def name_place(place: Place) -> dict[str, str]:
    """Write a place as requests of many items do."""
    name, routing = place
    return {"_id": name} if routing is None else {"_id": name, "routing": routing}


def open_snapshot(target: Target, keep_alive: str = KEEP_ALIVE) -> Conversation[str]:
    """Freeze the index as it is now and give the name of the snapshot."""
    call = Call("POST", f"/{target.name}/_search/point_in_time", params={"keep_alive": keep_alive})
    return str((yield from ask(call, what=f"read {target.name}"))["pit_id"])


def close_snapshot(snapshot: str) -> Conversation[None]:
    """Let a snapshot go; one that cannot be reached expires by itself."""
    with contextlib.suppress(UnreachableError):
        yield Call("DELETE", "/_search/point_in_time", encode({"pit_id": [snapshot]}))


def read_on(
    target: Target, snapshot: str, query: Clause, after: Sequence[Any] | None, size: int
) -> Conversation[tuple[str, Page]]:
    """Read what an encoder must see of the next page, with patience; a snapshot that died with its node is replaced.

    Gives the snapshot to read on from.
    """

    def attempt() -> Conversation[tuple[str, Page]]:
        try:
            return snapshot, (yield from read_page(snapshot, query, ENCODER_FIELDS, after, size, target.profile))
        except RefusedError as error:
            if error.status != _NOT_FOUND:
                raise
        fresh = yield from open_snapshot(target)
        return fresh, (yield from read_page(fresh, query, ENCODER_FIELDS, after, size, target.profile))

    return (yield from persist(attempt))


def read_page(
    snapshot: str,
    query: Clause,
    fields: Sequence[str] | bool,
    after: Sequence[Any] | None,
    size: int = PAGE,
    profile: Profile | None = None,
) -> Conversation[Page]:
    """Read one page of a snapshot; ``fields`` are those of ``_source`` to give, True for all, False for none.

    With a profile they are passages' fields, wherever its documents have them.
    """
    body: dict[str, Any] = {
        **at_point(snapshot),
        "query": query,
        "sort": [{ID: "asc"}],
        "size": size,
        # An empty list would mean all of it.
        "_source": (fields if profile is None else source_of(fields, profile)) or False,
        "seq_no_primary_term": True,
        "track_total_hits": False,
    }
    if after is not None:
        body["search_after"] = after
    call = Call("POST", "/_search", encode(body), {"allow_partial_search_results": "false"})
    hits = (yield from ask(call, what="read a page of passages"))["hits"]["hits"]
    stored = tuple(
        Stored(
            hit["_id"],
            _present(hit.get("_source", {}), profile),
            hit["_seq_no"],
            hit["_primary_term"],
            hit.get("_routing"),
        )
        for hit in hits
    )
    return Page(stored, hits[-1]["sort"] if len(hits) == size else None)


def read_sample(target: Target, count: int) -> Conversation[list[Passage]]:
    """Read passages, chosen at random but the same ones each time, without their vectors."""
    chance = {"seed": 1, "field": "_seq_no"}
    body: dict[str, Any] = {
        "query": {"function_score": {"query": everything(), "random_score": chance, "boost_mode": "replace"}},
        "size": count,
        "_source": {"excludes": [target.profile.vector_field]},
        "track_total_hits": False,
    }
    call = Call("POST", f"/{target.name}/_search", encode(body), {"allow_partial_search_results": "false"})
    found = yield from ask(call, what=f"sample passages of {target.name}")
    sources = (present(hit["_source"], target.profile) for hit in found["hits"]["hits"])
    return [from_document(source, target.profile.vector_field) for source in sources]


def everything() -> Clause:
    """Match every passage."""
    return {"match_all": {}}


def unencoded(target: Target) -> Clause:
    """Match passages that still want a vector: without one, and not given up on by this encoder."""
    profile = target.profile
    return {
        "bool": {
            "must_not": [
                has_vector(profile),
                {"term": {f"{ENCODE_ERROR}.fingerprint": profile.fingerprint}},
            ]
        }
    }


def failed(target: Target) -> Clause:
    """Match passages that this encoder could not encode."""
    profile = target.profile
    return {
        "bool": {
            "must_not": [has_vector(profile)],
            "filter": [{"term": {f"{ENCODE_ERROR}.fingerprint": profile.fingerprint}}],
        }
    }


#: All that a source says of a passage.
PASSAGE_FIELDS = (ID, TITLE, TEXT, DOCUMENT_ID, NUMBER, PASSAGES_TOTAL, START, END, META)
#: What an encoder must see of a passage.
ENCODER_FIELDS = (TITLE, TEXT, ENCODE_ERROR)


def _get_many(target: Target, places: Sequence[Place], fields: Sequence[str]) -> Conversation[list[dict[str, Any]]]:
    if not places:
        return []
    wanted = source_of(fields, target.profile)
    body = encode({"docs": [{**name_place(one), "_source": wanted} for one in places]})
    found = yield from ask(Call("POST", f"/{sole_index(target)}/_mget", body), what=f"read from {target.name}")
    docs = [doc for doc in found["docs"] if doc.get("error", {}).get("type") != _ROUTING_MISSING]
    for doc in docs:
        if "error" in doc:
            raise _unreadable(target, doc)
    return [{**doc, "_source": present(doc["_source"], target.profile)} for doc in docs if doc["found"]]


def _find_many(
    snapshot: str, ids: Sequence[str], fields: Sequence[str], profile: Profile
) -> Conversation[list[Stored]]:
    found: list[Stored] = []
    for start in range(0, len(ids), PAGE):
        named = {"ids": {"values": list(ids[start : start + PAGE])}}
        found += (yield from read_page(snapshot, named, fields, None, PAGE, profile)).passages
    return found


def _present(source: Mapping[str, Any], profile: Profile | None) -> Mapping[str, Any]:
    return source if profile is None else present(source, profile)


def _unreadable(target: Target, doc: Mapping[str, Any]) -> BusyError | IndexStateError:
    complaint = f"Passage {doc['_id']} of {target.name} cannot be read: {read_error(doc)[1]}"
    return BusyError(f"{complaint}; try again later.") if passes(_FAILED, doc) else IndexStateError(f"{complaint}.")
