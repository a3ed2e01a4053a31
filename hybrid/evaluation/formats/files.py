"""A file's lines with their numbers, plain or gzipped; what is wrong with a row is an error that names the place."""

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import orjson

from ...errors import HybridError

_BOM = b"\xef\xbb\xbf"
_GAP = re.compile(r"[ \t]+")


def fail(path: Path, place: int | str, reason: str) -> NoReturn:
    """Stop at a row that cannot be read; ``place`` is its line, or its way through a JSON file."""
    where = f"line {place}" if isinstance(place, int) else place
    raise HybridError(f"{path}, {where}: {reason}.")


def read_bytes(path: Path) -> bytes:
    """Give all of a file, unpacked and without a byte order mark."""
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix.lower() == ".gz" else path.read_bytes()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise HybridError(f"{path} cannot be unpacked: {error}.") from error
    except OSError as error:
        raise HybridError(f"{path} cannot be read: {error.strerror}.") from error
    return data.removeprefix(_BOM)


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Give lines that are not blank with their numbers; only a line break ends one, not all that Unicode offers."""
    for number, data in enumerate(read_bytes(path).split(b"\n"), 1):
        try:
            line = data.decode().removesuffix("\r")
        except UnicodeDecodeError as error:
            fail(path, number, f"not UTF-8: byte 0x{data[error.start]:02x} at column {error.start + 1}")
        if line.strip():
            yield number, line


def split_columns(line: str) -> list[str]:
    """Cut a line at spaces and tabs; other kinds of space may stand inside an id."""
    return [column for column in _GAP.split(line) if column]


def read_text(path: Path) -> str:
    """Give all of a file as text."""
    data = read_bytes(path)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        fail(path, data.count(b"\n", 0, error.start) + 1, f"not UTF-8: byte 0x{data[error.start]:02x}")


def read_json(path: Path) -> Any:
    """Give the value of a JSON file."""
    try:
        return orjson.loads(read_bytes(path))
    except orjson.JSONDecodeError as error:
        fail(path, error.lineno, explain(error))


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give the object of every line with its number."""
    for number, line in read_lines(path):
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            fail(path, number, explain(error))
        if not isinstance(row, dict):
            fail(path, number, "not a JSON object")
        yield number, row


def explain(error: orjson.JSONDecodeError) -> str:
    """Say in a phrase why text is no JSON."""
    return f"not JSON: {error.msg.partition(': line')[0]} at column {error.colno}"
