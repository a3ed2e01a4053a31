"""Blocks of words of a text, disjoint and in order; words are what ``str.split`` gives."""

import re
from collections.abc import Iterator
from functools import lru_cache

from .errors import UsageError


def find_blocks(text: str, words: int) -> Iterator[tuple[int, int]]:
    """Give where each block of ``words`` words begins and ends; the last one stays as short as it is."""
    return (block.span() for block in _blocks(words).finditer(text))


@lru_cache
def _blocks(words: int) -> re.Pattern[str]:
    if words < 1:
        raise UsageError(f"A passage of {words} words cannot be; say 1 or more.")
    return re.compile(rf"\S++(?:\s++\S++){{0,{words - 1}}}+")
