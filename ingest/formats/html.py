"""Web pages, a document a file: the main text without menus, scripts and forms, and the page's title."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..documents import Document
from .base import Format, Malformed, Opened, Record
from .checks import MAX_TITLE, decode, make_document
from .encodings import find_encoding
from .text import read_whole

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

_CHARSET = re.compile(rb"""<meta[^>]+charset=["']?([\w.:-]+)""", re.IGNORECASE)
#: Nothing that anybody would look for in a page's text.
_NOISE = (
    "script, style, noscript, template, nav, aside, footer, form, button, select, iframe, object, svg, canvas, "
    "dialog, body > header, [hidden], [aria-hidden=true], [role=navigation], [role=banner], [role=contentinfo], "
    "[role=search]"
)
#: Elements that stand on lines of their own.
_BLOCKS = frozenset(
    {"address", "article", "blockquote", "body", "br", "caption", "dd", "details", "div", "dl", "dt", "figcaption",
     "figure", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre", "section",
     "summary", "table", "td", "th", "tr", "ul"}
)  # fmt: skip
#: Marks where such an element begins or ends; no page has it in its text.
_BREAK = "\x1e"


def _read(opened: Opened) -> Iterator[Record]:
    return read_whole(opened, opened.limit, _parse)


def _parse(opened: Opened, data: bytes) -> Document:
    from selectolax.lexbor import LexborHTMLParser

    page = LexborHTMLParser(_to_text(data))
    title = _text_of(page, "head > title") or _text_of(page, "h1") or opened.stem
    return make_document(opened.name, title[:MAX_TITLE], _main_text(page))


def _to_text(data: bytes) -> str:
    """Decode a page: as UTF-8, or as its byte order mark or the page itself says."""
    try:
        return decode(data, 0)
    except Malformed:
        found = _CHARSET.search(data[:4096])
        named = find_encoding(data, found and found[1].decode())
        if named is None:
            raise
        try:
            return data.decode(named)
        except (LookupError, UnicodeError):
            raise Malformed(f"not {named}, as the page says, nor UTF-8") from None


def _text_of(page: "LexborHTMLParser", selector: str) -> str:
    node = page.css_first(selector)
    return " ".join(node.text().split()) if node else ""


def _main_text(page: "LexborHTMLParser") -> str:
    noise = {node.mem_id for node in page.css(_NOISE)}
    blocks = (" ".join(block.split()) for block in "".join(_texts(_main_part(page), noise)).split(_BREAK))
    return "\n".join(block for block in blocks if block)


def _texts(root: "LexborNode", noise: set[int]) -> Iterator[str]:
    """Give all text below a node but that in noise, with a mark around every block."""
    path = [(root.tag, root.iter(include_text=True))]
    while path:
        tag, children = path[-1]
        child = next(children, None)
        if child is None:
            path.pop()
            yield _BREAK if tag in _BLOCKS else ""
        elif child.is_text_node:
            yield child.text_content or ""
        elif child.mem_id not in noise:
            yield _BREAK if child.tag in _BLOCKS else ""
            path.append((child.tag, child.iter(include_text=True)))


def _main_part(page: "LexborHTMLParser") -> "LexborNode":
    """Find what the page calls its main part, or its only article; otherwise all of it counts."""
    for selector in ("main", "[role=main]", "article"):
        found = [node for node in page.css(selector) if node.text(strip=True)]
        if len(found) == 1:
            return found[0]
    if page.body is None:
        raise Malformed("the page has no body")
    return page.body


HTML = Format(
    "html",
    "web pages",
    (".html", ".htm", ".xhtml"),
    _read,
    True,
    True,
    library="selectolax",
    extra="html",
    encoded=False,
)
