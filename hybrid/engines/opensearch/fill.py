"""Vectors for passages whose text is stored already: read, encode, and write back if nothing changed in between."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...errors import IndexStateError
from ...passages import ENCODE_ERROR, ENCODED_HASH, PENDING, TEXT, TITLE, hash_text
from ...records import BulkReport, Encode, Failure, Filled
from . import reads
from .bulk import Action, split_batches
from .calls import Conversation, encode_lines
from .encoding import Encoded, encode_documents, group_by_parts
from .patience import persist
from .queries import Target
from .reads import Stored
from .vector_field import is_vector_of
from .writes import fit_norm, refresh, send

#: Turns at a passage that others keep changing; then it stays pending, for the next round.
ATTEMPTS = 3
#: Refusals that concern one document alone, such as more passages than the index takes nested objects.
OF_ONE = (400, 413)
_CONFLICT = 409
_NOT_FOUND = 404

#: A passage, and its vector or the reason why there is none.
Outcome = tuple[Stored, Encoded | str]


def fill(target: Target, passages: Sequence[Stored], encode: Encode) -> Conversation[Filled]:
    """Encode stored passages and write the vectors; ``encode`` gives a vector, or the reason why there is none."""
    done = Filled()
    for group in group_by_parts(target.profile, passages, read_pair):
        done += yield from _fill(target, group, encode)
    return done


def _fill(target: Target, passages: Sequence[Stored], encode: Encode) -> Conversation[Filled]:
    done = Filled()
    for _ in range(ATTEMPTS):
        if not passages:
            return done
        outcomes = encode_documents(target.profile, [(one.id, read_pair(one)) for one in passages], encode)
        written, refused = yield from _settle(target, list(zip(passages, outcomes, strict=True)))
        done += _count(written, refused)
        contested = [one.id for one in passages if refused.get(one.id) == _CONFLICT]
        again = yield from read_wanted(target, contested)
        passages = [one for one in again if lacks_vector(target, one)]
        done += Filled(encoded=len(again) - len(passages), missing=len(contested) - len(again))
    return done + Filled(contested=len(passages))


def read_wanted(target: Target, ids: Sequence[str]) -> Conversation[list[Stored]]:
    """Read what an encoder must see of given passages, and whether they have their vector by now."""
    fields = [*reads.ENCODER_FIELDS, target.profile.vector_field]

    def attempt() -> Conversation[list[Stored]]:
        found = yield from reads.read_stored(target, ids, fields)
        missing = sorted(set(ids) - {one.id for one in found})
        if not missing or not target.profile.text_fields:
            return found
        # No search tells yet where a document was put that was just written: it is not to be taken for one that went.
        yield from refresh(target)
        return [*found, *(yield from reads.read_elsewhere(target, missing, fields))]

    return (yield from persist(attempt))


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


def _count(written: Sequence[Outcome], refused: Mapping[str, int]) -> Filled:
    taken = [outcome for one, outcome in written if one.id not in refused]
    failed = sum(isinstance(outcome, str) for outcome in taken)
    missing = sum(status == _NOT_FOUND for status in refused.values())
    return Filled(encoded=len(taken) - failed, failed=failed, missing=missing)


def _settle(target: Target, written: Sequence[Outcome]) -> Conversation[tuple[list[Outcome], dict[str, int]]]:
    """Write outcomes; a vector that the index does not take becomes the reason why there is none.

    Gives what came out of each passage, and the status of what others changed or removed meanwhile.
    """
    refused = yield from _write(target, written)
    reasons = {name: name_refusal(one) for name, one in refused.items() if one.status in OF_ONE}
    settled = [(one, reasons.get(one.id, outcome)) for one, outcome in written]
    refused = {name: one for name, one in refused.items() if name not in reasons}
    refused |= yield from _write(target, [outcome for outcome in settled if outcome[0].id in reasons])
    for failure in refused.values():
        if failure.status not in (_CONFLICT, _NOT_FOUND):
            raise IndexStateError(f"{target.name} refuses the vector of passage {failure.id}: {failure.reason}")
    return settled, {name: failure.status for name, failure in refused.items()}


def _write(target: Target, written: Iterable[Outcome]) -> Conversation[dict[str, Failure]]:
    """Write updates and give by id what was refused."""
    report = BulkReport()
    for batch in split_batches(_update(target, one, outcome) for one, outcome in written):
        target = yield from fit_norm(target, max(action.norm for action in batch))
        report += yield from send(target, batch)
    return {failure.id: failure for failure in report.failures}


def _update(target: Target, stored: Stored, outcome: Encoded | str) -> Action:
    """Build a partial update that applies only to the version that was encoded."""
    head = {"update": stored.build_head()}
    # The hash of what was read: where others write to the index, the stored one may be out of date.
    text_hash = hash_text(*read_pair(stored))
    if isinstance(outcome, str):
        trouble = add_trouble(stored.source.get(ENCODE_ERROR), outcome, target.profile.fingerprint, text_hash)
        return Action(stored.id, encode_lines(head, {"doc": {ENCODE_ERROR: trouble}}))
    changed: dict[str, Any] = {target.profile.vector_field: outcome.value}
    if target.is_main:
        changed |= {ENCODED_HASH: text_hash, PENDING: False}
    return Action(stored.id, encode_lines(head, {"doc": changed}), outcome.norm)


def name_refusal(failure: Failure) -> str:
    """Say why a passage has no vector although it was encoded."""
    return f"the index refuses its vector: {failure.reason}"


def add_trouble(before: Any, reason: str, fingerprint: str, text_hash: str) -> Any:
    """Note why an encoder gave up on a text, beside what is noted of other encoders."""
    noted = [] if before is None else before if isinstance(before, list) else [before]
    own = [one for one in noted if (one["fingerprint"], one["text_hash"]) == (fingerprint, text_hash)]
    attempts = sum(one["attempts"] for one in own) + 1
    trouble = {"reason": reason, "fingerprint": fingerprint, "text_hash": text_hash, "attempts": attempts}
    others = [one for one in noted if one["fingerprint"] != fingerprint]
    return [*others, trouble] if others else trouble
