"""The gate of every format: an id, a title, a text and metadata go in, a ``Document`` comes out or ``Malformed``."""

import math
import re
from collections.abc import Mapping
from typing import Any

import orjson

from ..documents import MAX_ID_BYTES, Document
from .base import Malformed, NotUtf8

#: A passage is named after its document and a number: ``#0`` to ``#9999999``, more than a row has room for.
MAX_DOCUMENT_ID_BYTES = MAX_ID_BYTES - len("#9999999")
#: A run of so many characters without a space is data, not text.
MAX_WORD = 1_000_000
#: Title and metadata stand on every passage.
MAX_TITLE = 4096
MAX_META_BYTES = 65_536

_WORD = re.compile(r"\S++")
_KINDS = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


def make_document(
    document_id: object, title: object, text: object, meta: Mapping[str, Any] | None = None
) -> Document:
    """Check all parts of a row; anything but text is refused, except that an id may be a whole number."""
    checked_id = _check_id(document_id)
    checked_text = _check_text(text)
    checked_title = "" if title is None else _check_string("title", title)
    if len(checked_title) > MAX_TITLE:
        raise Malformed(f"the title has {len(checked_title):,} characters, more than {MAX_TITLE:,}")
    return Document(checked_id, checked_title, checked_text, _check_meta(meta) if meta else {})


def decode(data: bytes, offset: int) -> str:
    """Read UTF-8; ``offset`` says where in the file ``data`` begins."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        byte, where = data[error.start], offset + error.start
        raise NotUtf8(f"not UTF-8: byte 0x{byte:02x} at offset {where:,} of the file") from None


def _check_id(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None or value == "" or (isinstance(value, str) and value.isspace()):
        raise Malformed("no id")
    checked = _check_string("id", value)
    size = len(checked) if checked.isascii() else len(checked.encode())
    if size > MAX_DOCUMENT_ID_BYTES:
        raise Malformed(f"the id has {size:,} bytes, more than {MAX_DOCUMENT_ID_BYTES}")
    return checked


def _check_text(value: object) -> str:
    if value is None:
        raise Malformed("no text")
    text = _check_string("text", value)
    if not text or text.isspace():
        raise Malformed("the text is empty")
    if len(text) >= MAX_WORD and any(found.end() - found.start() >= MAX_WORD for found in _WORD.finditer(text)):
        raise Malformed(f"the text has a word of {MAX_WORD:,} characters or more")
    return text


def _check_string(part: str, value: object) -> str:
    if not isinstance(value, str):
        raise Malformed(f"the {part} is {_KINDS.get(type(value), 'something else')} instead of text")
    if "\0" in value:
        raise Malformed(f"the {part} holds a NUL character (character {value.index(chr(0)) + 1})")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise _name_surrogate(part, value, error.start) from None
    return value


def _name_surrogate(part: str, text: str, place: int) -> Malformed:
    code = ord(text[place])
    if 0xDC80 <= code <= 0xDCFF:  # the codec's stand-in for a byte that it could not read
        byte = f"0x{code - 0xDC00:02x}, character {place + 1}"
        return NotUtf8(f"the {part} holds a byte that is not UTF-8 ({byte})")
    return Malformed(f"the {part} holds half of a surrogate pair (U+{code:04X}, character {place + 1})")


def _check_meta(meta: Mapping[str, Any]) -> dict[str, Any]:
    checked = {}
    for name, value in meta.items():
        _check_name(name)
        if value is None:
            continue
        if isinstance(value, list):
            value = [_check_value(name, one) for one in value if one is not None]
        else:
            _check_value(name, value)
        checked[name] = value
    size = len(orjson.dumps(checked)) if checked else 0
    if size > MAX_META_BYTES:
        raise Malformed(f"the metadata has {size:,} bytes, more than {MAX_META_BYTES:,}")
    return checked


def _check_name(name: str) -> None:
    _check_string("name of a metadata field", name)
    if not all(part.strip() for part in name.split(".")):
        raise Malformed(f"the metadata field {name[:80]!r} has an empty name")


def _check_value(name: str, value: object) -> object:
    what = f"metadata field {name[:80]!r}"
    if isinstance(value, str):
        return _check_string(what, value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise Malformed(f"the {what} holds a whole number of more than 64 bits")
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise Malformed(f"the {what} holds {_KINDS.get(type(value), 'something else')}; plain values or lists of them go")
