"""Writing many things at once, without losing or inventing one.

The library's helpers give up on a batch at the first rejected item, or never retry; here each item is accounted for.
An item is written, failed for good with its reason, or still refused after every retry, which is an error. Ids are
given by the caller, so a batch that was applied although its answer got lost does no harm when it is sent again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import BusyError, UnreachableError
from ...passages import Passage, Vector, check_id, to_document
from ...records import BulkReport, Failure
from ...vectors import length
from .calls import Answer, Call, Conversation, check, encode_lines, passes, read_error, refusal
from .patience import persist

#: Bodies of 5 to 15 MB are the size that clusters take best; a passage with its vector has 5 to 10 kB.
MAX_BYTES = 8 * 2**20
MAX_ACTIONS = 2000

_BAD_REQUEST = 400
_TOO_LARGE = 413
#: What the cluster says to one item and means of all: nobody may write, or there is nothing to write to.
_FORBIDDEN = (401, 403)
_INDEX_IS_AWAY = ("index_closed_exception", "index_not_found_exception")


@dataclass(frozen=True, slots=True)
class Action:
    """One item of a batch, as it is sent."""

    id: str
    payload: bytes
    #: Length of the vector inside, 0 without one.
    norm: float = 0.0


def index_action(passage: Passage, vector_field: str, vector: Vector | None) -> Action | Failure:
    """Write a passage whole, whether it is there or not; one that cannot be sent fails here, without its batch."""
    try:
        payload = encode_lines({"index": {"_id": passage.id}}, to_document(passage, vector_field, vector))
    except (TypeError, ValueError) as error:
        return Failure(passage.id, _BAD_REQUEST, str(error))
    return Action(passage.id, payload, 0.0 if vector is None else length(vector))


def delete_action(passage_id: str) -> Action | Failure:
    """Remove a passage."""
    try:
        check_id(passage_id)
    except ValueError as error:
        return Failure(passage_id, _BAD_REQUEST, str(error))
    return Action(passage_id, encode_lines({"delete": {"_id": passage_id}}))


def sift(items: Iterable[Action | Failure], failures: list[Failure]) -> Iterator[Action]:
    """Let actions through and collect failures."""
    for item in items:
        if isinstance(item, Failure):
            failures.append(item)
        else:
            yield item


def split_batches(
    actions: Iterable[Action], max_bytes: int = MAX_BYTES, max_actions: int = MAX_ACTIONS
) -> Iterator[list[Action]]:
    """Cut a stream into batches bounded by bytes and number; an action larger than ``max_bytes`` goes alone."""
    batch: list[Action] = []
    size = 0
    for action in actions:
        if batch and (size + len(action.payload) > max_bytes or len(batch) >= max_actions):
            yield batch
            batch, size = [], 0
        batch.append(action)
        size += len(action.payload)
    if batch:
        yield batch


def write_batch(index: str, batch: Sequence[Action], *, alias: bool) -> Conversation[BulkReport]:
    """Send one batch until every item has its verdict. ``alias`` keeps a dropped alias from becoming an index."""
    report, waiting, attempts = BulkReport(), list(batch), 0

    def attempt() -> Conversation[bool]:
        """Send what has no verdict yet; tells whether the cluster takes so much in one request."""
        nonlocal report, waiting, attempts
        attempts += 1
        try:
            answer = yield _bulk_call(index, waiting, alias=alias)
        except UnreachableError:
            report += BulkReport(retried=len(waiting))
            raise
        if answer.status == _TOO_LARGE:
            return False
        done, waiting, reason = _sort_out(answer, waiting, index)
        report += done
        if waiting:
            raise BusyError(
                f"{len(waiting)} of {len(batch)} items were still refused by {index} after {attempts} attempts: "
                f"{reason}; nothing that was confirmed is lost: write them again when the cluster has recovered."
            )
        return True

    if (yield from persist(attempt)):
        return report
    return report + (yield from _write_halves(index, waiting, alias=alias))


def _bulk_call(index: str, batch: Sequence[Action], *, alias: bool) -> Call:
    params = {"require_alias": "true"} if alias else {}
    return Call("POST", f"/{index}/_bulk", b"".join(item.payload for item in batch), params, ndjson=True)


def _write_halves(index: str, batch: list[Action], *, alias: bool) -> Conversation[BulkReport]:
    if len(batch) == 1:
        reason = f"{len(batch[0].payload)} bytes are more than the cluster takes in one request"
        return BulkReport(failures=(Failure(batch[0].id, _TOO_LARGE, reason),))
    middle = len(batch) // 2
    first = yield from write_batch(index, batch[:middle], alias=alias)
    return first + (yield from write_batch(index, batch[middle:], alias=alias))


def _sort_out(answer: Answer, batch: list[Action], index: str) -> tuple[BulkReport, list[Action], str]:
    """Divide a batch by the answer: what is settled, what to send again, and why."""
    if passes(answer.status, answer.body):
        return BulkReport(retried=len(batch)), batch, read_error(answer.body)[1]
    items = check(answer, f"write to {index}")["items"]
    report, again, reason = BulkReport(), [], ""
    for action, item in zip(batch, items, strict=True):
        (verdict,) = item.values()
        if passes(verdict["status"], verdict):
            again.append(action)
            reason = read_error(verdict)[1]
        else:
            report += _settle(action, verdict, index)
    return report + BulkReport(retried=len(again)), again, reason


def _settle(action: Action, verdict: Mapping[str, Any], index: str) -> BulkReport:
    """Count an item; what is refused for no fault of its own is an error, so that nobody takes it for done."""
    if "error" in verdict:
        kind, reason = read_error(verdict)
        if verdict["status"] in _FORBIDDEN or kind in _INDEX_IS_AWAY:
            raise refusal(verdict["status"], verdict, f"write to {index}")
        return BulkReport(failures=(Failure(action.id, verdict["status"], reason),))
    return _VERDICTS[verdict["result"]]


_VERDICTS = {
    "created": BulkReport(created=1),
    "updated": BulkReport(updated=1),
    "noop": BulkReport(unchanged=1),
    "deleted": BulkReport(deleted=1),
    "not_found": BulkReport(missing=1),
}
