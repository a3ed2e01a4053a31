"""MediaWiki's XML dumps: an article a document, without redirects, talk and files, and without markup.

Ids are the wiki's own page numbers. A dump that is damaged cannot be read behind the damage.
"""

import re
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING
from xml.parsers import expat

from ..documents import Document
from .base import Format, Malformed, Opened, Record
from .checks import make_document

if TYPE_CHECKING:
    from mwparserfromhell.nodes import Node

_CHUNK = 2**16
#: What the number of a namespace means in every wiki.
_ARTICLES, _FILES, _CATEGORIES = "0", "6", "14"
#: Elements whose text is kept while a page is read.
_KEPT = {
    ("page", "title"): "title",
    ("page", "ns"): "ns",
    ("page", "id"): "id",
    ("revision", "text"): "text",
}
_NO_PROSE = frozenset(
    {"ref", "references", "table", "gallery", "math", "chem", "score", "timeline", "syntaxhighlight", "source",
     "graph", "imagemap", "hiero", "mapframe", "templatestyles"}
)  # fmt: skip
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_INNERMOST_TEMPLATE = re.compile(r"\{\{\{[^{}]*+\}\}\}|\{\{[^{}]*+\}\}")
_DEEPEST_TEMPLATE = 20
_NOTE = re.compile(r"<ref\b[^<>]*/>|<ref\b[^<>]*+>((?:[^<]|<(?!/?ref\b))*+)(</ref\s*+>)?", re.IGNORECASE)
_LINE_BREAK = re.compile(r"<br\s*+/?\s*+>", re.IGNORECASE)
_SWITCH = re.compile(r"__[A-Z]+__")
_HEADING = "\x1e"
_SPACE_AT_BREAK = re.compile(r"(?<![ \t\xa0])[ \t\xa0]*+\n[ \t\xa0]*+")
_EMPTY_LINES = re.compile(r"\n{3,}")


class _Dump:
    """Takes the parser's events, gives whole pages; it keeps no more than the page at hand."""

    def __init__(self, limit: int):
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.EntityDeclHandler = self._refuse_entity
        self._limit = limit
        self._path: list[str] = []
        self._keep = ""
        self._namespace = ""
        self._page: dict[str, str] = {}
        self._pieces: list[str] = []
        self._size = 0
        self._line = 1
        #: Names under which this wiki's files and categories are linked, in lower case.
        self.aside = {"file", "image", "category"}
        self.pages: list[tuple[int, dict[str, str]]] = []

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        parent = self._path[-1] if self._path else ""
        self._path.append(name)
        if name == "page":
            self._page, self._line = {}, self.parser.CurrentLineNumber
        elif name == "redirect":
            self._page["redirect"] = attributes.get("title", "")
        elif name == "namespace":
            self._namespace = attributes.get("key", "")
        self._keep = "namespace" if name == "namespace" else _KEPT.get((parent, name), "")
        self._pieces, self._size = [], 0

    def _characters(self, data: str) -> None:
        if self._keep and self._size <= self._limit:
            self._pieces.append(data)
            self._size += len(data)

    def _end(self, name: str) -> None:
        self._path.pop()
        if self._keep == "namespace" and self._namespace in (_FILES, _CATEGORIES):
            self.aside.add("".join(self._pieces).lower())
        elif self._keep:
            self._page[self._keep] = "".join(self._pieces)
        self._keep = ""
        if name == "page" and self._page.get("ns", _ARTICLES) == _ARTICLES and "redirect" not in self._page:
            self.pages.append((self._line, self._page))

    def _refuse_entity(self, *_: object) -> None:
        raise Malformed("the dump declares entities of its own", self.parser.CurrentLineNumber)


def _read(opened: Opened) -> Iterator[Record]:
    dump = _Dump(opened.limit)
    ended = False
    while not ended:
        data = opened.stream.read(_CHUNK)
        ended = not data
        try:
            dump.parser.Parse(data, ended)
        except expat.ExpatError as error:
            yield from _drain(dump, opened.limit)
            raise Malformed(f"not XML: {expat.ErrorString(error.code)}", error.lineno) from None
        yield from _drain(dump, opened.limit)


def _drain(dump: _Dump, limit: int) -> Iterator[Record]:
    for line, page in dump.pages:
        yield line, page.get("title", ""), partial(_parse, page, dump.aside, limit)
    dump.pages.clear()


def _parse(page: dict[str, str], aside: set[str], limit: int) -> Document:
    text = page.get("text", "")
    if len(text) > limit:
        raise Malformed(f"the article has more than {limit:,} characters")
    try:
        plain = strip_markup(text, aside)
    except Exception as error:  # markup is written by hand, and nothing in it must stop the job
        raise Malformed(f"markup that cannot be read: {type(error).__name__}: {error}"[:200]) from None
    return make_document(page.get("id"), page.get("title"), plain)


def strip_markup(text: str, aside: set[str]) -> str:
    """Give an article's prose without empty sections, and without links to the namespaces in ``aside``."""
    import mwparserfromhell
    from mwparserfromhell.nodes import Heading, Text

    code = mwparserfromhell.parse(_thin_out(text))
    prose = [node for node in code.nodes if not _is_no_prose(node, aside)]
    code.nodes = [
        Text(f"\n{_HEADING}{node.level}{node.title.strip_code().strip()}\n") if isinstance(node, Heading) else node
        for node in prose
    ]
    plain = _drop_empty_sections(code.strip_code(normalize=True, collapse=True))
    return _EMPTY_LINES.sub("\n\n", _SPACE_AT_BREAK.sub("\n", plain)).strip()


def _thin_out(text: str) -> str:
    """Take away what can be found without a parser, which is most of the parser's work."""
    text = _NOTE.sub(lambda note: "" if note[2] else note[1] or "", _COMMENT.sub("", text))
    for _ in range(_DEEPEST_TEMPLATE):
        text, found = _INNERMOST_TEMPLATE.subn("", text)
        if not found:
            break
    return _SWITCH.sub("", _LINE_BREAK.sub("\n", text))


def _is_no_prose(node: "Node", aside: set[str]) -> bool:
    from mwparserfromhell.nodes import Tag, Wikilink

    if isinstance(node, Tag):
        return str(node.tag).strip().lower() in _NO_PROSE
    return isinstance(node, Wikilink) and str(node.title).partition(":")[0].strip().lower() in aside


def _drop_empty_sections(text: str) -> str:
    """Take away headings with nothing below them but other headings of their rank."""
    opening, *sections = text.split(_HEADING)
    kept: list[str] = []
    rank_below = 0
    for section in reversed(sections):
        rank, heading, body = int(section[0]), *section[1:].partition("\n")[::2]
        if body.strip() or rank_below > rank:
            kept.append(f"{heading}\n{body}")
            rank_below = rank
    return "".join([opening, *reversed(kept)])


WIKI = Format(
    "wiki", "MediaWiki's XML dump", (".xml",), _read, library="mwparserfromhell", extra="wiki", encoded=False
)
