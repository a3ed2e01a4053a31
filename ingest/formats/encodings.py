"""Text in other encodings than UTF-8: a byte order mark tells it, or a person does; readers are given UTF-8."""

import codecs
from collections.abc import Callable

from hybrid.errors import UsageError

from ..documents import Document
from .base import Malformed, NotUtf8
from .streams import Peekable

_PIECE = 2**18
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: The name under which ``codecs`` knows ``_stand_in``.
_KEEP_FAULTS = "hybrid-keep-faults"


def choose_encoding(name: str | None) -> str | None:
    """Find an encoding by its name."""
    if name is None:
        return None
    try:
        "".encode(name)  # Python's word for what is one of text
        _open_decoder(name).decode(b"", True)
    except (LookupError, UnicodeError):
        raise UsageError(f"{name!r} is no encoding of text; say cp1252, shift_jis, utf-16-le or another.") from None
    return codecs.lookup(name).name


def find_encoding(head: bytes, named: str | None) -> str | None:
    """Give the encoding of a source: what its byte order mark says, or else what it is ``named``; None for UTF-8."""
    found = next((name for mark, name in _MARKS if head.startswith(mark)), named)
    return None if found == "utf-8" else found


def to_utf8(head: bytes, encoding: str | None) -> bytes:
    """Give the beginning of a source in UTF-8; its end may be cut."""
    if encoding is None:
        return head
    try:
        return _open_decoder(encoding).decode(head).encode("utf-8", "surrogatepass")
    except UnicodeError:
        raise UsageError(
            f"Text in {encoding} has to begin with a byte order mark; say --encoding {encoding}-le or {encoding}-be."
        ) from None


def recode(source: Peekable, encoding: str) -> Peekable:
    """Give a source in UTF-8; what its encoding does not know becomes bytes that UTF-8 does not know."""
    return Peekable(_Recoded(source, encoding))


def name_encoding(make: Callable[[], Document], encoding: str) -> Document:
    """Make a document; where it is not text the encoding is named in which the source was read."""
    try:
        return make()
    except NotUtf8:
        raise Malformed(f"not {encoding}: the row has bytes that mean nothing in it") from None


class _Recoded:
    def __init__(self, source: Peekable, encoding: str):
        self._source = source
        self._decoder = _open_decoder(encoding)
        self._rest = b""

    def read1(self, size: int = -1, /) -> bytes:
        while not self._rest:
            data = self._source.read(_PIECE) or b""
            self._rest = self._decoder.decode(data, not data).encode("utf-8", "surrogatepass")
            if not data:
                break
        given, self._rest = self._rest[:size], self._rest[size:]
        return given


def _open_decoder(encoding: str) -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder(encoding)(_KEEP_FAULTS)


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    """Put halves of surrogate pairs in the place of bytes, as the codec ``surrogateescape`` does."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udc80" * (error.end - error.start), error.end


codecs.register_error(_KEEP_FAULTS, _stand_in)
