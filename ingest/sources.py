"""From what a person names to rows: files, folders, patterns and standard input go in, ``Row`` after row comes out.

Sources are read in the order in which they are named, folders and patterns in the order of their paths, so that a row
has the same position in every run. Memory is bounded by the largest row, not by the source.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from hybrid.errors import HybridError

from .documents import Document, Reject, Row, excerpt, printable
from .files import (
    STDIN,
    Source,
    Wish,
    check_sources,
    choose_format,
    find_sources,
    list_passed_over,
    look_at,
    tell_format,
)
from .formats import FORMATS, Malformed, Opened, Record
from .formats.base import refuse
from .formats.encodings import choose_encoding, find_encoding, name_encoding, recode
from .formats.streams import Damaged, Meter, open_stream

__all__ = ["FORMATS", "MAX_ROW_BYTES", "Meter", "find_passed_over", "read_sources", "source_fingerprint"]

#: A larger row is refused; no more than this of it is ever in memory.
MAX_ROW_BYTES = 16 * 2**20

#: A file up to this size is hashed whole, a larger one at so many places.
_SAMPLED = 2**20
_SAMPLES = 16
#: Bytes of the longest byte order mark.
_MARK = 4


def read_sources(
    specs: Sequence[str],
    *,
    format: str | None = None,  # noqa: A002 - what everybody calls it
    encoding: str | None = None,
    start: int = 0,
    max_row_bytes: int = MAX_ROW_BYTES,
    meter: Meter | None = None,
) -> Iterator[Row]:
    """Give the rows of all sources from position ``start`` on.

    ``format`` names one of ``FORMATS`` for all sources; without it each one's is told by its name and first bytes.
    A file that is not there, cannot be told or needs a library that is missing is an error before the first row;
    with standard input and pipes the last two are found when they are read. A source in which nothing stands has no
    rows. ``encoding`` is that of text without a byte order mark, UTF-8 by default. ``meter`` is kept up to date as
    rows are taken.
    """
    wish = Wish(choose_format(format), choose_encoding(encoding))
    total = check_sources(specs, wish)
    if meter:
        meter.total = total
    return _read_rows(find_sources(specs, wish), wish.encoding, start, max_row_bytes, meter)


def source_fingerprint(
    specs: Sequence[str],
    *,
    format: str | None = None,  # noqa: A002
    encoding: str | None = None,
) -> str | None:
    """Hash names, sizes and samples of all files, so that another content shows; None where a stream is among them.

    A change inside a file of more than a mebibyte that keeps its length can go unnoticed.
    """
    total = hashlib.sha256(repr(format).encode())
    for source in find_sources(specs, Wish(choose_format(format), choose_encoding(encoding))):
        if source.size is None:
            return None
        total.update(repr((source.name, source.size)).encode())
        try:
            total.update(_sample(source.path, source.size))
        except OSError as error:
            raise HybridError(f"{source.path} cannot be read: {error.strerror}.") from error
    return total.hexdigest()


def find_passed_over(specs: Sequence[str], *, format: str | None = None) -> list[str]:  # noqa: A002
    """Give the files below folders that are none of the documents, or of the format, that are read."""
    return list_passed_over(specs, Wish(choose_format(format)))


def _sample(path: str, size: int) -> bytes:
    """Hash a file whole, or blocks of it at even distances, the first and the last among them."""
    samples = _SAMPLES if size > _SAMPLED else 1
    length = _SAMPLED // samples
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for number in range(samples):
            file.seek((size - length) * number // (samples - 1) if number else 0)
            digest.update(file.read(length))
    return digest.digest()


def _read_rows(
    sources: Iterator[Source], encoding: str | None, start: int, limit: int, meter: Meter | None
) -> Iterator[Row]:
    position = 0
    for source in sources:
        shown = "stdin" if source.path == STDIN else printable(source.path)
        for line, raw, make in _read_records(source, encoding, limit, meter):
            if position >= start:
                yield Row(position, _make(make, shown, line, raw), shown, line)
            position += 1


def _make(make: Callable[[], Document], source: str, line: int, raw: str | bytes) -> Document | Reject:
    try:
        return make()
    except Malformed as verdict:
        return Reject(source, line, printable(verdict.reason), excerpt(raw))


def _read_records(source: Source, encoding: str | None, limit: int, meter: Meter | None) -> Iterator[Record]:
    """Give the records of one source; one that cannot be read on ends with a record that says so."""
    line = 0
    try:
        with open_stream(source.path, meter) as start:
            head = look_at(start, encoding)
            format_ = tell_format(head, source.path, source.format)
            if format_ is None:
                return
            named = find_encoding(start.look(_MARK), encoding) if format_.encoded else None
            stream = recode(start, named) if named else start
            for line, raw, make in format_.read(Opened(source.name, stream.buffered(), limit, head)):
                yield line, raw, partial(name_encoding, make, named) if named else make
    except Malformed as verdict:
        yield verdict.line, "", partial(refuse, f"{verdict.reason}; nothing behind it was read")
    except Damaged as error:
        yield line + 1, "", partial(refuse, f"the packed data cannot be read any further: {error}")
    except OSError as error:
        if line:
            raise HybridError(f"{source.path} cannot be read any further: {error.strerror}.") from error
        yield 1, "", partial(refuse, f"the file cannot be read: {error.strerror}")
