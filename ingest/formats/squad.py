"""SQuAD's JSON: articles with paragraphs; each paragraph is a document under its article's title.

A paragraph has no id of its own, so it gets one of its place: ``dev.json:3.7`` is ``data[3].paragraphs[7]``.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from ..documents import Document
from .base import Format, Malformed, Opened, Record, refuse
from .checks import make_document
from .jsonstream import JsonStream

#: An article is read whole, with the questions on it.
_ROWS_AN_ARTICLE = 4


def _read(opened: Opened) -> Iterator[Record]:
    stream = JsonStream(opened.stream, _ROWS_AN_ARTICLE * opened.limit)
    stream.expect("{")
    found = False
    while not stream.take("}"):
        name = stream.value()
        stream.expect(":")
        if name == "data" and stream.take("["):
            found = True
            yield from _read_articles(stream, opened)
        else:
            stream.value()
        if stream.peek() != "}":
            stream.expect(",")
    if not found:
        raise Malformed("not SQuAD's JSON: there is no list named data")


def _read_articles(stream: JsonStream, opened: Opened) -> Iterator[Record]:
    number = 0
    while not stream.take("]"):
        stream.peek()
        line = stream.line
        article = stream.value()
        yield from _read_paragraphs(article, f"{opened.name}:{number}", line, opened.limit)
        number += 1
        if stream.peek() != "]":
            stream.expect(",")


def _read_paragraphs(article: Any, name: str, line: int, limit: int) -> Iterator[Record]:
    paragraphs = article.get("paragraphs") if isinstance(article, dict) else None
    if not isinstance(paragraphs, list):
        yield line, str(article)[:200], partial(refuse, "the article has no list named paragraphs")
        return
    for number, paragraph in enumerate(paragraphs):
        context = paragraph.get("context") if isinstance(paragraph, dict) else None
        shown = context if isinstance(context, str) else str(paragraph)[:200]
        yield line, shown, partial(_parse, f"{name}.{number}", article.get("title"), context, limit)


def _parse(document_id: str, title: object, context: object, limit: int) -> Document:
    if isinstance(context, str) and len(context) > limit:
        raise Malformed(f"the paragraph has more than {limit:,} characters")
    return make_document(document_id, title, context)


SQUAD = Format("squad", "SQuAD's JSON, one document a paragraph", (".json",), _read, named=True)
