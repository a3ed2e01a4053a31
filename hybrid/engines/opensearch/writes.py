"""Passages in: checked, cut into batches, written in bulk."""

import dataclasses
from collections.abc import Iterable, Iterator

from ...passages import Passage
from ...profile import Profile
from ...requests import check_encoder
from ...vectors import read_passage_vector
from .bulk import Action, BulkReport, delete_action, index_action, split_batches, write_batch
from .calls import Call, Conversation, ask
from .lifecycle import change_profile
from .queries import Target

#: Room left when ``max_norm`` has to grow, so that it grows seldom.
_HEADROOM = 1.25


def add_passages(target: Target, passages: Iterable[Passage], pair_id: str | None) -> Conversation[BulkReport]:
    """Write passages whole, replacing those of the same id; a wrong vector stops before its batch is sent."""
    check_encoder(pair_id, target.profile)
    report = BulkReport()
    for batch in split_batches(_to_actions(passages, target.profile)):
        target = yield from _fit_norm(target, max(action.norm for action in batch))
        report += yield from write_batch(target.name, batch, alias=target.is_alias)
    return report


def delete_passages(target: Target, ids: Iterable[str]) -> Conversation[BulkReport]:
    """Remove passages by id."""
    report = BulkReport()
    for batch in split_batches(delete_action(one) for one in ids):
        report += yield from write_batch(target.name, batch, alias=target.is_alias)
    return report


def refresh(target: Target) -> Conversation[None]:
    """Make everything that was written searchable."""
    yield from ask(Call("POST", f"/{target.name}/_refresh"), what=f"refresh {target.name}")


def _to_actions(passages: Iterable[Passage], profile: Profile) -> Iterator[Action]:
    for passage in passages:
        given = passage.vector
        vector = None if given is None else read_passage_vector(given, profile, passage.id)
        yield index_action(passage, profile.vector_field, vector)


def _fit_norm(target: Target, norm: float) -> Conversation[Target]:
    """Raise the profile's ``max_norm`` before a longer vector is written: scores are lifted by it."""
    if norm <= target.profile.max_norm:
        return target

    def grow(profile: Profile) -> Profile:
        return dataclasses.replace(profile, max_norm=max(profile.max_norm, norm * _HEADROOM))

    return (yield from change_profile(target, grow))
