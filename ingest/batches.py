"""Rows become batches of passages; what must be written of a batch follows from what is stored. No I/O here."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import orjson

from hybrid.passages import Passage, hash_content
from hybrid.records import Failure, State

from .documents import Document, Reject, Row
from .seen import Seen, digest
from .tally import Tally

Split = Callable[[Document], list[Passage]]

#: Bounds of a batch: it is encoded and written as a whole, and lost time if it has to be done again.
MAX_PASSAGES = 512
MAX_CHARS = 2_000_000


@dataclass(slots=True)
class Batch:
    """Consecutive rows, split into passages."""

    #: The position after the last row: everything before it is settled once this batch is.
    end: int = 0
    documents: list[tuple[Row, list[Passage]]] = field(default_factory=list)
    rejects: list[tuple[int, Reject]] = field(default_factory=list)
    #: Rows and passages that repeat what was met before.
    repeated: Tally = field(default_factory=Tally)
    #: Passages, rejects and repeated rows so far, and the characters of the passages.
    _items: int = 0
    _chars: int = 0

    def put(self, row: Row, passages: list[Passage]) -> None:
        """Take a document in."""
        self.documents.append((row, passages))
        self._items += len(passages)
        self._chars += sum(len(passage.text) for passage in passages)

    def reject(self, row: Row, reject: Reject) -> None:
        """Note a row that is left out."""
        self.rejects.append((row.position, reject))
        self._items += 1

    def repeat(self, passages: list[Passage]) -> None:
        """Note a row that says what an earlier one said."""
        self.repeated += Tally(rows=1, accepted=1, passages=len(passages), duplicate=len(passages))
        self._items += 1

    @property
    def passages(self) -> list[Passage]:
        """All passages in order."""
        return [passage for _, passages in self.documents for passage in passages]

    @property
    def full(self) -> bool:
        """Whether the batch has reached a bound."""
        return self._items >= MAX_PASSAGES or self._chars >= MAX_CHARS


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done about a batch, and what its rows and passages will count as when it is done.

    A document's first passage says how many there are, so it is written first and deleted last.
    """

    write: list[Passage]
    delete: list[str]
    tally: Tally
    #: What was stored before.
    states: Mapping[str, State]


def make_batches(rows: Iterable[Row], split: Split, seen: Seen, start: int = 0) -> Iterator[Batch]:
    """Group rows into batches; rows before ``start`` are only remembered, so that their ids stay taken."""
    batch = Batch()
    for row in rows:
        if row.position < start:
            _remember(row, seen)
            continue
        _put(batch, row, split, seen)
        batch.end = row.position + 1
        if batch.full:
            yield batch
            batch = Batch()
    if batch.end:
        yield batch


def probe_ids(batch: Batch) -> list[str]:
    """Name every passage that may be stored of the batch's documents, whichever way they were split before."""
    ids = {passage.id for passage in batch.passages}
    for _, passages in batch.documents:
        ids.update(_first_ids(passages[0].document_id))
    return sorted(ids)


def plan_work(batch: Batch, states: Mapping[str, State]) -> Work:
    """Compare a batch with what is stored."""
    passages = batch.passages
    new = sum(p.id not in states for p in passages)
    write = [p for p in passages if p.id not in states or states[p.id].content_hash != hash_content(p)]
    surplus = [one for _, of_document in batch.documents for one in _surplus(of_document, states)]
    tally = Tally(
        rows=len(batch.documents) + len(batch.rejects),
        accepted=len(batch.documents),
        rejected=len(batch.rejects),
        passages=len(passages),
        created=new,
        updated=len(write) - new,
        unchanged=len(passages) - len(write),
        deleted=len(surplus),
    )
    return Work(write, surplus, tally + batch.repeated, states)


def refuse(batch: Batch, work: Work, failures: Iterable[Failure]) -> tuple[Batch, Work]:
    """Turn documents of which the index refused a passage into rejects.

    Gives the batch without them, and what is left to do: nothing to write, but half a document must not stay.
    """
    reasons = {failure.id: failure.reason for failure in failures}
    kept = Batch(batch.end, [], list(batch.rejects), batch.repeated)
    ids: list[str] = []
    for row, passages in batch.documents:
        refused = next((p for p in passages if p.id in reasons), None)
        if refused is None:
            kept.documents.append((row, passages))
        else:
            ids += [*_surplus(passages, work.states), *(p.id for p in reversed(passages))]
            reason = f"the index refuses passage {refused.id}: {reasons[refused.id]}"
            kept.rejects.append((row.position, Reject(row.source, row.line, reason, refused.text[:80])))
    left = plan_work(kept, work.states)
    return kept, Work([], left.delete + ids, left.tally, work.states)


def _put(batch: Batch, row: Row, split: Split, seen: Seen) -> None:
    content = row.content
    if isinstance(content, Reject):
        batch.reject(row, content)
        return
    passages = split(content)
    before = seen.meet(content.id, _said(content))
    if before is None:
        batch.put(row, passages)
    elif before == digest(_said(content)):
        batch.repeat(passages)
    else:
        reason = f"the id {content.id[:80]!r} is taken by an earlier row that says something else"
        batch.reject(row, Reject(row.source, row.line, reason, content.text[:80]))


def _remember(row: Row, seen: Seen) -> None:
    if isinstance(row.content, Document):
        seen.meet(row.content.id, _said(row.content))


def _said(document: Document) -> str:
    return orjson.dumps((document.title, document.text, dict(document.meta)), option=orjson.OPT_SORT_KEYS).decode()


def _first_ids(document_id: str) -> tuple[str, str]:
    """Give the ids that a document's first passage has when split by words, and when not split."""
    return f"{document_id}#0", document_id


def _surplus(passages: list[Passage], states: Mapping[str, State]) -> Iterator[str]:
    """Name stored passages of a document that it no longer has."""
    document_id = passages[0].document_id
    wanted = {passage.id for passage in passages}
    by_words, whole = (_own(first, document_id, states) for first in _first_ids(document_id))
    if whole is not None and document_id not in wanted:
        yield document_id
    if by_words is not None:
        stored = (f"{document_id}#{number}" for number in reversed(range(by_words.passages_total)))
        yield from (one for one in stored if one not in wanted)


def _own(passage_id: str, document_id: str, states: Mapping[str, State]) -> State | None:
    """Give a stored passage if it is the document's own: another document may be called like it."""
    state = states.get(passage_id)
    return state if state is not None and state.document_id == document_id else None
