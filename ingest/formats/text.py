"""Text and Markdown, a document a file: its id is the file's path, its title the first heading or the file's name."""

import re
from collections.abc import Callable, Iterator
from functools import partial

from ..documents import Document
from .base import Format, Opened, Record, refuse
from .checks import MAX_TITLE, decode, make_document

Parse = Callable[[Opened, bytes], Document]

_BOM = b"\xef\xbb\xbf"
#: Where headings are looked for.
_HEAD = 20_000
_MARKDOWN = re.compile(r"\.(md|markdown)(\.|$)", re.IGNORECASE)
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?\n)?(---|\.\.\.)[ \t]*(\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"""^title:[ \t]*(["']?)(.*?)\1[ \t]*$""", re.MULTILINE)
_FENCED = re.compile(r"^ {0,3}(```+|~~~+).*?(^ {0,3}\1[`~]*[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(
    r"^ {0,3}\#{1,6}[ \t]+(?P<marked>[^\n]*)$|^ {0,3}(?P<underlined>\S[^\n]*)\n {0,3}(=+|-+)[ \t]*$", re.MULTILINE
)


def read_whole(opened: Opened, limit: int, parse: Parse, hint: str = "") -> Iterator[Record]:
    """Give the one record of a source that is one document."""
    data = opened.stream.read(limit + 1)
    if len(data) > limit:
        yield 1, data, partial(refuse, f"the file has more than {limit:,} bytes{hint}")
    else:
        data = data.removeprefix(_BOM)
        yield 1, data, partial(parse, opened, data)


def _read(opened: Opened) -> Iterator[Record]:
    return read_whole(opened, opened.limit, _parse, " (if every line is a passage, say --format lines)")


def _parse(opened: Opened, data: bytes) -> Document:
    text = decode(data, 0)
    heading = _find_heading(text) if _MARKDOWN.search(opened.name) else ""
    return make_document(opened.name, heading[:MAX_TITLE] or opened.stem, text)


def _find_heading(text: str) -> str:
    """Give Markdown's own title, or the first heading outside of code."""
    head = text[:_HEAD].replace("\r\n", "\n")
    front = _FRONT_MATTER.match(head)
    if front:
        title = _FRONT_TITLE.search(front[0])
        if title and title[2]:
            return title[2].strip()
        head = head[front.end() :]
    heading = _HEADING.search(_FENCED.sub("", head))
    if heading is None:
        return ""
    return (heading["underlined"] or heading["marked"].rstrip().rstrip("#")).strip()


TEXT = Format("text", "text or Markdown, one document a file", (".txt", ".md", ".markdown"), _read, True, True)
