"""A piece of a text in, whether it can be an answer out: marks and function words alone say nothing. Pure.

Function words are the stop words of the analyzer ``english``. A capital letter makes a name of one (IT, vitamin A,
the film It), unless it stands where a sentence begins.
"""

from ..engines.local.analysis import find_analyzer

#: What may stand between the end of a sentence and the first letter of the next, and what ends one.
_BETWEEN = " \t\u00a0\"'\u201c\u201d\u2018\u2019\u00ab\u00bb()[]"
_ENDS = ".!?\u2026:\n\r\u3002\uff01\uff1f"

_split, _reduce = find_analyzer("standard"), find_analyzer("english")


def says_anything(text: str, start: int, end: int) -> bool:
    """Tell whether a piece of a text has a letter or a digit, and more than function words."""
    piece = text[start:end]
    if not any(map(str.isalnum, piece)):
        return False
    return bool(_reduce(piece)) or not _split(piece) or _holds_name(text, start, end)


def _holds_name(text: str, start: int, end: int) -> bool:
    capitals = [place for place in range(start, end) if text[place].isupper()]
    return len(capitals) > 1 or (len(capitals) == 1 and not _begins_sentence(text, capitals[0]))


def _begins_sentence(text: str, place: int) -> bool:
    before = text[:place].rstrip(_BETWEEN)
    return not before or before[-1] in _ENDS
