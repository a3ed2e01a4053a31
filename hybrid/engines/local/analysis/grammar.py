"""Where words begin and end: Unicode's word breaks (UAX #29) and emoji sequences (UTS #51), as Lucene reads them.

The grammar is a regular expression over a text's classes, one letter of ``properties`` for each code point. From a
given place no part of it can match in two ways, so greedy is longest, and possessive quantifiers keep it linear.
"""

import re

#: Marks belong to the character before them; of an emoji's marks, those that choose its style have their own place.
_UNSTYLED_MARK = "xskzgMe"
_MARK = _UNSTYLED_MARK + "tf"
_X = f"[{_MARK}]*+"
_U = f"[{_UNSTYLED_MARK}]*+"
#: What joins one emoji to the next: among the marks of the one before, or behind its style and perhaps a skin tone.
_JOINED = f"(?:(?<=z)|fz+|fzM{_U}(?<=z))"
#: Letters that are emoji too, joined to one that is no letter, are emoji.
_LETTERS_TO_EMOJI = f"I{_U}(?:{_JOINED}I{_U})*{_JOINED}E"


def _describe_words() -> str:
    """Letters and digits, or Katakana; connectors join all of them, other joiners stand between two of a kind."""
    more = f"(?:[aml]{_X}[LHGI]{_X})*"
    letters = f"[LGI]+{_X}{more}"
    # A Hebrew letter keeps an apostrophe, and a quotation mark that has one more Hebrew letter behind it.
    hebrew = f"H{_X}(?:Q{_X}H{_X}|a{_X}|[ml]{_X}[LHGI]{_X}{more})?"
    digits = f"N+{_X}(?:[anm]{_X}N{_X})*"
    core = f"(?:(?:{letters}|{hebrew}|{digits})++|(?:K{_X})++)"
    # Where connectors lead to no word, the next of them does not either; and no word is longer than 255.
    start = f"(?!{_LETTERS_TO_EMOJI})(?:(?<!_)(?:_++{_X}){{1,255}}+)?+"
    return f"{start}{core}(?:(?:_++{_X})++{core})*+(?:_++{_X})*+"


def _describe_emoji() -> str:
    """Emoji joined by zero width joiners, one with a tag, or a skin tone by itself."""
    tagged = f"(?:z*E|z+I){_U}fg+e"
    first = f"(?:z*E|z+I|M{_U}(?<=z)[EI]|{_LETTERS_TO_EMOJI})"
    sequence = f"{first}{_U}(?:{_JOINED}[EI]{_U})*(?:fzM{_U}|f)?"
    return f"{tagged}|{sequence}|M{_U}"


#: What a token can begin with. Of marks only those of scripts without spaces, skin tones and joiners can.
_FIRST = "LHGIN_KCJSsEMzRP"
FIRST = re.compile(f"[{_FIRST}]".encode("ascii"))
#: Group 1 is a token; the rest passes over what cannot begin one.
TOKEN = re.compile(
    (
        rf"[^{_FIRST}]*+"
        rf"(?:([CJ]{_X}"  # Han and Hiragana, one by one
        rf"|{_describe_words()}"
        rf"|[Ss][S{_MARK}]*+"  # a run of a script without spaces
        rf"|R{_X}R{_X}"  # a flag
        rf"|P[{_UNSTYLED_MARK}]*f?k{_U}"  # a keycap
        rf"|{_describe_emoji()})"
        rf"|z++)"
        rf"|[^{_FIRST}]++"
    ).encode("ascii")
)
#: A word of Hangul or Katakana alone.
ONE_SCRIPT = re.compile(rf"(?:G{_X})++|(?:K{_X})++".encode("ascii"))
