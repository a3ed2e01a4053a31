"""DPR's words: a text goes in; its tokens come out, lower-cased, with one space around each.

A token is a run of letters, numbers and marks, or any other single character that is neither space nor control, of
the text in normal form D. A script written without spaces so is one token up to the next sign, as it is for DPR.
"""

import unicodedata
from functools import lru_cache

#: What ``cut`` gives of a text without tokens.
NO_TOKENS = " "
#: How many texts are kept cut; the passages of one question come again in every mode.
_KEPT = 8192


class _Spacing(dict[int, str]):
    """What each character is replaced by, found out when it is first met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        kind = unicodedata.category(character)[0]
        self[code] = character if kind in "LNM" else " " if kind in "ZC" else f" {character} "
        return self[code]


_SPACING = _Spacing()


@lru_cache(_KEPT)
def cut(text: str) -> str:
    """Give ``" token token "``, so that one text's tokens stand in another's where the one string does."""
    tokens = unicodedata.normalize("NFD", text).translate(_SPACING).split()
    return f" {' '.join(tokens).lower()} " if tokens else NO_TOKENS


def words(text: str) -> list[str]:
    """Give the tokens that are not signs."""
    return [token for token in cut(text).split() if unicodedata.category(token[0])[0] in "LNM"]
