"""Vectors for passages whose text is stored already: read, encode, and write back if nothing changed in between."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import IndexStateError
from ...passages import ENCODE_ERROR, ENCODED_HASH, PENDING, TEXT, TEXT_HASH, TITLE, Vector
from ...records import BulkReport, Encode, Filled
from ...vectors import length, read_passage_vector
from . import reads
from .bulk import Action, split_batches, write_batch
from .calls import Conversation, encode_lines
from .patience import persist
from .queries import Target
from .reads import Stored
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
        outcomes = encode([(one.source.get(TITLE, ""), one.source.get(TEXT, "")) for one in passages])
        written = list(zip(passages, outcomes, strict=True))
        refused = yield from _write(target, [_update(target, one, outcome) for one, outcome in written])
        done += _count(written, refused)
        contested = [one.id for one in passages if refused.get(one.id) == _CONFLICT]
        again = yield from _read_again(target, contested)
        passages = [one for one in again if one.source.get(PENDING, True)]
        done += Filled(encoded=len(again) - len(passages), missing=len(contested) - len(again))
    return done + Filled(contested=len(passages))


def check_readable(target: Target, passage_id: str) -> Conversation[None]:
    """Read a vector back; one that is not a list of numbers means that the index loses vectors on the next update."""
    field = target.profile.vector_field
    (stored,) = yield from reads.read_stored(target, [passage_id], [field])
    vector = stored.source.get(field)
    if not isinstance(vector, list) or len(vector) != target.profile.dimension:
        raise IndexStateError(
            f"{target.name} gives {str(vector)[:40]} for the vector of passage {passage_id}: updates would lose it; "
            "make the index anew without derived_source."
        )


def _read_again(target: Target, ids: Sequence[str]) -> Conversation[list[Stored]]:
    return (yield from persist(lambda: reads.read_stored(target, ids, reads.ENCODER_FIELDS)))


def _count(written: Sequence[tuple[Stored, "Vector | str"]], refused: Mapping[str, int]) -> Filled:
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


def _update(target: Target, stored: Stored, outcome: "Vector | str") -> Action:
    """Build a partial update that applies only to the version that was encoded."""
    head: Mapping[str, Any] = {
        "update": {"_id": stored.id, "if_seq_no": stored.seq_no, "if_primary_term": stored.primary_term}
    }
    text_hash = stored.source[TEXT_HASH]
    if isinstance(outcome, str):
        trouble = {
            "reason": outcome,
            "fingerprint": target.profile.fingerprint,
            "text_hash": text_hash,
            "attempts": 1,
        }
        return Action(stored.id, encode_lines(head, {"doc": {ENCODE_ERROR: trouble}}))
    vector = read_passage_vector(outcome, target.profile, stored.id)
    changed = {target.profile.vector_field: vector, ENCODED_HASH: text_hash, PENDING: False}
    return Action(stored.id, encode_lines(head, {"doc": changed}), length(vector))
