"""The formats that sources come in, one module each, and how to tell them apart."""

import importlib.util
import re

import orjson

from hybrid.errors import HybridError

from .base import Format, Malformed, Opened, Record
from .dpr import DPR
from .html import HTML
from .jsonl import JSONL
from .lines import LINES
from .pdf import PDF
from .squad import SQUAD
from .table import CSV, is_table
from .text import TEXT
from .trec import TREC
from .wiki import WIKI

__all__ = [
    "FORMATS",
    "SNIFFED",
    "Format",
    "Malformed",
    "Opened",
    "Record",
    "fits",
    "need_library",
    "tell_by_content",
    "tell_by_name",
]

#: By name, in the order in which a person reads them.
FORMATS = {one.name: one for one in (DPR, JSONL, CSV, SQUAD, TREC, TEXT, LINES, HTML, PDF, WIKI)}
#: How many bytes of a source are looked at.
SNIFFED = 65_536

_COMPRESSED = re.compile(r"\.(gz|bz2|xz|zst|zstd)$", re.IGNORECASE)
_BY_SUFFIX = {suffix: one for one in FORMATS.values() for suffix in one.suffixes}
#: Endings that many formats share; the content decides.
_VAGUE = {".json", ".xml"}
_BEGINNINGS = (
    (PDF, re.compile(rb"%PDF-")),
    (WIKI, re.compile(rb"\s*(<\?xml[^>]*>\s*)?(?:<!--(?>.*?-->)\s*)*+<mediawiki", re.DOTALL)),
    (TREC, re.compile(rb"\s*<DOC>\s*<DOCNO>", re.IGNORECASE)),
    (
        HTML,
        re.compile(
            rb"\s*(<\?xml[^>]*>\s*)?(?:<!--(?>.*?-->)\s*)*+<(!doctype html|html)\b", re.IGNORECASE | re.DOTALL
        ),
    ),
)
_SQUAD_DATA = re.compile(rb'"data"\s*:\s*\[\s*(\{|\])')
_ROW_KEY = re.compile(rb'"(_id|id|text)"\s*:')


def tell_by_name(name: str) -> Format | None:
    """Tell the format by the ending, where it leaves no doubt."""
    suffix = _suffix(name)
    return None if suffix in _VAGUE else _BY_SUFFIX.get(suffix)


def fits(name: str, format_: Format | None) -> bool:
    """Tell whether a file's ending is one of a format, or without one of any whose files are documents."""
    if format_ is LINES:
        return _suffix(name) == ".txt"
    found = _BY_SUFFIX.get(_suffix(name))
    return found is not None and (found is format_ or (format_ is None and found.whole))


def tell_by_content(head: bytes) -> Format | None:
    """Tell the format by the first bytes; plain text is never guessed."""
    head = head.removeprefix(b"\xef\xbb\xbf")
    for format_, beginning in _BEGINNINGS:
        if beginning.match(head):
            return format_
    if head.lstrip()[:1] == b"{":
        return _tell_json(head.lstrip())
    names = [name.strip(b' "\r').lower() for name in head.partition(b"\n")[0].split(b"\t")]
    if len(names) > 1 and {b"id", b"text"} <= set(names):
        return DPR
    return CSV if is_table(head) else None


def _tell_json(head: bytes) -> Format | None:
    try:
        row = orjson.loads(head.partition(b"\n")[0])
    except orjson.JSONDecodeError:
        return SQUAD if _SQUAD_DATA.search(head) else JSONL if _ROW_KEY.search(head) else None
    if isinstance(row.get("data"), list) and "text" not in row:
        return SQUAD
    return JSONL if {"_id", "id", "text"} & set(row) else None


def need_library(format_: Format, source: str) -> None:
    """Stop if the library that a format needs is not installed."""
    if format_.library and importlib.util.find_spec(format_.library) is None:
        raise HybridError(
            f"{source} needs the extra {format_.extra!r}: pip install 'hybrid-passage-search[{format_.extra}]'"
        )


def _suffix(name: str) -> str:
    stripped = _COMPRESSED.sub("", name.lower())
    base = stripped.rpartition("/")[2]
    return base[base.rfind(".") :] if "." in base else ""
