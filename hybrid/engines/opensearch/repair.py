"""Set right what others did to an index: texts that changed beside their hashes, and vectors of texts that are gone.

Our own writes replace a passage whole, so its vectors go with its text. Somebody else's partial update leaves them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import IndexStateError
from ...passages import (
    CONTENT_HASH,
    ENCODED_HASH,
    PENDING,
    TEXT_HASH,
    from_document,
    hash_content,
    hash_text,
)
from ...records import BulkReport
from . import reads
from .bulk import Action, split_batches
from .calls import Conversation, encode_lines
from .fields import list_others
from .queries import Target
from .reads import Stored
from .writes import send

#: What has to be seen of a passage; never its vectors.
_FIELDS = (*reads.PASSAGE_FIELDS, TEXT_HASH, ENCODED_HASH)
_CONFLICT = 409
_NOT_FOUND = 404
_CLEAR = "for (name in params.gone) { ctx._source.remove(name) } ctx._source.putAll(params.said)"


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found."""

    checked: int = 0
    #: Texts that others had changed, and whose hashes are right again.
    changed: int = 0
    #: Passages that lost a vector of another text, and wait for one of their own.
    cleared: int = 0

    def __add__(self, other: "Verified") -> "Verified":
        return Verified(self.checked + other.checked, self.changed + other.changed, self.cleared + other.cleared)


@dataclass(frozen=True, slots=True)
class _Finding:
    """A passage whose hashes or vectors are not those of its text."""

    stored: Stored
    text_hash: str
    text_changed: bool
    main_is_stale: bool


def verify_page(target: Target, snapshot: str, after: Sequence[Any] | None) -> Conversation[tuple[Verified, Any]]:
    """Look at one page of a snapshot and correct it; gives what was found and where the next page begins."""
    page = yield from reads.read_page(snapshot, reads.everything(), _FIELDS, after, profile=target.profile)
    others = list((yield from list_others(target)))
    findings = list(_find(page.passages))
    found = Verified(checked=len(page.passages))
    # What changed again in between is looked at again, as it is then.
    while findings:
        refused = yield from _correct(target, [_update(target, one, others) for one in findings])
        done = [one for one in findings if one.stored.id not in refused]
        found += Verified(changed=sum(one.text_changed for one in done), cleared=len(done))
        again = [one.stored.id for one in findings if refused.get(one.stored.id) == _CONFLICT]
        findings = list(_find((yield from reads.read_stored(target, again, _FIELDS))))
    return found, page.after


def _find(passages: Sequence[Stored]) -> Iterator[_Finding]:
    for stored in passages:
        source = stored.source
        text_hash = hash_text(source.get("title", ""), source.get("text", ""))
        text_changed = source.get(TEXT_HASH) != text_hash
        main_is_stale = source.get(ENCODED_HASH, text_hash) != text_hash
        if text_changed or main_is_stale:
            yield _Finding(stored, text_hash, text_changed, main_is_stale)


def _update(target: Target, finding: _Finding, others: Sequence[str]) -> Action:
    """Take stale vectors out, and write what the hashes are."""
    stored = finding.stored
    head = {"update": stored.build_head()}
    said: dict[str, Any] = {TEXT_HASH: finding.text_hash}
    if finding.text_changed:
        said[CONTENT_HASH] = hash_content(from_document(stored.source, target.profile.vector_field))
    # Which text the other encoders' vectors are of, nobody noted.
    gone = list(others)
    if finding.main_is_stale or ENCODED_HASH not in stored.source:
        gone += [target.profile.vector_field, ENCODED_HASH]
        said[PENDING] = True
    script: Mapping[str, Any] = {"source": _CLEAR, "params": {"gone": gone, "said": said}}
    return Action(stored.id, encode_lines(head, {"script": script}))


def _correct(target: Target, actions: Sequence[Action]) -> Conversation[dict[str, int]]:
    """Write corrections and give the status of each that came too late."""
    report = BulkReport()
    for batch in split_batches(actions):
        report += yield from send(target, batch)
    for failure in report.failures:
        if failure.status not in (_CONFLICT, _NOT_FOUND):
            raise IndexStateError(f"{target.name} refuses to correct passage {failure.id}: {failure.reason}")
    return {failure.id: failure.status for failure in report.failures}
