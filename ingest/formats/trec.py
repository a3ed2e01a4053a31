"""TREC's documents: ``<DOC><DOCNO>id</DOCNO>…</DOC>``, many to a file.

The text is what stands in ``<TEXT>``, or where there is none everything behind the id; the title is the first of
TREC's several kinds of headline.
"""

import html
import re
from collections.abc import Iterator
from functools import partial

from ..documents import Document
from .base import Format, Malformed, Opened, Record, refuse
from .checks import decode, make_document
from .lines import Line, read_lines, too_long

_END = re.compile(rb"(?<=</DOC>)", re.IGNORECASE)
# What stands in an element ends at the next tag of its name, so that one which is never closed costs no second look.
_ID, _TITLE, _TEXT = (
    re.compile(rf"<({names})>((?:[^<]++|<(?!/?\1>))*+)</\1>", re.IGNORECASE)
    for names in ("DOCNO", "TITLE|HEADLINE|HEAD|HL|TTL|TI", "TEXT")
)
_WHOLE = re.compile(r"<DOC>(.*)</DOC>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_ENTITY = re.compile(r"&(?:#\d+|#x[0-9a-f]+|[a-z][a-z0-9]*);", re.IGNORECASE)


def _read(opened: Opened) -> Iterator[Record]:
    """Cut the source where documents begin and end; what stands between two documents is refused."""
    pieces: list[Line] = []
    size = 0
    for line in _split_lines(opened):
        begins = line.data.lstrip()[:5].upper() == b"<DOC>"
        if begins and pieces:
            yield _record(pieces, size, opened.limit)
            pieces, size = [], 0
        if not pieces and not line.data.strip():
            continue
        size += len(line.data) if line.whole else opened.limit + 1
        if size <= opened.limit or not pieces:
            pieces.append(line)
        if line.data.rstrip()[-6:].upper() == b"</DOC>":
            yield _record(pieces, size, opened.limit)
            pieces, size = [], 0
    if pieces:
        yield _record(pieces, size, opened.limit)


def _split_lines(opened: Opened) -> Iterator[Line]:
    """Give lines that end where a document ends."""
    for line in read_lines(opened.stream, opened.limit):
        if b"</doc>" not in line.data.lower():
            yield line
            continue
        offset = line.offset
        for data in _END.split(line.data):
            yield Line(line.number, offset, data, line.whole)
            offset += len(data)


def _record(pieces: list[Line], size: int, limit: int) -> Record:
    first = pieces[0]
    if size > limit:
        return first.number, first.data, partial(refuse, too_long(limit))
    data = b"".join(piece.data for piece in pieces)
    return first.number, data, partial(_parse, data, first.offset)


def _parse(data: bytes, offset: int) -> Document:
    whole = _WHOLE.fullmatch(decode(data, offset).strip())
    if whole is None:
        raise Malformed("not between <DOC> and </DOC>")
    document_id, title = _ID.search(whole[1]), _TITLE.search(whole[1])
    if document_id is None:
        raise Malformed("no <DOCNO>")
    texts = [found[2] for found in _TEXT.finditer(whole[1])]
    body = "\n".join(texts) if texts else _TITLE.sub(" ", _ID.sub(" ", whole[1]), count=1)
    return make_document(document_id[2].strip(), " ".join(_clean(title[2]).split()) if title else "", _clean(body))


def _clean(text: str) -> str:
    return _ENTITY.sub(lambda found: html.unescape(found[0]), _TAG.sub(" ", text)).strip()


TREC = Format("trec", "TREC's <DOC> and <DOCNO>", (".trec",), _read)
