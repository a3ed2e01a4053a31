"""Bytes of a source, whatever it is packed in: the packing is told by its first bytes, never by its name."""

import bz2
import contextlib
import gzip
import importlib
import io
import lzma
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol, cast

from hybrid.errors import HybridError

_BUFFER = 2**20
_MAGIC_BYTES = 6
_GZIP, _BZIP2, _XZ, _ZSTD = b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"


class Damaged(Exception):  # noqa: N818 - a verdict on a source, not an error of the program
    """Packed data that ends early or makes no sense."""


@dataclass(slots=True)
class Meter:
    """How far the reading is, in bytes as they lie on the disk."""

    done: int = 0
    #: All bytes there are, or 0 where nobody can know.
    total: int = 0


class _Source(Protocol):
    def read1(self, size: int = -1, /) -> bytes: ...


class Peekable(io.RawIOBase):
    """A stream whose beginning can be looked at, though it may be a pipe."""

    def __init__(self, source: _Source, meter: Meter | None = None):
        super().__init__()
        self._source = source
        self._meter = meter
        self._head = b""

    def buffered(self) -> BinaryIO:
        """Give the whole stream for reading in small pieces."""
        return io.BufferedReader(self, _BUFFER)

    def look(self, size: int) -> bytes:
        """Give the first bytes without stepping over them."""
        while len(self._head) < size and (piece := self._read(size - len(self._head))):
            self._head += piece
        return self._head

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as one read goes."""
        data = self._head or self._read(len(buffer))
        count = min(len(data), len(buffer))
        buffer[:count] = data[:count]
        if self._head:
            self._head = self._head[count:]
        return count

    def _read(self, size: int) -> bytes:
        try:
            data = self._source.read1(size)
        except (EOFError, zlib.error, lzma.LZMAError) as error:
            raise Damaged(str(error)) from None
        except OSError as error:
            if error.errno is None:  # so the unpackers say that they cannot go on
                raise Damaged(str(error)) from None
            raise
        except Exception as error:
            if type(error).__name__ == "ZstdError":
                raise Damaged(str(error)) from None
            raise
        if self._meter:
            self._meter.done += len(data)
        return data


@contextlib.contextmanager
def open_stream(path: str, meter: Meter | None = None) -> Iterator[Peekable]:
    """Open a file, or standard input for ``-``, and unpack it."""
    with contextlib.ExitStack() as stack:
        file: Any = sys.stdin.buffer if path == "-" else stack.enter_context(open(path, "rb"))
        packed = Peekable(file, meter)
        magic = packed.look(_MAGIC_BYTES)
        yield Peekable(_unpack(io.BufferedReader(packed, _BUFFER), magic, path))


def _unpack(packed: io.BufferedReader, magic: bytes, path: str) -> _Source:
    if magic.startswith(_GZIP):
        return gzip.GzipFile(fileobj=packed)
    if magic.startswith(_BZIP2):
        return bz2.BZ2File(packed)
    if magic.startswith(_XZ):
        return lzma.LZMAFile(packed)
    if magic.startswith(_ZSTD):
        return _unpack_zstd(packed, path)
    return packed


def _unpack_zstd(packed: io.BufferedReader, path: str) -> _Source:
    """Use Python's own module, which came with 3.14, or the one that brings it to earlier versions."""
    for name in ("compression.zstd", "backports.zstd"):
        with contextlib.suppress(ModuleNotFoundError):
            return cast("_Source", importlib.import_module(name).ZstdFile(packed))
    raise HybridError(f"{path} needs the extra 'zstd': pip install 'hybrid-passage-search[zstd]'")
