"""PDF, a document a file: the text of all pages, and the title that the file carries."""

import io
import logging
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..documents import Document
from .base import Format, Malformed, Opened, Record
from .checks import MAX_TITLE, make_document
from .text import read_whole

if TYPE_CHECKING:
    from pypdf import PdfReader

#: Pictures make a file large, not its text; the library needs the whole file at once.
_MAX_FILE = 256 * 2**20
#: A word that was broken at the end of a line.
_BROKEN_WORD = re.compile(r"(?<=[^\W\d_])-\n(?=[a-zß-ÿ])")
_CONTROLS = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 127])


def _read(opened: Opened) -> Iterator[Record]:
    return read_whole(opened, _MAX_FILE, _parse)


def _parse(opened: Opened, data: bytes) -> Document:
    from pypdf import PdfReader

    # The library comments on every flaw of a file that it copes with.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = PdfReader(io.BytesIO(data))
        text = _text_of(reader, opened.limit)
        title = _clean((reader.metadata and reader.metadata.title) or "").strip()
    except Malformed:
        raise
    except Exception as error:  # a damaged file makes the library fail in any way there is
        raise Malformed(f"not a PDF that can be read: {type(error).__name__}: {error}"[:200]) from None
    if not text:
        raise Malformed("no text in the file (scanned pages?)")
    return make_document(opened.name, title[:MAX_TITLE] or opened.stem, text)


def _text_of(reader: "PdfReader", limit: int) -> str:
    if reader.is_encrypted and not reader.decrypt(""):
        raise Malformed("the file is encrypted")
    pages: list[str] = []
    size = 0
    for page in reader.pages:
        pages.append(_clean(page.extract_text()).strip())
        size += len(pages[-1])
        if size > limit:
            raise Malformed(f"the text has more than {limit:,} characters")
    return _BROKEN_WORD.sub("", "\n".join(page for page in pages if page))


def _clean(text: str) -> str:
    """Join surrogate pairs, replace single ones, and leave control characters out."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").translate(_CONTROLS)


PDF = Format(
    "pdf", "PDF, one document a file", (".pdf",), _read, True, True, library="pypdf", extra="pdf", encoded=False
)
