"""Passages in: checked, cut into batches, written in bulk."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from ...errors import IndexMissingError, UsageError
from ...fusion import ROUNDING
from ...passages import DOCUMENT_ID, Passage
from ...profile import Profile
from ...records import BulkReport, Failure
from ...requests import check_encoder
from ...vectors import read_passage_vector
from . import reads
from .bulk import Action, delete_action, index_action, sift, split_batches, write_batch
from .calls import Call, Conversation, ask, check
from .fields import change_encoder, reopen
from .patience import persist
from .queries import Clause, Target

#: Room left when ``max_norm`` has to grow, so that it grows seldom.
_HEADROOM = 1.25


def add_passages(
    target: Target, passages: Iterable[Passage], pair_id: str | None
) -> Conversation[tuple[Target, BulkReport]]:
    """Write passages whole, replacing those of the same id; a wrong vector stops before its batch is sent.

    Gives the target with the profile as it is afterwards.
    """
    check_encoder(pair_id, target.profile)
    if target.profile.text_fields:
        raise UsageError(
            f"{target.name} was adopted from another index; write to that one, and run hybrid adopt again."
        )
    failures: list[Failure] = []
    report = BulkReport()
    for batch in split_batches(sift(_to_actions(passages, target.profile), failures)):
        target = yield from fit_norm(target, max(action.norm for action in batch))
        report += yield from send(target, batch)
    return target, report + BulkReport(failures=tuple(failures))


def delete_passages(target: Target, ids: Iterable[str]) -> Conversation[BulkReport]:
    """Remove passages by id."""
    failures: list[Failure] = []
    report = BulkReport()
    for batch in split_batches(sift(map(delete_action, ids), failures)):
        report += yield from send(target, batch)
    return report + BulkReport(failures=tuple(failures))


def delete_documents(target: Target, document_ids: Sequence[str]) -> Conversation[BulkReport]:
    """Remove every passage of documents; refresh first, so that what was just written is found."""
    yield from refresh(target)
    snapshot = yield from reads.open_snapshot(target)
    report, after = BulkReport(), None
    try:
        while True:
            query: Clause = {"terms": {DOCUMENT_ID: list(document_ids)}}
            page = yield from reads.read_page(snapshot, query, False, after)
            report += yield from delete_passages(target, [stored.id for stored in page.passages])
            after = page.after
            if after is None:
                return report
    finally:
        yield from reads.close_snapshot(snapshot)


def refresh(target: Target) -> Conversation[None]:
    """Make everything that was written searchable."""
    yield from ask(Call("POST", f"/{target.name}/_refresh"), what=f"refresh {target.name}")


def send(target: Target, batch: list[Action]) -> Conversation[BulkReport]:
    """Send a batch to an index that is there: a write to one that was dropped would make it anew, without mapping."""
    if not target.is_alias:
        yield from persist(lambda: _check_there(target))
    return (yield from write_batch(target.name, batch, alias=target.is_alias))


def _check_there(target: Target) -> Conversation[None]:
    answer = yield Call("HEAD", f"/{target.name}")
    if answer.status == 404:
        raise IndexMissingError(f"Cannot write to {target.name}: no such index; it was deleted in the meantime.")
    check(answer, f"write to {target.name}")


def _to_actions(passages: Iterable[Passage], profile: Profile) -> Iterator[Action | Failure]:
    for passage in passages:
        given = passage.vector
        vector = None if given is None else read_passage_vector(given, profile, passage.id)
        yield index_action(passage, profile.vector_field, vector)


def fit_norm(target: Target, norm: float) -> Conversation[Target]:
    """Raise the profile's ``max_norm`` before a longer vector is written: scores are lifted by it."""
    if _fits(norm, target):
        return target
    # Another writer may have raised it since this target was opened.
    target = yield from reopen(target)
    if _fits(norm, target):
        return target

    def grow(profile: Profile) -> Profile:
        return dataclasses.replace(profile, max_norm=max(profile.max_norm, norm * _HEADROOM))

    return (yield from change_encoder(target, grow))


def _fits(norm: float, target: Target) -> bool:
    return norm <= target.profile.max_norm * (1 + ROUNDING)
