"""The three analyzers: words, and which of them become terms in what form."""

from collections.abc import Callable, Iterable
from functools import lru_cache

from ....errors import UsageError
from .porter import stem
from .words import split

#: Text in, terms out, in the order of the text.
Analyze = Callable[[str], list[str]]

#: What Lucene leaves out by default, and what its ``cjk`` leaves out.
_ENGLISH_STOP_WORDS = frozenset(
    (
        "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no", "not",
        "of", "on", "or", "such", "that", "the", "their", "then", "there", "these", "they", "this", "to", "was",
        "will", "with",
    )
)  # fmt: skip
_CJK_STOP_WORDS = _ENGLISH_STOP_WORDS - {"an"} | {"s", "t", "www"}
#: With the straight, the curly and the wide apostrophe.
_POSSESSIVES = ("'s", "\u2019s", "\uff07s")
#: The words of a language repeat: so many stems are kept at hand.
_KEPT_STEMS = 1 << 16


def find_analyzer(name: str) -> Analyze:
    """Give the analyzer of a name."""
    if name not in _ANALYZERS:
        known = ", ".join(_ANALYZERS)
        raise UsageError(f"A local index has no analyzer {name!r}; name one of {known}, or use a cluster.")
    return _ANALYZERS[name]


def _analyze_english(text: str) -> list[str]:
    return list(filter(None, map(_reduce, split(text))))


def _analyze_cjk(text: str) -> list[str]:
    return [word for word in _split_cjk(text) if word not in _CJK_STOP_WORDS]


def _split_cjk(text: str) -> Iterable[str]:
    if text.isascii():
        return split(text)
    # Only other texts need tables.
    from .cjk import pair_up
    from .scanner import scan

    return pair_up(scan(text))


@lru_cache(_KEPT_STEMS)
def _reduce(word: str) -> str:
    """Give the stem of a word without its possessive ending, or nothing for a stop word."""
    if word.endswith(_POSSESSIVES):
        word = word[:-2]
    return "" if word in _ENGLISH_STOP_WORDS else stem(word)


_ANALYZERS: dict[str, Analyze] = {"english": _analyze_english, "standard": split, "cjk": _analyze_cjk}
