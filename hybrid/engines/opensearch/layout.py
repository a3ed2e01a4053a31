"""Where a document says what a passage is: under our own names, or in the fields of an index that was adopted.

An adopted index keeps its documents as they were; its profile names the fields that hold text. What is read of such
a document is given the names that it would have if it were ours.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...passages import (
    CONTENT_HASH,
    CONTENTS,
    ENCODE_ERROR,
    ENCODED_HASH,
    ID,
    META,
    PENDING,
    TEXT,
    TEXT_HASH,
    TITLE,
    Passage,
    from_document,
)
from ...profile import Profile

#: What we write into a document of somebody else's, besides vectors.
ADDED = (ID, CONTENT_HASH, TEXT_HASH, ENCODED_HASH, PENDING, ENCODE_ERROR)
VECTORS = "vec_"

Source = Mapping[str, Any]


def source_of(fields: Sequence[str] | bool, profile: Profile) -> list[str] | bool | dict[str, Any]:
    """Give what ``_source`` has to be asked for, so that ``present`` finds ``fields``."""
    if isinstance(fields, bool):
        return fields
    if not profile.text_fields:
        return list(fields)
    if META in fields:
        return True if profile.vector_field in fields else {"excludes": [f"{VECTORS}*"]}
    texts = profile.text_fields if TITLE in fields or TEXT in fields else ()
    return [*texts, *(name for name in fields if name not in (TITLE, TEXT))]


def present(source: Source, profile: Profile) -> Source:
    """Give a document under our names: title, text, metadata, and what we added ourselves."""
    if not profile.text_fields:
        return source
    title, text = read_pair(source, profile.text_fields)
    ours = {name: value for name, value in source.items() if _is_ours(name)}
    said = {name: value for name, value in source.items() if not _is_ours(name) and name not in profile.text_fields}
    return {**ours, TITLE: title, TEXT: text, META: said}


def is_taken(name: str) -> bool:
    """Tell whether a field of somebody else's has a name that we need for ourselves, or lies inside of one."""
    first = name.partition(".")[0]
    return first == CONTENTS or _is_ours(first)


def to_passage(source: Source, profile: Profile) -> Passage:
    """Give a document that ``present`` gave as a passage; of several vectors in it none is that of the whole."""
    return from_document(source, "" if profile.split_words else profile.vector_field)


def read_pair(source: Source, fields: Sequence[str]) -> tuple[str, str]:
    """Give title and text: of several fields the first is the title, the others together are the text."""
    texts = [" ".join(_list_texts(source, name)) for name in fields]
    title, rest = (texts[0], texts[1:]) if len(texts) > 1 else ("", texts)
    return title, " ".join(filter(None, rest))


def _is_ours(name: str) -> bool:
    return name in ADDED or name.startswith(VECTORS)


def _list_texts(value: Any, path: str) -> Iterator[str]:
    """Give the texts at ``a.b``, however objects, lists and names with points in them are nested there."""
    if isinstance(value, list):
        for one in value:
            yield from _list_texts(one, path)
    elif not path:
        if isinstance(value, str | int | float):
            yield str(value)
    elif isinstance(value, Mapping):
        for name, inside in value.items():
            if name == path or path.startswith(f"{name}."):
                yield from _list_texts(inside, path[len(name) + 1 :])
