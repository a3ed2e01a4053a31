"""Where the user's text stands: a query in, a ``Text`` with the clauses that hold it out, or why there is none.

Only clauses whose score reaches the hit are looked at: a filter, a ``must_not`` and a ``nested`` clause restrict what
is found, they are not what the user asks. Only clauses on text fields hold a text: a ``match`` on a keyword is a
filter, too.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from fnmatch import fnmatchcase
from typing import Any, Literal

from ..requests import MAX_TERMS
from .clauses import Path, get_at, read_clause, scoring_children
from .reasons import Reason

#: Fewer characters say too little for a vector; Chinese, Japanese and Korean say more with one.
MIN_CHARS = 3
MIN_CJK_CHARS = 2

_CJK = re.compile(
    "[\u1100-\u11ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)
#: What the two query languages do not take as words. A question mark at the end of a word ends a question.
_OPERATOR = re.compile(
    r"""(?:^|\s)(?:AND|OR|NOT)(?:\s|$) | (?:^|\s)[-+!] | && | [|:"()\[\]{}^~*\\/] | \?(?=[^\s?!.])""", re.VERBOSE
)


class _Use(Enum):
    """How a clause searches for its text."""

    WORDS = auto()
    #: As these words in this order and no others.
    PHRASE = auto()
    #: As the beginning of a word or phrase: what pages send while the user types.
    PREFIX = auto()
    #: In a query language, with operators in it.
    OPERATORS = auto()


@dataclass(frozen=True, slots=True)
class Text:
    """What the user asks, and which clauses say so."""

    words: str
    places: tuple[Path, ...]
    source: Literal["hint", "query"]


@dataclass(frozen=True, slots=True)
class _Leaf:
    path: Path
    #: The way from the clause to the string that holds the words.
    inside: Path
    words: str
    use: _Use
    #: Whether the clause stands in a ``constant_score``, where it may be a filter in disguise.
    constant: bool


def find_text(query: Any, fields: Collection[str], hint: str | None = None) -> Text | Reason:
    """Find the user's text; ``fields`` are the index's text fields, ``hint`` is what the page says that it is."""
    leaves = list(_walk(query, frozenset(fields), (), False))
    found = _infer(leaves) if hint is None else _look_for(normalise(hint), leaves)
    if isinstance(found, Reason):
        return found
    return _judge_length(found.words) or found


def find_strings(clause: Any, fields: Collection[str], words: str) -> tuple[Path, ...]:
    """Give the way to every string by which a clause searches for ``words``."""
    leaves = _walk(clause, frozenset(fields), (), False)
    return tuple((*leaf.path, *leaf.inside) for leaf in leaves if leaf.words == words)


def normalise(text: str) -> str:
    """Give a text without the white space that says nothing: ``about`` and ``about `` are one question."""
    return " ".join(text.split())


def _infer(leaves: list[_Leaf]) -> Text | Reason:
    """Give the one text that the query searches for."""
    whole = [leaf for leaf in leaves if leaf.use in (_Use.WORDS, _Use.PHRASE)]
    asking = [leaf for leaf in whole if not leaf.constant]
    if not asking and any(leaf.use is _Use.PREFIX for leaf in leaves):
        return Reason.AUTOCOMPLETE
    asking = asking or whole
    if not asking:
        return Reason.OPERATORS if leaves else Reason.NO_TEXT
    text = asking[0].words
    if any(leaf.words != text for leaf in asking):
        return Reason.SEVERAL_TEXTS
    # Beside the words as such, a phrase only says where they are worth more.
    if all(leaf.use is _Use.PHRASE for leaf in asking):
        return Reason.PHRASE
    return Text(text, _places(leaves, text), "query")


def _look_for(hint: str, leaves: list[_Leaf]) -> Text | Reason:
    """Give the clauses that hold the hint's text, or else those of the only text: the page may have edited it."""
    places = _places(leaves, hint)
    if not places and len({leaf.words for leaf in leaves}) == 1:
        places = tuple(leaf.path for leaf in leaves)
    return Text(hint, places, "hint") if places else Reason.HINT


def _places(leaves: list[_Leaf], words: str) -> tuple[Path, ...]:
    return tuple(leaf.path for leaf in leaves if leaf.words == words)


def _judge_length(words: str) -> Reason | None:
    least = MIN_CJK_CHARS if _CJK.search(words) else MIN_CHARS
    if len(words) < least:
        return Reason.SHORT_TEXT if words else Reason.NO_TEXT
    return Reason.LONG_TEXT if len(words.split()) > MAX_TERMS else None


def _walk(clause: Any, fields: frozenset[str], path: Path, constant: bool) -> Iterator[_Leaf]:
    kind, body = read_clause(clause)
    read = _READERS.get(kind)
    if read is not None and isinstance(body, Mapping):
        found = read(body, fields)
        if found is not None:
            inside, use = found
            yield _Leaf(path, (kind, *inside), normalise(get_at(body, inside)), use, constant)
        return
    for step, child in scoring_children(clause):
        yield from _walk(child, fields, (*path, *step), constant or kind == "constant_score")


#: Where in a clause's body its text stands.
_Found = tuple[Path, _Use] | None
_Reader = Callable[[Mapping[str, Any], frozenset[str]], _Found]


def _read_field(use: _Use) -> _Reader:
    """Give what reads ``{field: text}`` or ``{field: {"query": text, …}}``."""

    def read(body: Mapping[str, Any], fields: frozenset[str]) -> _Found:
        named = [(name, value) for name, value in body.items() if name not in ("boost", "_name")]
        if len(named) != 1 or not _searches_text([named[0][0]], fields):
            return None
        name, value = named[0]
        path, text = ((name, "query"), value.get("query")) if isinstance(value, Mapping) else ((name,), value)
        return (path, use) if isinstance(text, str) else None

    return read


def _read_fields(body: Mapping[str, Any], fields: frozenset[str]) -> _Found:
    """Read ``multi_match`` and ``combined_fields``."""
    text = body.get("query")
    if not isinstance(text, str) or not _searches_text(body.get("fields"), fields):
        return None
    return ("query",), _read_type(body)


def _read_language(body: Mapping[str, Any], fields: frozenset[str]) -> _Found:
    """Read ``query_string`` and ``simple_query_string``."""
    text = body.get("query")
    named = body.get("fields") or body.get("default_field")
    if not isinstance(text, str) or not _searches_text(named, fields):
        return None
    return ("query",), _Use.OPERATORS if _OPERATOR.search(text) else _read_type(body)


def _read_type(body: Mapping[str, Any]) -> _Use:
    """Read what the ``type`` of a clause on several fields makes of its text."""
    return _TYPES.get(str(body.get("type")), _Use.WORDS)


_TYPES = {"phrase": _Use.PHRASE, "phrase_prefix": _Use.PREFIX, "bool_prefix": _Use.PREFIX}

_READERS: Mapping[str, _Reader] = {
    "match": _read_field(_Use.WORDS),
    "match_phrase": _read_field(_Use.PHRASE),
    "match_phrase_prefix": _read_field(_Use.PREFIX),
    "match_bool_prefix": _read_field(_Use.PREFIX),
    "multi_match": _read_fields,
    "combined_fields": _read_fields,
    "query_string": _read_language,
    "simple_query_string": _read_language,
}


def _searches_text(named: Any, fields: frozenset[str]) -> bool:
    """Tell whether any of the fields that a clause names is a text field; naming none means all."""
    if not named:
        return True
    patterns = [named] if isinstance(named, str) else named
    names = (str(pattern).partition("^")[0] for pattern in patterns)
    return any(
        name in fields or ("*" in name and any(fnmatchcase(field, name) for field in fields)) for name in names
    )
