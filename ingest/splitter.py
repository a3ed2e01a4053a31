"""A document goes in, passages come out: disjoint blocks of 100 words in document order, as in the paper.

Words are what ``str.split`` gives. The last block of a document stays as short as it is; the paper fills it up from
the document's beginning, which puts the same words into two passages.
"""

from typing import Literal

from hybrid.blocks import find_blocks
from hybrid.errors import UsageError
from hybrid.passages import Passage

from .documents import MAX_ID_BYTES, Document

By = Literal["words", "document"]

#: Length of a passage (Karpukhin et al. 2020, section 4.1).
WORDS = 100


def split(document: Document, *, words: int = WORDS, by: By = "words") -> list[Passage]:
    """Cut a document into passages of ``words`` words each, or make one passage of it ``by="document"``.

    A passage's text is the document's from the beginning of its first word to the end of its last, and stands there
    from ``start`` to ``end``. Its id is the document's with ``#0``, ``#1``, … or the document's own.
    """
    if by == "words":
        spans = list(find_blocks(document.text, words))
        return [_cut(document, f"{document.id}#{number}", number, len(spans), *span)
                for number, span in enumerate(spans)]  # fmt: skip
    start, end = len(document.text) - len(document.text.lstrip()), len(document.text.rstrip())
    return [_cut(document, document.id, 0, 1, start, end)] if start < end else []


def _cut(document: Document, passage_id: str, number: int, total: int, start: int, end: int) -> Passage:
    if len(passage_id) > MAX_ID_BYTES // 4 and len(passage_id.encode()) > MAX_ID_BYTES:
        raise UsageError(
            f"The passage id {passage_id[:40]}… has more than {MAX_ID_BYTES} bytes; shorten the document's."
        )
    return Passage(
        id=passage_id,
        text=document.text[start:end],
        title=document.title,
        document_id=document.id,
        number=number,
        passages_total=total,
        start=start,
        end=end,
        meta=document.meta,
    )
