"""Vectors for passages whose text is stored already: read, encode, and write back if nothing changed in between."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import IndexStateError
from ...passages import ENCODE_ERROR, ENCODED_HASH, PENDING, TEXT, TITLE, hash_text
from ...records import BulkReport, Encode, Filled
from . import reads
from .bulk import Action, split_batches, write_batch
from .calls import Conversation, encode_lines
from .encoding import Encoded, encode_documents
from .patience import persist
from .queries import Target
from .reads import Stored
from .vector_field import is_vector_of
from .writes import fit_norm

#: Turns at a passage that others keep changing; then it stays pending, for the next round.
ATTEMPTS = 3
_CONFLICT = 409
_NOT_FOUND = 404


def fill(target: Target, passages: Sequence[Stored], encode: Encode) -> Conversation[Filled]:
    """Encode stored passages and write the vectors; ``encode`` gives a vector, or the reason why there is none."""
    done = Filled()
    for _ in range(ATTEMPTS):
        if not passages:
            return done
        outcomes = encode_documents(target.profile, [(one.id, read_pair(one)) for one in passages], encode)
        written = list(zip(passages, outcomes, strict=True))
        refused = yield from _write(target, [_update(target, one, outcome) for one, outcome in written])
        done += _count(written, refused)
        contested = [one.id for one in passages if refused.get(one.id) == _CONFLICT]
        again = yield from read_wanted(target, contested)
        passages = [one for one in again if lacks_vector(target, one)]
        done += Filled(encoded=len(again) - len(passages), missing=len(contested) - len(again))
    return done + Filled(contested=len(passages))


def read_wanted(target: Target, ids: Sequence[str]) -> Conversation[list[Stored]]:
    """Read what an encoder must see of given passages, and whether they have its vector by now."""
    fields = [*reads.ENCODER_FIELDS, target.profile.vector_field]
    return (yield from persist(lambda: reads.read_stored(target, ids, fields)))


def read_pair(stored: Stored) -> tuple[str, str]:
    """Give title and text of a passage."""
    return stored.source.get(TITLE, ""), stored.source.get(TEXT, "")


def lacks_vector(target: Target, stored: Stored) -> bool:
    """Tell whether a passage that ``read_wanted`` gave has no vector.

    What stands in the field is a vector of the text beside it: a new text replaces the passage whole.
    """
    return stored.source.get(target.profile.vector_field) is None


def check_readable(target: Target, *ids: str) -> Conversation[None]:
    """Read vectors back; one that is not as it was written means that the index loses vectors on the next update.

    A passage that was deleted or changed since it was written tells nothing.
    """
    field = target.profile.vector_field
    for stored in (yield from reads.read_stored(target, ids, [field])):
        vector = stored.source.get(field)
        if vector is not None and not is_vector_of(target.profile, vector):
            raise IndexStateError(
                f"{target.name} gives {str(vector)[:40]} for the vector of passage {stored.id}: updates would lose "
                "it; make the index anew without derived_source."
            )


def _count(written: Sequence[tuple[Stored, Encoded | str]], refused: Mapping[str, int]) -> Filled:
    taken = [outcome for one, outcome in written if one.id not in refused]
    failed = sum(isinstance(outcome, str) for outcome in taken)
    missing = sum(status == _NOT_FOUND for status in refused.values())
    return Filled(encoded=len(taken) - failed, failed=failed, missing=missing)


def _write(target: Target, actions: Sequence[Action]) -> Conversation[dict[str, int]]:
    """Write updates and give the status of each that was refused."""
    report = BulkReport()
    for batch in split_batches(actions):
        target = yield from fit_norm(target, max(action.norm for action in batch))
        report += yield from write_batch(target.name, batch, alias=target.is_alias)
    for failure in report.failures:
        if failure.status not in (_CONFLICT, _NOT_FOUND):
            raise IndexStateError(f"{target.name} refuses the vector of passage {failure.id}: {failure.reason}")
    return {failure.id: failure.status for failure in report.failures}


def _update(target: Target, stored: Stored, outcome: Encoded | str) -> Action:
    """Build a partial update that applies only to the version that was encoded."""
    head = {"update": stored.build_head()}
    # The hash of what was read: where others write to the index, the stored one may be out of date.
    text_hash = hash_text(*read_pair(stored))
    if isinstance(outcome, str):
        trouble = _add_trouble(stored.source.get(ENCODE_ERROR), outcome, target.profile.fingerprint, text_hash)
        return Action(stored.id, encode_lines(head, {"doc": {ENCODE_ERROR: trouble}}))
    changed: dict[str, Any] = {target.profile.vector_field: outcome.value}
    if target.is_main:
        changed |= {ENCODED_HASH: text_hash, PENDING: False}
    return Action(stored.id, encode_lines(head, {"doc": changed}), outcome.norm)


def _add_trouble(before: Any, reason: str, fingerprint: str, text_hash: str) -> Any:
    """Note why an encoder gave up on a text, beside what is noted of other encoders."""
    noted = [] if before is None else before if isinstance(before, list) else [before]
    own = [one for one in noted if (one["fingerprint"], one["text_hash"]) == (fingerprint, text_hash)]
    attempts = sum(one["attempts"] for one in own) + 1
    trouble = {"reason": reason, "fingerprint": fingerprint, "text_hash": text_hash, "attempts": attempts}
    others = [one for one in noted if one["fingerprint"] != fingerprint]
    return [*others, trouble] if others else trouble
